import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ROOT } from "./source-modules.ts";

const NEEDS_A_PERSON = 3;
const isRoot = process.geteuid?.() === 0;

let shared: string;
let nodePath: string;
let outer: string;
let clone: string;
let programs: string;

// A Node that an ordinary user can run, wherever this clone lies.
beforeAll(() => {
  shared = mkdtempSync(join(tmpdir(), "aios-setup-node-"));
  chmodSync(shared, 0o755);
  nodePath = join(shared, "node");
  try {
    linkSync(process.execPath, nodePath);
  } catch {
    copyFileSync(process.execPath, nodePath);
  }
});
afterAll(() => rmSync(shared, { recursive: true, force: true }));

/** A program that notes how it was called and then does what `body` says. */
function placeProgram(name: string, body: string): void {
  writeFileSync(join(programs, name), `#!/bin/sh\necho "${name} $*" >> "${join(outer, "calls")}"\n${body}\n`);
  chmodSync(join(programs, name), 0o755);
}

beforeEach(() => {
  outer = mkdtempSync(join(tmpdir(), "aios-setup-"));
  clone = join(outer, "a clone");
  programs = join(outer, "programs");
  for (const folder of [join(clone, "scripts"), programs, join(outer, "home")]) mkdirSync(folder, { recursive: true });
  for (const name of ["setup.cjs", "code-cache.cjs"]) {
    copyFileSync(join(ROOT, "scripts", name), join(clone, "scripts", name));
  }
  writeFileSync(join(clone, "package-lock.json"), "{}");
  placeProgram("npm", `mkdir -p node_modules/.bin && ln -sf "${nodePath}" node_modules/.bin/node`);
  placeProgram("bwrap", "exit 0");
  // The set-up makes a user when it is root; here it is always an ordinary one, with everything of its own.
  if (isRoot) spawnSync("chown", ["-R", "65534:65534", outer]);
});
afterEach(() => rmSync(outer, { recursive: true, force: true }));

function runSetup(...flags: readonly string[]): { status: number | null; out: string; said: string; calls: string } {
  const calls = join(outer, "calls");
  rmSync(calls, { force: true });
  const node = join(programs, "node");
  if (!existsSync(node)) symlinkSync(nodePath, node);
  const run = spawnSync(node, [join(clone, "scripts", "setup.cjs"), ...flags], {
    encoding: "utf8",
    cwd: outer,
    env: { PATH: `${programs}:/nowhere`, HOME: join(outer, "home") },
    ...(isRoot ? { uid: 65534, gid: 65534 } : {}),
  });
  return {
    status: run.status,
    out: run.stdout,
    said: run.stderr,
    calls: existsSync(calls) ? readFileSync(calls, "utf8") : "",
  };
}

/** The tools that the fake programs need, since the path holds nothing of the machine. */
beforeEach(() => {
  for (const tool of ["mkdir", "ln", "sh"]) {
    const real = ["/usr/bin", "/bin"].map((folder) => join(folder, tool)).find((path) => existsSync(path));
    if (real !== undefined) symlinkSync(real, join(programs, tool));
  }
});

describe("the set-up", () => {
  it("installs once what is missing, and says so, and then has nothing to say or to do", () => {
    const first = runSetup();
    expect(first).toMatchObject({ status: 0, out: "" });
    expect(first.said).toContain("installing the dependencies");
    expect(first.calls).toContain("npm ci --ignore-scripts");
    const again = runSetup();
    expect(again).toMatchObject({ status: 0, out: "", said: "" });
    expect(again.calls).not.toContain("npm");
  });

  it("installs again when the lockfile has changed", () => {
    runSetup();
    writeFileSync(join(clone, "package-lock.json"), `{"changed":true}`);
    expect(runSetup().calls).toContain("npm ci --ignore-scripts");
    const lock = createHash("sha256")
      .update(readFileSync(join(clone, "package-lock.json")))
      .digest("hex");
    expect(readFileSync(join(clone, "node_modules", ".aios-setup"), "utf8")).toContain(lock);
  });

  it("shows what npm said when it fails, and tries again the next time", () => {
    placeProgram("npm", "echo no network here >&2; exit 7");
    const failed = runSetup();
    expect(failed.status).toBe(1);
    expect(failed.said).toContain("no network here");
    expect(failed.said).toContain("exit code 7");
    placeProgram("npm", `mkdir -p node_modules/.bin && ln -sf "${nodePath}" node_modules/.bin/node`);
    expect(runSetup()).toMatchObject({ status: 0 });
  });

  it("stops when the repo's own Node was not installed or is too old", () => {
    placeProgram("npm", "mkdir -p node_modules/.bin");
    expect(runSetup()).toMatchObject({ status: NEEDS_A_PERSON });
    placeProgram("old-node", "echo v20.1.0");
    placeProgram("npm", `mkdir -p node_modules/.bin && ln -sf "${join(programs, "old-node")}" node_modules/.bin/node`);
    const old = runSetup();
    expect(old).toMatchObject({ status: NEEDS_A_PERSON });
    expect(old.said).toContain("v20.1.0");
  });
});

describe("the compiled code", () => {
  const place = (...names: readonly string[]): string => join(clone, "node_modules", ".aios-cache", ...names);
  const file = "v24.0.0-x64-0a1b2c3d-1000/00ff00ff";

  /** A filler that gives these, and a command line that does nothing. */
  function placeFiller(filled: object): void {
    const stand = (path: string, text: string): void => {
      expect(existsSync(join(ROOT, "src", path)), `src/${path}, for which this stands`).toBe(true);
      mkdirSync(dirname(join(clone, "src", path)), { recursive: true });
      writeFileSync(join(clone, "src", path), text);
    };
    stand("main/cache-filler.ts", `process.stdout.write(${JSON.stringify(JSON.stringify(filled))});\n`);
    stand("main/aios.ts", "const nothing: string = '';\n");
    stand("main/late-powers.ts", "export const loadEveryPart = (): void => undefined;\n");
    stand("platform/sandbox/launcher-files.ts", "export const keepLauncherModules = (): void => undefined;\n");
    if (isRoot) spawnSync("chown", ["-R", "65534:65534", clone]);
  }
  const PROGRAMS = [
    "monitor",
    "face",
    "driver",
    "connector",
    "broker",
    "injector",
    "storage",
    "supervisor",
    "port-gate",
    "console",
    "git-courier",
    "refresher",
    "cosigner",
    "telemetry",
    "alerter",
    "fetcher",
    "unpacker",
    "vetter",
  ];
  const each = (files: object): object => Object.fromEntries(PROGRAMS.map((name) => [name, files]));

  it("is made once, beside the code, a folder for each program", () => {
    placeFiller(each({ [file]: Buffer.from("compiled").toString("base64") }));
    const first = runSetup();
    expect(first).toMatchObject({ status: 0, out: "" });
    expect(first.said).toContain("compiling our programs once");
    for (const name of PROGRAMS) expect(readFileSync(place(name, file), "utf8")).toBe("compiled");
    expect(readdirSync(place()).toSorted()).toEqual([...PROGRAMS, "cli", "launcher", "stamp"].toSorted());
    expect(runSetup()).toMatchObject({ status: 0, said: "" });
  });

  it("is made anew, all of it, when a source has changed", () => {
    placeFiller(each({ [file]: "AAAA" }));
    runSetup();
    writeFileSync(place("face", "left-over"), "");
    writeFileSync(join(clone, "src", "main", "aios.ts"), "const nothing: string = '!';\n");
    expect(runSetup().said).toContain("compiling our programs once");
    expect(existsSync(place("face", "left-over"))).toBe(false);
    expect(existsSync(place("face", file))).toBe(true);
  });

  it.each([
    ["goes elsewhere", each({ "../../../../planted": "AAAA" })],
    ["lacks a program", { monitor: {}, face: {}, driver: {} }],
  ])("of a filler that %s is thrown away, and the set-up goes on", (_what, filled) => {
    placeFiller(filled);
    const run = runSetup();
    expect(run.status).toBe(0);
    expect(run.said).toContain("that did not work, and they start more slowly");
    expect(existsSync(join(clone, "planted"))).toBe(false);
    expect(readdirSync(join(clone, "node_modules")).filter((name) => name.startsWith(".aios-cache"))).toEqual([]);
  });

  it("is not made where the set-up may not write", () => {
    placeFiller(each({ [file]: "AAAA" }));
    writeFileSync(join(clone, "src", "main", "cache-filler.ts"), "process.exit(1);\n");
    runSetup();
    chmodSync(join(clone, "node_modules"), 0o555);
    const run = runSetup();
    chmodSync(join(clone, "node_modules"), 0o755);
    expect(run).toMatchObject({ status: 0, said: "" });
  });
});

describe("without bubblewrap", () => {
  beforeEach(() => rmSync(join(programs, "bwrap")));

  it("an ordinary user without sudo is told the exact command", () => {
    placeProgram("apt-get", "exit 0");
    const run = runSetup();
    expect(run.status).toBe(NEEDS_A_PERSON);
    expect(run.said).toContain("    sudo apt-get update && sudo apt-get install -y bubblewrap\n");
    expect(run.calls).not.toContain("apt-get");
  });

  it("a user whose sudo asks for a password is told too, and is not asked", () => {
    placeProgram("apt-get", "exit 0");
    placeProgram("sudo", "exit 1");
    const run = runSetup();
    expect(run.status).toBe(NEEDS_A_PERSON);
    expect(run.calls).toContain("sudo -n true");
    expect(run.calls).not.toContain("apt-get");
  });

  it("a user whose sudo asks for nothing gets it installed, after it was said", () => {
    placeProgram("apt-get", "exit 0");
    placeProgram(
      "sudo",
      `case "$*" in *install*) echo '#!/bin/sh' > "${join(programs, "bwrap")}"; chmod 755 "${join(programs, "bwrap")}";; esac`,
    );
    symlinkSync("/bin/chmod", join(programs, "chmod"));
    const run = runSetup();
    expect(run).toMatchObject({ status: 0 });
    expect(run.said).toContain("installing the package bubblewrap");
    expect(run.calls).toMatch(/apt-get update -qq\n.*apt-get install -y -qq bubblewrap/);
  });

  it("a machine without apt is told what to install", () => {
    const run = runSetup();
    expect(run.status).toBe(NEEDS_A_PERSON);
    expect(run.said).toContain("bubblewrap is missing");
  });
});

describe("what only tests need", () => {
  it("is not looked for unless it is asked for", () => {
    placeProgram("apt-get", "exit 0");
    placeProgram("sudo", "exit 0");
    expect(runSetup().calls).not.toContain("apt-get");
  });

  it("is named with its command where it cannot be installed, and nothing stops", () => {
    const run = runSetup("--test");
    expect(run.status).toBe(0);
    expect(run.said).toContain("NOT PROVEN: Go's sumdb is missing");
    expect(run.said).toContain("apt-get install -y --no-install-recommends golang-go golang-golang-x-mod-dev\n");
    expect(run.said).toContain("NOT PROVEN: OpenSSH is missing");
    expect(run.said).toContain("apt-get install -y --no-install-recommends openssh-server openssh-client\n");
  });

  it("is installed where nobody has to be asked, after it was said", () => {
    placeProgram("apt-get", "exit 0");
    placeProgram("sudo", "exit 0");
    const run = runSetup("--test");
    expect(run.said).toContain("installing the packages golang-go and golang-golang-x-mod-dev, for tests");
    expect(run.calls).toMatch(/apt-get update -qq\n.*apt-get install -y -qq --no-install-recommends golang-go/);
    expect(run.said).toContain("NOT PROVEN"); // these fakes install nothing
  });
});

describe("when the sandbox cannot be made", () => {
  it("nothing goes on, and bubblewrap's own words are shown", () => {
    placeProgram("bwrap", "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1");
    const run = runSetup();
    expect(run.status).toBe(NEEDS_A_PERSON);
    expect(run.said).toContain("bubblewrap cannot make a sandbox here: bwrap: setting up uid map: Permission denied");
  });
});
