/**
 * What a control group holds that rlimits and looks do not, tried in a cgroup that was delegated to this process's user.
 * Writes one line of JSON, `Enclosed`. Run by `test/attacks/cgroup.test.ts`.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { monitorEnvironment } from "../../src/main/code-cache.ts";
import { MONITOR_FLAGS } from "../../src/main/monitor-flags.ts";
import { findDelegation, type Group, openGroups } from "../../src/platform/sandbox/cgroup.ts";
import { startSandbox } from "../../src/platform/sandbox/sandbox-process.ts";
import type { SandboxSpec } from "../../src/sandbox/spec.ts";
import { connectClient, REPO } from "../e2e/substrate.ts";

export interface Enclosed {
  readonly delegation: string;
  /** The same attack outside of a group and in one. */
  readonly memory: readonly [outside: string, inside: string];
  readonly forks: readonly [outside: string, inside: string];
  /** Processor seconds of processes that nobody waited for. */
  readonly processor: number;
  /** A harmless program in a group. */
  readonly harmless: string;
  /** A monitor that was started in a delegated group. */
  readonly monitor: readonly [limits: string, group: string];
  /** Groups that are left when all has ended. */
  readonly left: readonly string[];
}

const MIB = 1 << 20;
const BOUND = 128 * MIB;

const SPEC: SandboxSpec = {
  role: "exec",
  command: ["true"],
  cwd: "/",
  environment: {},
  mounts: [],
  channels: 0,
  published: false,
  programs: "any",
  terminal: false,
  network: "none",
  limits: { processes: 64, openFiles: 256, fileBytes: 64 * MIB, memoryBytes: BOUND },
};
/** Three times the bound, in files of memory that are under way in a socket: no process has them open. */
const HIDE = `
import os, socket, time
near, far = socket.socketpair()
for n in range(8):
    fd = os.memfd_create("x")
    for part in range(48):
        os.write(fd, b"x" * (1 << 20))
    socket.send_fds(near, [b"x"], [fd])
    os.close(fd)
time.sleep(1)
print("held")
`;

const delegation = findDelegation();
const groups = openGroups();
if (groups === null) throw new Error(`nothing is delegated: ${JSON.stringify(delegation)}`);

/** Runs in a sandbox, with the watch on memory as for everyone. */
async function run(command: readonly string[], enclosed: boolean): Promise<string> {
  const sandbox = await startSandbox({ ...SPEC, command }, { streams: "capture", groups: enclosed ? groups : null });
  const { code, signal } = await sandbox.ended;
  const said = Buffer.from(sandbox.output().bytes).toString().trim();
  return said === "" ? `ended: ${signal ?? code}` : said;
}

/** Starts a program that waits for a line, puts it in a group if there is to be one, and lets it go on. */
async function hold(
  [program, ...words]: readonly [string, ...string[]],
  enclosed: boolean,
): Promise<{ readonly said: string; readonly group: Group | null }> {
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
  const bounds = { memoryBytes: BOUND, processes: 24 };
  const group = enclosed ? (groups?.enclose(child.pid ?? -1, bounds) ?? null) : null;
  let said = "";
  child.stdout.on("data", (bytes: Buffer) => (said += bytes.toString()));
  child.stdin.end("go\n");
  await new Promise((resolve) => child.once("close", resolve));
  return { said: said.trim(), group };
}

/** A monitor in a group that was delegated to it: what it says of itself, and the group that it is in by then. */
async function startMonitor(folder: string): Promise<readonly [limits: string, group: string]> {
  const group = `${folder}/for-a-monitor`;
  mkdirSync(group);
  const home = mkdtempSync("/tmp/aios-cgroup-");
  const enter = ["-c", 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"', "sh", group];
  const command = [process.execPath, ...MONITOR_FLAGS, join(REPO, "src/main/aiosd.ts"), "--home", home];
  const env = monitorEnvironment(process.env["PATH"]);
  const monitor = spawn("sh", [...enter, ...command], { stdio: ["ignore", "ignore", "inherit"], env });
  const gone = new Promise((resolve) => monitor.once("close", resolve));
  try {
    while (!existsSync(join(home, "run", "aiosd.sock"))) await new Promise((resolve) => setTimeout(resolve, 100));
    const client = await connectClient(home);
    const { limits } = await client.request("hello", { version: "0" });
    client.close();
    const own = readFileSync(`/proc/${monitor.pid}/cgroup`, "utf8").trim();
    return [limits, own.split("/").slice(-2).join("/")];
  } finally {
    monitor.kill("SIGTERM");
    await gone;
    await soon(() => rmdirSync(`${group}/monitor`));
    await soon(() => rmdirSync(group));
  }
}

/** Does what may have to wait for processes that ended a moment ago. */
async function soon(action: () => void): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    try {
      return action();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  action();
}

/** Groups of sandboxes that are still there when those have had some seconds to end. */
async function leftGroups(parent: string): Promise<readonly string[]> {
  const left = (): readonly string[] => readdirSync(parent).filter((name) => name.startsWith("sandbox-"));
  for (let tries = 0; tries < 300 && left().length > 0; tries++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  return left();
}

/** Forks on until it may not, at most forty times. */
const FORKS = [
  "/usr/bin/python3",
  "-c",
  `
import os, time
input()
made = 0
for n in range(40):
    try:
        pid = os.fork()
    except OSError:
        break
    if pid == 0:
        time.sleep(3)
        os._exit(0)
    made += 1
print(made)
`,
] as const;
const BURN = "read go; (timeout 3 bash -c 'while :; do :; done' &) ; sleep 4";

// The bounds are said back by the kernel before anything attacks (\`set\` in cgroup.ts throws otherwise).
const memory = [
  await run(["/usr/bin/python3", "-c", HIDE], false),
  await run(["/usr/bin/python3", "-c", HIDE], true),
] as const;
const [outside, inside] = await Promise.all([hold(FORKS, false), hold(FORKS, true)]);
inside.group?.remove();
// A burner whose parent ended without waiting for it, and that init reaps: no sum over who lives has it.
const burnt = await hold(["bash", "-c", BURN], true);
const processor = burnt.group?.processorSeconds() ?? -1;
burnt.group?.remove();

const folder = delegation.kind === "delegated" ? delegation.folder : "";
const result: Enclosed = {
  delegation: delegation.kind,
  memory,
  forks: [outside.said, inside.said],
  processor,
  harmless: await run(["/usr/bin/python3", "-c", "print('ran')"], true),
  monitor: await startMonitor(folder),
  left: await leftGroups(folder),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
