import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DetonationReport } from "../../src/extensions/detonate/finding.ts";
import { readSays } from "../../src/extensions/declare/says.ts";
import type { Tree } from "../../src/extensions/vet/tree.ts";
import { vetTree } from "../../src/extensions/vet/vet.ts";
import { chamberFolders } from "../../src/main/detonation/chamber.ts";
import { detonate, makeChamberFolder, PATIENCE, removeChamberFolder } from "../../src/main/detonation/detonate.ts";
import { loadVetTools } from "../../src/main/vet-tools.ts";
import { setStage, type Stage } from "../attacks/sandbox-stage.ts";
import { DETONATED, type Detonated } from "./extensions.ts";

const tools = await loadVetTools();
let stage: Stage;
beforeAll(() => {
  stage = setStage();
});
afterAll(() => stage.remove());

const treeOf = (files: Detonated["files"]): Tree => ({
  files: Object.entries(files).map(([path, text]) => ({ path, bytes: new TextEncoder().encode(text) })),
  skipped: [],
});

async function run(
  files: Detonated["files"],
  words: readonly string[] = [],
  patience = PATIENCE,
): Promise<DetonationReport> {
  const folder = makeChamberFolder();
  try {
    const { tree: place } = chamberFolders(folder);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(place, path)), { recursive: true });
      writeFileSync(join(place, path), text);
      if (path.includes("/.bin/")) chmodSync(join(place, path), 0o755);
    }
    const text = (path: string): Promise<string | null> => Promise.resolve(files[path] ?? null);
    const read = await readSays({ text }, { form: "tar", label: "made" });
    if (read.kind !== "read") throw new Error("it says nothing of itself");
    const { node, launcher, supervisor } = stage;
    const agents = { launcher, supervisor };
    const given = { folder, tree: treeOf(files), says: read.says, given: words, node, agents, version: "0.0.0" };
    return await detonate({ ...given, patience });
  } finally {
    removeChamberFolder(folder);
  }
}

const rules = (report: DetonationReport): readonly string[] => [...new Set(report.findings.map(({ rule }) => rule))];

describe("what vetting does not see", () => {
  for (const { technique, malicious, expected, files } of DETONATED)
    it(`${malicious ? "is found" : "twin, is let be"}: ${technique}`, async () => {
      const vetted = vetTree(treeOf(files), { tools });
      expect(vetted.findings.filter(({ severity }) => severity === "critical" || severity === "high")).toEqual([]);
      const report = await run(files);
      const grave = report.findings.filter(({ severity }) => severity === "critical" || severity === "high");
      expect(report.ran.length).toBeGreaterThan(0);
      if (malicious) expect(rules(report)).toEqual(expect.arrayContaining([...expected]));
      else expect(grave).toEqual([]);
      expect(report.grave).toBe(malicious);
    });
});

it("a server that needs words after it is run with them, and without them it is said that nobody saw it", async () => {
  const made = DETONATED.find(({ technique }) => technique.startsWith("a tool counts"));
  const code = `if (process.argv[2] !== "/workspace") process.exit(1);\n${made?.files["index.js"] ?? ""}`;
  const needy = { ...made?.files, "index.js": code };
  const without = await run(needy);
  expect(without).toMatchObject({ grave: true, calls: 0 });
  expect(rules(without)).toContain("not-run");
  expect(await run(needy, ["/workspace"])).toMatchObject({ grave: false, calls: 5 });
});

/** What is said of a server that was not driven. */
async function notRun(code: string, start: number): Promise<{ readonly how: string; readonly message: string }> {
  const manifest = JSON.stringify({ name: "made", version: "1.0.0", bin: "./index.js" });
  const report = await run({ "package.json": manifest, "index.js": code }, [], { ...PATIENCE, start });
  const found = report.findings.find(({ rule }) => rule === "not-run");
  return { how: report.ran[0]?.how ?? "", message: found?.message ?? "" };
}

it("of a server that does not answer it is said how it ended, or that it stood still, and what it wrote", async () => {
  const says = 'console.error("\\u001b[31mNo licence\\u202e file\\u001b[0m"); console.error("x".repeat(900));';
  const wrote = "on standard error it wrote: No licence file (server)";
  const ended = await notRun(`${says} process.exit(3);`, PATIENCE.start);
  expect(ended).toEqual({
    how: "ended with code 3",
    message: `did not answer as a server does: ended with code 3; ${wrote}`,
  });
  expect((await notRun('process.kill(process.pid, "SIGSEGV");', PATIENCE.start)).message).toContain(
    "was ended by SIGSEGV, and wrote nothing to standard error",
  );
  const still = await notRun("process.stdin.resume();", 2500);
  expect(still.message).toContain("it gave no answer to initialize within 2.5 s");
});

it("a server that leaves unanswered what it does not know is driven as others are", async () => {
  const made = DETONATED.find(({ technique }) => technique.startsWith("a tool counts"));
  const code = made?.files["index.js"] ?? "";
  const report = await run({ ...made?.files, "index.js": `${SILENCER}\n${code}` });
  expect(report).toMatchObject({ grave: false, calls: 5 });
});

/** Takes the answer to the newer question out of what a server writes. */
const SILENCER = `const write = process.stdout.write.bind(process.stdout);
process.stdout.write = (text, ...rest) => (String(text).includes("server-discover") ? true : write(text, ...rest));`;
