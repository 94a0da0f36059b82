import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const isRoot = process.geteuid?.() === 0;
const platform = join(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(platform, "..", "..", "node_modules");

if (!isRoot) console.warn("own-user.test.ts: not root, so becoming another user is not tried in this run");

// A small program beside a copy of the code: says who it is and what it can reach.
const PROBE = `
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { becomeOwnUser } from "../platform/sandbox/own-user.ts";
const code = new URL("../..", import.meta.url).pathname;
const attempt = (run) => { try { run(); return "worked"; } catch (error) { return error.code; } };
try {
  becomeOwnUser({ user: process.argv[2], code: decodeURIComponent(code), argv: process.argv, environment: { ONLY: "this" } });
} catch (error) {
  console.log(JSON.stringify({ refused: error.code, message: error.message, hint: error.hint, uid: process.geteuid() }));
  process.exit(1);
}
const status = readFileSync("/proc/self/status", "utf8");
const field = (name) => status.match(new RegExp(name + ":[ \\t]*(.*)"))[1];
console.log(JSON.stringify({
  uids: field("Uid").split(/\\s+/).map(Number), gids: field("Gid").split(/\\s+/).map(Number), groups: field("Groups").trim(),
  effective: field("CapEff"), permitted: field("CapPrm"), ambient: field("CapAmb"), cwd: process.cwd(), environment: process.env, rest: process.argv.slice(2),
  canary: attempt(() => readFileSync(process.argv[3])), back: attempt(() => process.setuid(0)),
  write: attempt(() => writeFileSync(decodeURIComponent(code) + "src/open/new", "x")),
  entries: attempt(() => readdirSync(decodeURIComponent(code))), script: process.argv[1],
}));
`;

let outer: string;
let clone: string;

describe.runIf(isRoot)("a program that root started", { timeout: 60_000 }, () => {
  beforeAll(() => {
    outer = mkdtempSync(join(tmpdir(), "aios-own-"));
    clone = join(outer, "it's a folder", "my clone");
    mkdirSync(join(clone, "src", "main"), { recursive: true });
    mkdirSync(join(clone, "src", "open"));
    chmodSync(join(clone, "src", "open"), 0o777); // so that only the read-only mount stands in the way
    cpSync(platform, join(clone, "src", "platform"), { recursive: true });
    mkdirSync(join(clone, ".git"));
    mkdirSync(join(clone, "node_modules", ".bin"), { recursive: true });
    for (const name of ["koffi", "@koromix"])
      cpSync(join(modules, name), join(clone, "node_modules", name), { recursive: true });
    placeNode(join(clone, "node_modules", ".bin", "node"));
    writeFileSync(join(clone, "package.json"), JSON.stringify({ type: "module" }));
    writeFileSync(join(clone, "src", "main", "probe.ts"), PROBE);
    writeFileSync(join(outer, "canary"), "secret", { mode: 0o644 });
    spawnSync("chmod", ["-R", "go+rX", outer]);
  });
  afterAll(() => rmSync(outer, { recursive: true, force: true }));

  const runProbe = (user: string): { readonly [name: string]: unknown } => {
    const node = join(clone, "node_modules", ".bin", "node");
    const run = spawnSync(node, [join(clone, "src", "main", "probe.ts"), user, join(outer, "canary"), "a b"], {
      encoding: "utf8",
      env: { PATH: "/usr/bin:/bin", NODE_OPTIONS: "", SECRET: "of root" },
    });
    if (run.stdout === "") throw new Error(`the probe said nothing: ${run.stderr}`);
    return JSON.parse(run.stdout);
  };
  const nobody = readFileSync("/etc/passwd", "utf8").match(/^nobody:[^:]*:(\d+):(\d+)/m);
  const uid = Number(nobody?.[1]);
  const gid = Number(nobody?.[2]);

  const expectOwnUser = (seen: { readonly [name: string]: unknown }): void => {
    expect(seen).toMatchObject({
      uids: [uid, uid, uid, uid],
      gids: [gid, gid, gid, gid],
      groups: "",
      effective: "0000000000000000",
      permitted: "0000000000000000",
      ambient: "0000000000000000",
      back: "EPERM",
      cwd: "/",
      environment: { ONLY: "this" },
      rest: ["nobody", join(outer, "canary"), "a b"],
      entries: "worked",
      script: join(clone, "src", "main", "probe.ts"),
    });
  };

  it("begins again as its own user, without group, capability, environment or way back", () => {
    chmodSync(outer, 0o755);
    const seen = runProbe("nobody");
    expectOwnUser(seen);
    expect(seen["canary"]).toBe("worked");
  });

  it("reaches its code in a folder of root with mode 0700, read-only, and nothing else there", () => {
    chmodSync(outer, 0o700);
    const seen = runProbe("nobody");
    expectOwnUser(seen);
    expect(seen["canary"]).toBe("ENOENT");
    expect(seen["write"]).toBe("EROFS");
    expect(readFileSync(join(outer, "canary"), "utf8")).toBe("secret");
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(outer);
    expect(existsSync(join(clone, ".git"))).toBe(true);
    chmodSync(outer, 0o755);
  });

  it("reaches its code when the clone itself has mode 0700", () => {
    chmodSync(clone, 0o700);
    expectOwnUser(runProbe("nobody"));
    chmodSync(clone, 0o755);
  });

  it("refuses code that is unreadable file by file, and says what would help", () => {
    chmodSync(join(clone, "package.json"), 0o600);
    const seen = runProbe("nobody");
    expect(seen).toMatchObject({ refused: "code-unreadable" });
    expect(seen["message"]).toContain("package.json");
    expect(spawnSync("/bin/sh", ["-c", String(seen["hint"])]).status).toBe(0);
    expectOwnUser(runProbe("nobody"));
  });

  it("refuses a user that does not exist and root itself", () => {
    expect(runProbe("no-such-user")).toMatchObject({ refused: "no-own-user", uid: 0 });
    expect(runProbe("no-such-user")["hint"]).toContain("useradd");
    expect(runProbe("root")).toMatchObject({ refused: "no-own-user", uid: 0 });
  });

  it("ends where root is alone in its user namespace, and says so", () => {
    const node = join(clone, "node_modules", ".bin", "node");
    const words = [node, join(clone, "src", "main", "probe.ts"), "nobody", join(outer, "canary")];
    const alone = spawnSync("unshare", ["-r", ...words], { encoding: "utf8", env: { PATH: "/usr/bin:/bin" } });
    expect(JSON.parse(alone.stdout)).toMatchObject({
      refused: "no-own-user",
      message: 'Cannot run as user "nobody": this root may not become another user',
      uid: 0,
    });
  });
});

it.runIf(!isRoot)("does nothing for a program that an ordinary user started", async () => {
  const { becomeOwnUser } = await import("./own-user.ts");
  becomeOwnUser({ user: "no-such-user", code: "/nowhere", argv: [], environment: {} });
  expect(process.geteuid?.()).not.toBe(0);
});

function placeNode(path: string): void {
  try {
    linkSync(process.execPath, path);
  } catch {
    copyFileSync(process.execPath, path);
  }
}
