import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, expect, test } from "vitest";
import { endLeftovers, SANDBOX_NAME } from "../../src/platform/sandbox/leftovers.ts";
import { readSandboxHost } from "../../src/platform/sandbox/sandbox-host.ts";
import { startSandbox } from "../../src/platform/sandbox/sandbox-process.ts";
import { harmlessSpec, setStage } from "./sandbox-stage.ts";

/*
 * CONFINED-OR-NOT-AT-ALL where a start is cut: monitor or bubblewrap killed from outside at any moment of it, no descriptor
 * left, many starts at once. Nothing of the program runs outside of all its limits, and no process is left.
 */
const stage = setStage();
const workspace = join(stage.folder, "workspace");
const ran = join(workspace, "ran");
const SPEC = {
  ...harmlessSpec(stage),
  role: "exec",
  command: ["sh", "-c", "echo ran > /workspace/ran; exec sleep 300"],
  mounts: [{ kind: "write", host: workspace, inside: "/workspace" }],
} as const;

afterAll(() => stage.remove());
afterEach(() => rmSync(ran, { force: true }));

/** Processes that go by this name as their first word. */
function named(name: string): readonly string[] {
  return readdirSync("/proc").filter(
    (pid) => /^[0-9]+$/.test(pid) && read(`/proc/${pid}/cmdline`).split("\0")[0] === name,
  );
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** Processes whose parent is this one. */
function children(): readonly string[] {
  return readdirSync("/proc").filter(
    (pid) =>
      /^[0-9]+$/.test(pid) && read(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ")[1] === String(process.pid),
  );
}

/** What kernel function a process waits in (`/proc/PID/wchan`); "0" when it runs. */
const waitsIn = (pid: string): string => read(`/proc/${pid}/wchan`);

function starter(script: string): { readonly ended: Promise<unknown[]>; said(): string } {
  const modules = ["sandbox-process", "leftovers", "sandbox-syscalls"].map((name) =>
    pathToFileURL(join(import.meta.dirname, `../../src/platform/sandbox/${name}.ts`)),
  );
  const imports = `
    import { writeSync, readdirSync } from "node:fs";
    const [{ startSandbox }, { SANDBOX_NAME }, { limitProcess }] = await Promise.all(${JSON.stringify(modules)}.map((url) => import(url)));
    const say = (text) => writeSync(1, text);
    const spec = ${JSON.stringify(SPEC)};`;
  const child = spawn(stage.node, ["--input-type=module", "-e", imports + script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  return { ended: once(child, "close"), said: () => said };
}

test("a monitor that is killed before it let a program go on has let none go on", async () => {
  // Its last act is where it would enclose what waits at the gate, without limits until then.
  const killed = starter(`
    say(SANDBOX_NAME);
    const groups = { enclose: () => process.kill(process.pid, "SIGKILL") };
    await startSandbox(spec, { streams: "ignore", groups });`);
  expect(await killed.ended).toEqual([null, "SIGKILL"]);
  const name = killed.said();
  expect(name).toMatch(/^aios-[0-9a-f]{16}-bwrap$/);
  try {
    // bubblewrap dies with its parent; its child is at the gate, for as long as nobody ends it.
    await expect
      .poll(() => named(name).map(waitsIn), { timeout: 60_000 })
      .toEqual([expect.stringMatching(/unix|sock|wait/)]);
    expect(existsSync(ran)).toBe(false);
  } finally {
    endLeftovers(name); // as the supervisor does
  }
  expect(named(name)).toEqual([]);
  expect(existsSync(ran)).toBe(false);
});

test("a bubblewrap that is killed at any moment of its start leaves nothing behind", async () => {
  const before = new Set(children());
  for (let tenths = 0; tenths < 100; tenths++) {
    const starting = startSandbox(SPEC, { streams: "ignore" });
    const [child = ""] = children().filter((pid) => !before.has(pid));
    expect(child).not.toBe("");
    const end = performance.now() + tenths / 10;
    while (performance.now() < end);
    process.kill(Number(child), "SIGKILL");
    const started = await starting.catch((error: unknown) => error);
    if (started instanceof Error) expect(started).toMatchObject({ name: "SandboxError" });
    else await (started as Awaited<typeof starting>).ended;
    expect(named(SANDBOX_NAME)).toEqual([]);
  }
}, 120_000);

/** Where bubblewrap reports: what is opened before are its streams, the options and the filter. */
const STATUS = 5;

test("what a bubblewrap leaves that is killed between its child and its word about it is ended", async () => {
  const bubblewrap = join(stage.folder, "cut-bubblewrap");
  writeFileSync(
    bubblewrap,
    `#!/bin/bash\n(exec -a ${SANDBOX_NAME} sleep 300 ${STATUS}>&-) &\nsleep 0.2\nkill -KILL $$\n`,
  );
  chmodSync(bubblewrap, 0o755);
  const other = spawn("/usr/bin/sleep", ["300"], { argv0: SANDBOX_NAME, stdio: "ignore" });
  await once(other, "spawn");
  try {
    const host = { ...readSandboxHost(), bubblewrap };
    await expect(startSandbox(SPEC, { streams: "ignore", host })).rejects.toMatchObject({ code: "setup" });
    expect(named(SANDBOX_NAME)).toEqual([String(other.pid)]);
  } finally {
    other.kill("SIGKILL");
  }
});

test("fifty starts at once are fifty sandboxes", async () => {
  const all = await Promise.all(
    Array.from({ length: 50 }, (_, at) =>
      startSandbox(
        { ...SPEC, mounts: [], command: ["sh", "-c", `ls /proc/self/fd; echo ${at}`] },
        { streams: "capture" },
      ),
    ),
  );
  expect(new Set(all.map(({ namespace }) => namespace)).size).toBe(50);
  for (const [at, sandbox] of all.entries()) {
    expect(await sandbox.ended).toEqual({ code: 0, signal: null });
    // Streams, and the folder that is being read.
    expect(Buffer.from(sandbox.output().bytes).toString()).toBe(`0\n1\n2\n3\n${at}\n`);
  }
  expect(named(SANDBOX_NAME)).toEqual([]);
}, 120_000);

// linux/resource.h
const RLIMIT_NOFILE = 7;

test("with any number of descriptors left a start is whole, or is none and leaves none", async () => {
  const run = starter(`
    const open = () => readdirSync("/proc/self/fd").length;
    const start = async () => {
      const sandbox = await startSandbox({ ...spec, mounts: [] , command: ["/usr/bin/true"] }, { streams: "ignore" });
      const ending = await sandbox.ended;
      if (ending.code !== 0) throw new Error(JSON.stringify(ending) + sandbox.errors());
    };
    await start();
    const before = open();
    const told = [];
    for (let most = before + 60; most >= before; most--) {
      limitProcess(process.pid, ${RLIMIT_NOFILE}, most);
      told.push(await start().then(() => "whole", (error) => error.name + ": " + error.message));
    }
    say(JSON.stringify({ name: SANDBOX_NAME, told }));`);
  expect(await run.ended).toEqual([0, null]);
  const { name, told } = JSON.parse(run.said()) as { name: string; told: readonly string[] };
  expect(named(name)).toEqual([]);
  expect(told[0]).toBe("whole");
  expect(told.at(-1)).toMatch(/^SandboxError: .*EMFILE/);
  for (const each of told) expect(each).toMatch(/^(whole|SandboxError: .*)$/);
}, 120_000);

test("with few descriptors left for many starts at once each is whole, or is none and leaves none", async () => {
  const run = starter(`
    const open = () => readdirSync("/proc/self/fd").length;
    const start = async () => {
      const sandbox = await startSandbox({ ...spec, mounts: [], command: ["/usr/bin/true"] }, { streams: "ignore" });
      const ending = await sandbox.ended;
      if (ending.code !== 0) throw new Error(JSON.stringify(ending) + sandbox.errors());
    };
    const told = new Set();
    await start();
    const before = open();
    for (const spare of [100, 90, 80, 60, 40, 20]) {
      limitProcess(process.pid, ${RLIMIT_NOFILE}, before + spare);
      const all = Array.from({ length: 30 }, () => start().then(() => "whole", (error) => error.name + ": " + error.message));
      for (const each of await Promise.all(all)) told.add(each);
    }
    // The last sockets close a turn of the event loop later.
    while (open() > before) await new Promise((resolve) => setTimeout(resolve, 20));
    say(JSON.stringify({ name: SANDBOX_NAME, told: [...told] }));`);
  expect(await run.ended).toEqual([0, null]);
  const { name, told } = JSON.parse(run.said()) as { name: string; told: readonly string[] };
  expect(named(name)).toEqual([]);
  expect(told).toContain("whole");
  expect(told.some((each) => each.includes("EMFILE"))).toBe(true);
  for (const each of told) expect(each).toMatch(/^(whole|SandboxError: .*)$/);
}, 120_000);
