import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../src/kernel/sandbox-limits.ts";
import { planAgent, planDriver, planFace } from "../../src/monitor/sandbox-plans.ts";
import type { SandboxSpec } from "../../src/sandbox/spec.ts";
import { setStage } from "./sandbox-stage.ts";

const stage = setStage();
// The stage stands in for a checkout: the plans are the real ones, the programs small ones.
const CODE = { node: stage.node, root: stage.folder };
const SOURCE = join(stage.folder, "src");
const WORD = join(SOURCE, "word.ts");
const caches = join(stage.folder, "node_modules", ".aios-cache");
const INSIDE = "/aios/node_modules/.aios-cache";
const ATTACKER = "/aios/src/attacker.ts";

const face = (): SandboxSpec => planFace(CODE, join(stage.folder, "workspace"));
const driver = (): SandboxSpec => planDriver(CODE, { kind: "stdio", command: ["node"], code: [], workspace: "none" });

beforeAll(() => {
  mkdirSync(join(SOURCE, "main"), { recursive: true });
  copyFileSync(join(stage.folder, "attacker.ts"), join(SOURCE, "attacker.ts"));
  const program = `import { word } from "../word.ts";\nconst said: string = word;\nprocess.stdout.write(said);\n`;
  for (const name of ["face", "driver"]) writeFileSync(join(SOURCE, "main", `${name}.ts`), program);
});
afterAll(() => stage.remove());

function say(word: string): void {
  writeFileSync(WORD, `export const word: string = ${JSON.stringify(word)};\n`);
}

/** What a program says, and of which modules Node took the compiled code. */
async function run(spec: SandboxSpec): Promise<{ said: string; taken: readonly string[] }> {
  const environment = { ...spec.environment, NODE_DEBUG_NATIVE: "COMPILE_CACHE" };
  const started = await stage.start(spec.command, { ...spec, environment, channels: 0 });
  await started.ended;
  const accepted = started.errors().matchAll(/for (?:ESM|StrippedTypeScript) file:\/\/(\S+) was accepted/g);
  return {
    said: Buffer.from(started.output().bytes).toString(),
    taken: [...new Set([...accepted].map(([, file = ""]) => file))],
  };
}

/** As the set-up does it: the same program in the same sandbox, but for a folder that it may write. */
async function fill(name: "face" | "driver", spec: SandboxSpec): Promise<void> {
  const folder = join(stage.folder, "filled");
  mkdirSync(folder);
  await run({
    ...spec,
    environment: { ...spec.environment, NODE_COMPILE_CACHE: "/cache" },
    mounts: [...spec.mounts, { kind: "write", host: folder, inside: "/cache" }],
  });
  mkdirSync(caches, { recursive: true });
  rmSync(join(caches, name), { recursive: true, force: true });
  renameSync(folder, join(caches, name));
}

function cachedFiles(): readonly string[] {
  return readdirSync(caches, { recursive: true, encoding: "utf8" })
    .map((name) => join(caches, name))
    .filter((path) => statSync(path).isFile());
}

const contents = (): readonly string[] => cachedFiles().map((path) => `${path} ${readFileSync(path, "base64")}`);

beforeEach(async () => {
  rmSync(caches, { recursive: true, force: true });
  say("one");
  await fill("face", face());
  await fill("driver", driver());
});

describe("NO-SELF-WIDENING: compiled code is code", () => {
  const inside = async (spec: SandboxSpec, ...words: readonly string[]) => {
    // With the very flags of the program, since they are in the name of the folder.
    const command = [...spec.command.slice(0, -1), ATTACKER, ...words];
    const started = await stage.start(command, { ...spec, command, channels: 0 });
    await started.ended;
    return JSON.parse(Buffer.from(started.output().bytes).toString()) as { done: boolean; detail: unknown };
  };

  it.each([
    ["face", face],
    ["driver", driver],
  ] as const)("what runs in a %s's sandbox may read it and neither change nor add to it", async (name, plan) => {
    const before = contents();
    const [file = ""] = cachedFiles().filter((path) => path.startsWith(join(caches, name)));
    const seen = file.replace(caches, INSIDE);
    expect((await inside(plan(), "read", seen)).done).toBe(true);
    for (const path of [seen, `${seen}0`, `${INSIDE}/planted`, `${INSIDE}/monitor`]) {
      expect(await inside(plan(), "write", path)).toEqual({ done: false, detail: [[path, "EROFS"]] });
    }
    expect(contents()).toEqual(before);
    // The same user without the sandbox can, so that it is the sandbox that stops it.
    expect(stage.outside(["write", file]).done).toBe(true);
  });

  it("Node itself adds nothing to it from inside, and would outside", async () => {
    const before = contents();
    await inside(driver(), "nothing"); // the attacker was never compiled before
    expect(contents()).toEqual(before);
    stage.outside(["nothing"], { NODE_COMPILE_CACHE: join(caches, "driver") });
    expect(contents().length).toBeGreaterThan(before.length);
  });

  it("an agent sees none of it, and no variable of a profile reaches a face or a driver", async () => {
    const agent = planAgent(CODE, {
      command: [],
      environment: { NODE_COMPILE_CACHE: "/workspace/planted" },
      terminal: false,
      programs: "any",
      workspace: null,
      published: false,
      code: [join(SOURCE, "attacker.ts"), join(stage.folder, "node_modules", "koffi")],
      sockets: join(stage.folder, "workspace"),
      home: null,
      network: "public",
      limits: DEFAULT_LIMITS,
      devices: [],
    });
    expect(JSON.stringify(agent.mounts)).not.toContain(".aios-cache");
    for (const plan of [face(), driver()]) expect(plan.environment["NODE_COMPILE_CACHE"]).toMatch(/^\/aios\//);
  });
});

describe("ERRORS-DENY: compiled code never stands in for the source", () => {
  it("is taken while the source is that from which it was made", async () => {
    expect(await run(face())).toEqual({
      said: "one",
      taken: expect.arrayContaining(["/aios/src/main/face.ts", "/aios/src/word.ts"]) as unknown,
    });
  });

  it("is not taken of a source that changed, though its size and times are the same", async () => {
    const { atime, mtime } = statSync(WORD);
    say("two");
    utimesSync(WORD, atime, mtime);
    const { said, taken } = await run(face());
    expect(said).toBe("two");
    expect(taken).not.toContain("/aios/src/word.ts");
  });

  it("is not taken from another program's place", async () => {
    rmSync(join(caches, "face"), { recursive: true });
    expect(await run(face())).toEqual({ said: "one", taken: [] });
    expect((await run(driver())).taken).toContain("/aios/src/word.ts");
  });

  it.each<readonly [string, () => void]>([
    ["missing", () => rmSync(caches, { recursive: true })],
    ["empty", () => cachedFiles().forEach((path) => rmSync(path))],
    ["cut short", () => cachedFiles().forEach((path) => truncateSync(path, statSync(path).size >> 1))],
    ["of no bytes", () => cachedFiles().forEach((path) => truncateSync(path, 0))],
    ["changed in every byte", () => cachedFiles().forEach((path) => writeFileSync(path, invert(path)))],
    ["a file where a folder should be", () => spoilFolder()],
  ])("costs time and no more when it is %s", async (_how, spoil) => {
    spoil();
    expect(await run(face())).toEqual({ said: "one", taken: [] });
  });
});

function invert(path: string): Uint8Array {
  return readFileSync(path).map((byte) => byte ^ 0xff);
}

function spoilFolder(): void {
  rmSync(join(caches, "face"), { recursive: true });
  writeFileSync(join(caches, "face"), "");
}
