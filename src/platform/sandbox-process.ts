import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, fstatSync, readFileSync } from "node:fs";
import { Socket } from "node:net";
import { planSandbox } from "../sandbox/bwrap.ts";
import type { Descriptor, SandboxPlan } from "../sandbox/bwrap.ts";
import { SandboxError } from "../sandbox/error.ts";
import { guardedRoots } from "../sandbox/guard.ts";
import type { LauncherFiles } from "../sandbox/launch-plan.ts";
import type { SandboxSpec } from "../sandbox/spec.ts";
import type { Group, Groups } from "./cgroup.ts";
import { socketChannel } from "./channel.ts";
import { checkDeviceNode } from "./device-node.ts";
import { PlatformError } from "./platform-error.ts";
import type { SandboxedProcess } from "./powers.ts";
import { SANDBOX_NAME } from "./leftovers.ts";
import { explainFailure } from "./sandbox-failure.ts";
import { filterFor, supervisedFilter } from "./sandbox-filters.ts";
import { readStatus, watchGate } from "./sandbox-gate.ts";
import { readSandboxHost } from "./sandbox-host.ts";
import type { SandboxHost } from "./sandbox-host.ts";
import { applyLimits } from "./sandbox-limits.ts";
import { continueMembers, isProgramStopped, stopMembers } from "./sandbox-members.ts";
import { type Reached, watchUse } from "./sandbox-use.ts";
import {
  closeOnExec,
  hasEnded,
  landlockVersion,
  openMemoryFile,
  openMountSource,
  openProcess,
  signalProcess,
} from "./sandbox-syscalls.ts";
import type { SocketEnd } from "./socket-end.ts";
import { keepHead, keepTail } from "./sandbox-output.ts";
import { makeSocketPair } from "./socket-pair.ts";
import { superviseLaunch } from "./supervised-launch.ts";
import type { Supervisor, WardNews } from "./supervisor-link.ts";

/** Where a sandbox's standard streams go. */
export type SandboxStreams =
  /** Input and output are `/dev/null`; the end of standard error is kept for `errors()`. */
  | "ignore"
  /** Input is `/dev/null`; the beginning of standard output and the end of standard error are kept. */
  | "capture"
  /** Descriptors of this process, given to the sandbox as they are. The caller closes its own copies. */
  | { readonly stdin: number; readonly stdout: number; readonly stderr: number };

/** What an agent is started with: nobody else's calls are answered by a supervisor. */
export interface AgentStart {
  readonly launcher: LauncherFiles;
  readonly supervisor: Supervisor;
  /** Hears what happens inside, from the start of its own program on. */
  readonly hear: (news: WardNews) => void;
  /** What must stand before its program begins; the sandbox and the launcher are made ready beside it. */
  readonly after?: Promise<unknown>;
  /** The socket to the storage device of its guarded roots, which it must have when there are any. The caller's. */
  readonly device?: SocketEnd;
  /** As in `WatchOrder`: for what is only tried out, never for an agent of a person's. */
  readonly diverted?: number;
  /** Bounds that are watched beside memory; none when left out. */
  readonly bounds?: { readonly cpuSeconds: number | null; readonly writtenBytes: number | null };
  /** Told when a bound that is watched was reached; the sandbox is killed by then. */
  readonly reached?: (reached: Reached) => void;
}

export interface SandboxOptions {
  readonly streams: SandboxStreams;
  /** For role "agent", and for no other. */
  readonly agent?: AgentStart;
  /** Facts about the machine; looked up once when left out. */
  readonly host?: SandboxHost;
  /** Ends of socketpairs that the last of its channels are made of. They belong to the caller, who closes them. */
  readonly ends?: readonly SocketEnd[];
  /** Where the sandbox gets a group of its own, where such were delegated. */
  readonly groups?: Groups | null;
}

export interface StartedSandbox extends SandboxedProcess {
  /** With "capture": the first MiB of standard output so far, and whether there was more. */
  output(): { readonly bytes: Uint8Array; readonly truncated: boolean };
}

const UNBOUNDED = { cpuSeconds: null, writtenBytes: null };
const OUTPUT_MOST = 1024 * 1024;
const ERRORS_MOST = 8 * 1024;
const SIGKILL = 9;
/** The first version of Landlock that can keep a file from being cut short. */
const GUARDING_VERSION = 3;
/** How long a failed start may take to finish its sentence on standard error, milliseconds. */
const LAST_WORDS = 1000;

let knownHost: SandboxHost | undefined;

/**
 * Starts one program in a sandbox of its own and resolves when it is confined in full and running. CONFINED-OR-NOT-AT-ALL:
 * rejects with SandboxError when any part cannot be set up, and then nothing of it runs.
 * A program that is not there ends it at once, an agent with 127 (126 when it cannot be executed), others with 1 from
 * bubblewrap, as a working directory does that is not there; `errors()` says so.
 * The sandbox ends with this process, and with the thread that started it.
 */
export async function startSandbox(spec: SandboxSpec, options: SandboxOptions): Promise<StartedSandbox> {
  refuseRoot();
  const host = options.host ?? (knownHost ??= readSandboxHost());
  const { agent } = options;
  const launch = agent === undefined ? null : { files: agent.launcher, filter: supervisedFilter(host.arch, spec) };
  if ((agent?.device === undefined) !== (guardedRoots(spec).length === 0)) {
    throw new SandboxError("spec", "Cannot guard a folder without a storage device, or have one for none");
  }
  if (agent?.device !== undefined) requireGuard();
  const plan = planSandbox(spec, { system: host.layout, launch });
  const pair = agent === undefined ? null : makeSocketPair();
  let child: ChildProcess;
  try {
    child = spawnBubblewrap(plan, { spec, options, host, launcher: pair?.[1] ?? null });
  } catch (cause) {
    if (pair !== null) closeSync(pair[0]);
    throw cause;
  }
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", () => resolve({ code: null, signal: null })); // it never started
  });
  const errors = keepTail(child.stderr, ERRORS_MOST);
  const output = keepHead(child.stdout, OUTPUT_MOST);
  let first: number | null = null;
  let group: Group | null = null;
  try {
    const gate = watchGate(pipeOf(child, plan, "gate"));
    const status = await readStatus(pipeOf(child, plan, "status"), exited);
    first = openProcess(status.pid);
    if (first === null) throw new Error("the first process of the namespace is gone");
    applyLimits(status.pid, agent === undefined ? spec.limits : { ...spec.limits, openFiles: null });
    group = options.groups?.enclose(status.pid, spec.limits) ?? null;
    await gate.pass();
    // The launcher comes as far as it can without the supervisor's word.
    await agent?.after;
    const launched =
      agent === undefined || pair === null
        ? null
        : await superviseLaunch(agent, {
            launcher: pair[0],
            first,
            guarded: guardedRoots(spec),
            device: agent.device?.fd ?? null,
            programs: spec.programs,
            diverted: agent.diverted,
          });
    await launched?.done;
    const { namespace } = status;
    const told = launched?.gone ?? Promise.resolve();
    const outside = { exited, told, errors, output };
    const started = superviseSandbox(child, { first, namespace, group, spec, options, plan, ...outside });
    // TERMINAL, and a sandbox whose calls nobody answers, end before anybody is told.
    launched?.onEnd(started.kill);
    return started;
  } catch (cause) {
    await abandon(child, { first, exited });
    group?.remove();
    await Promise.race([errors.ended, pause(LAST_WORDS)]);
    throw explainFailure(cause, errors.text());
  } finally {
    if (pair !== null) closeSync(pair[0]);
  }
}

/** Throws SandboxError "setup" when this machine's Landlock cannot guard a folder that an agent writes in. */
export function requireGuard(): void {
  const version = landlockVersion();
  if (version >= GUARDING_VERSION) return;
  const found = version === 0 ? "it is not there, or switched off" : `it has version ${version} here`;
  const instead = version === 0 ? "" : "; a workspace that is only read needs less";
  const hint = `Linux 6.2 or newer has it${instead}. Ask: aios doctor`;
  throw new SandboxError("setup", `Cannot guard a folder: Landlock ${GUARDING_VERSION} is needed, ${found}`, hint);
}

/** Ends whatever there is of a start that failed, and waits until it is gone. */
async function abandon(
  child: ChildProcess,
  start: { readonly first: number | null; readonly exited: Promise<unknown> },
): Promise<void> {
  // Before bubblewrap has reported, its child may not yet have asked to die with it.
  const first = start.first ?? openFirstChild(child.pid);
  child.kill("SIGKILL");
  if (first !== null) signalProcess(first, SIGKILL);
  await start.exited;
  if (first === null) return;
  await waitForEnd(first);
  closeSync(first);
}

function openFirstChild(pid: number | undefined): number | null {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    return child === undefined || child === "" ? null : openProcess(Number(child));
  } catch {
    return null; // it never started, or is gone
  }
}

// For root the kernel counts no limit on processes, and a user namespace of root's maps to root outside: files that only
// root may read would be the sandbox's own.
function refuseRoot(): void {
  if (process.getuid?.() !== 0 && process.geteuid?.() !== 0) return;
  throw new SandboxError(
    "root",
    "Cannot start a sandbox as root",
    "Run the substrate as an ordinary user; started by root, the monitor changes to the user aios first",
  );
}

function spawnBubblewrap(plan: SandboxPlan, start: Opening & { readonly options: SandboxOptions }): ChildProcess {
  // The launcher's end is the sandbox's alone: with a copy here its end would not be seen.
  const opened: number[] = start.launcher === null ? [] : [start.launcher];
  try {
    for (const mount of start.spec.mounts) if (mount.kind === "device") checkDeviceNode(mount.host);
    const extra = plan.descriptors.map((descriptor, index) => {
      const end = endFor(index, start);
      if (end !== undefined) return end.fd;
      const made = openDescriptor(descriptor, { ...start, plan });
      if (typeof made === "number" && made !== start.launcher) opened.push(made);
      return made;
    });
    closeOnExec();
    return spawn(start.host.bubblewrap, plan.argv, {
      argv0: SANDBOX_NAME,
      stdio: [...standardStreams(start.options.streams), ...extra],
      // bubblewrap's own environment can be read inside as /proc/1/environ, whatever --clearenv says.
      env: {},
      cwd: "/",
      // A session of its own: no signal from a terminal reaches bubblewrap.
      detached: true,
    });
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** The end that stands in the place of a channel, if one was given: the last channels are made of them. */
function endFor(
  index: number,
  { spec, options }: { readonly spec: SandboxSpec; readonly options: SandboxOptions },
): SocketEnd | undefined {
  const ends = options.ends ?? [];
  // Channels come first among the descriptors (bwrap.ts).
  return index < spec.channels ? ends[index - (spec.channels - ends.length)] : undefined;
}

function standardStreams(streams: SandboxStreams): readonly (number | "ignore" | "pipe")[] {
  if (streams === "ignore") return ["ignore", "ignore", "pipe"];
  if (streams === "capture") return ["ignore", "pipe", "pipe"];
  return [streams.stdin, streams.stdout, streams.stderr];
}

interface Opening {
  readonly spec: SandboxSpec;
  readonly host: SandboxHost;
  /** The launcher's end of its socket to the supervisor. */
  readonly launcher: number | null;
}

function openDescriptor(descriptor: Descriptor, start: Opening & { readonly plan: SandboxPlan }): number | "pipe" {
  switch (descriptor.kind) {
    case "launcher":
      if (start.launcher === null) throw new Error("there is no socket for the launcher");
      return start.launcher;
    case "channel":
    case "status":
    case "gate":
      return "pipe"; // a socketpair on Linux
    case "options":
      return openMemoryFile("options", Buffer.from(start.plan.options.map((option) => `${option}\0`).join("")));
    case "seccomp":
      return openMemoryFile("seccomp", filterFor(start.host.arch, start.spec.role));
    case "text":
      return openMemoryFile("text", Buffer.from(descriptor.text));
    case "path":
      return openPath(descriptor.host);
  }
}

function openPath(host: string): number {
  let fd: number;
  try {
    fd = openMountSource(host);
  } catch (cause) {
    if (!(cause instanceof PlatformError)) throw cause;
    const hint = "It must exist, and no part of it may be a symbolic link: name the real path";
    throw new SandboxError("mount", `Cannot mount "${host}": ${cause.message}`, hint);
  }
  const found = fstatSync(fd);
  if (found.isDirectory() || found.isFile()) return fd;
  closeSync(fd);
  // A socket of a container engine or of an agent of keys is authority, not data.
  throw new SandboxError("mount", `Cannot mount "${host}": it is neither a folder nor a regular file`);
}

function pipeOf(child: ChildProcess, plan: SandboxPlan, kind: Descriptor["kind"]): Socket {
  return socketAt(child, 3 + plan.descriptors.findIndex((descriptor) => descriptor.kind === kind));
}

function socketAt(child: ChildProcess, index: number): Socket {
  const stream = child.stdio[index];
  if (stream instanceof Socket) return stream;
  throw new SandboxError("setup", `Cannot start bubblewrap: descriptor ${index} was not made`);
}

interface Supervised {
  /** Descriptor of the namespace's first process. */
  readonly first: number;
  /** Inode number of the pid namespace. */
  readonly namespace: number;
  readonly group: Group | null;
  readonly spec: SandboxSpec;
  readonly options: SandboxOptions;
  readonly plan: SandboxPlan;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** Resolves when everything that happened inside was reported. */
  readonly told: Promise<void>;
  readonly errors: { text(): string; readonly ended: Promise<void> };
  readonly output: { bytes(): Uint8Array; truncated(): boolean; readonly ended: Promise<void> };
}

function superviseSandbox(child: ChildProcess, sandbox: Supervised): StartedSandbox {
  const { first, namespace, group, errors, output } = sandbox;
  let gone = false;
  const kill = (): void => {
    if (gone) return;
    // Both, since the first process, which takes its namespace with it, would otherwise only hear of it by its
    // parent-death signal. bubblewrap outside first, so that the end is a signal's and not its report of one.
    child.kill("SIGKILL");
    signalProcess(first, SIGKILL);
  };
  const { agent } = sandbox.options;
  const { memoryBytes } = sandbox.spec.limits;
  const bounds = { memoryBytes, group, ...(agent?.bounds ?? UNBOUNDED) };
  const stopWatch = watchUse(namespace, bounds, (reached) => {
    kill();
    agent?.reached?.(reached);
  });
  const ended = sandbox.exited.then(async (result) => {
    stopWatch();
    signalProcess(first, SIGKILL); // what the program left running in the background ends with it
    await waitForEnd(first);
    gone = true;
    // The kernel has ended it, and says so here only.
    const held = group?.outOfMemory() ?? null;
    if (held !== null) agent?.reached?.({ limit: "memory", most: memoryBytes, found: held });
    group?.remove();
    closeSync(first);
    await Promise.all([errors.ended, output.ended]);
    // What happened inside is told before the end is.
    await Promise.race([sandbox.told, pause(LAST_WORDS)]);
    return Object.freeze(result);
  });
  const channels = sandbox.plan.descriptors.flatMap((descriptor, index) =>
    descriptor.kind === "channel" && endFor(index, sandbox) === undefined
      ? [socketChannel(socketAt(child, 3 + index))]
      : [],
  );
  return Object.freeze({
    pid: child.pid ?? -1,
    namespace,
    channels: Object.freeze(channels),
    ended,
    kill,
    suspend: () => {
      if (gone) return;
      try {
        stopMembers(namespace);
      } catch {
        kill(); // what cannot be stopped is ended
      }
    },
    resume: () => {
      if (!gone) continueMembers(namespace);
    },
    exists: () => !gone && !hasEnded(first),
    stopped: () => !gone && isProgramStopped(namespace),
    errors: () => errors.text(),
    output: () => ({ bytes: output.bytes(), truncated: output.truncated() }),
  });
}

/** Resolves when the namespace is empty: its first process ends after all others. */
async function waitForEnd(first: number): Promise<void> {
  for (let wait = 0; !hasEnded(first); wait = Math.min(wait + 1, 20)) {
    await pause(wait);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
