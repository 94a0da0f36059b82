import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startSubstrate, type Substrate } from "../e2e/substrate.ts";

/*
 * Landlock knows nothing of times, so an agent can say when a control file was changed last (docs/decisions/guarded-workspace.md).
 * What is left open here, and that nothing follows from it: no content, no mode, no name; what tools that run afterwards
 * obey is the same, and the kernel's own time of change shows that somebody was there.
 */
let aios: Substrate;
let folder: string;
const OLD = new Date("2001-01-01T00:00:00Z");
const FILES = [".git/config", ".git/hooks/pre-commit", ".envrc", ".github/workflows/ci.yml"];

beforeAll(async () => {
  aios = await startSubstrate();
  folder = aios.workspace;
  git("init", "-q");
  mkdirSync(join(folder, ".github/workflows"), { recursive: true });
  for (const name of FILES.slice(1)) writeFileSync(join(folder, name), "as it was\n");
  git("add", ".");
  git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--no-verify", "-m", "first");
  execFileSync("chown", ["-R", "--reference", folder, folder]);
  await aios.grant({ id: "g", agents: ["worker"], allow: [], workspace: "write", programs: "any" });
});
afterAll(() => aios.stop());

function git(...words: readonly string[]): string {
  return execFileSync("git", ["-c", "safe.directory=*", "-C", folder, ...words], { encoding: "utf8" });
}

test("an agent can change the time of a control file and nothing else of it, and no tool obeys that", async () => {
  const before = FILES.map((name) => readFileSync(join(folder, name), "utf8"));
  const [settings, since] = [git("config", "--list", "--local"), statSync(join(folder, ".envrc")).ctimeMs];
  for (const name of FILES) utimesSync(join(folder, name), new Date(), new Date());
  const script = `touch -d 2001-01-01T00:00:00Z ${FILES.join(" ")} && echo touched
    for name in ${FILES.join(" ")}; do (echo more >> $name) 2>/dev/null || echo kept; chmod 777 $name 2>/dev/null || echo mode; done`;
  const ran = await aios.run({ agent: "worker", command: ["sh", "-c", script], workspace: folder });
  const kept = Array.from(FILES, () => ["kept", "mode"]).flat();
  expect(ran.stdout.trim().split("\n")).toEqual(["touched", ...kept]);
  expect(FILES.map((name) => readFileSync(join(folder, name), "utf8"))).toEqual(before);
  for (const name of FILES) {
    const found = statSync(join(folder, name));
    expect(found.mtimeMs).toBe(OLD.getTime());
    expect(found.ctimeMs).toBeGreaterThan(since);
  }
  // git compares content where a time moved; settings are the same.
  expect(git("status", "--porcelain")).toBe("");
  expect(git("config", "--list", "--local")).toBe(settings);
});
