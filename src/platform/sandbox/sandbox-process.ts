import { closeSync } from "node:fs";
import type { Socket } from "node:net";
import { planSandbox, scratchFolders } from "../../sandbox/bwrap.ts";
import type { Descriptor, SandboxPlan } from "../../sandbox/bwrap.ts";
import { SandboxError } from "../../sandbox/error.ts";
import { guardedRoots } from "../../sandbox/guard.ts";
import type { LauncherFiles } from "../../sandbox/launch-plan.ts";
import type { SandboxSpec } from "../../sandbox/spec.ts";
import type { Group, Groups } from "./cgroup.ts";
import { askUntilFound, pause } from "../terminal/asking.ts";
import { socketChannel } from "../channels/channel.ts";
import { openOrphans } from "./leftovers.ts";
import type { SandboxedProcess } from "../powers.ts";
import { type Bubblewrap, type SandboxStreams, startBubblewrap } from "./sandbox-child.ts";
import { explainFailure } from "./sandbox-failure.ts";
import { supervisedFilter } from "./sandbox-filters.ts";
import { readStatus, watchGate } from "./sandbox-gate.ts";
import { readSandboxHost } from "./sandbox-host.ts";
import type { SandboxHost } from "./sandbox-host.ts";
import { applyLimits } from "./sandbox-limits.ts";
import { continueMembers, isProgramStopped, stopMembers } from "./sandbox-members.ts";
import { type Reached, watchUse } from "./sandbox-use.ts";
import { hasEnded, landlockVersion, openProcess, signalProcess } from "./sandbox-syscalls.ts";
import type { SocketEnd } from "../channels/socket-end.ts";
import { keepHead, keepTail } from "./sandbox-output.ts";
import { makeSocketPair } from "../channels/socket-pair.ts";
import type { Ending } from "./spawn-process.ts";
import { superviseLaunch } from "./supervised-launch.ts";
import type { Supervisor, WardNews } from "./supervisor-link.ts";

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
  /** Told when a bound that is watched was reached; one that was passed (`Exceeded`) has the sandbox killed by then. */
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

/** How often is looked for what a failed start has left, and how long is waited between, milliseconds. */
const ORPHAN_LOOKS = 1000;
const ORPHAN_PAUSE = 20;

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
  const { streams, ends = [] } = options;
  let pair: ReturnType<typeof makeSocketPair> | null = null;
  let child: Bubblewrap;
  try {
    if (agent !== undefined) pair = makeSocketPair();
    child = startBubblewrap({ spec, plan, host, streams, ends, launcher: pair?.[1] ?? null });
  } catch (cause) {
    if (pair !== null) closeSync(pair[0]);
    throw explainFailure(cause, "");
  }
  const { exited } = child;
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
    await abandon(child, first);
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
async function abandon(child: Bubblewrap, known: number | null): Promise<void> {
  child.kill();
  if (known !== null) signalProcess(known, SIGKILL);
  // Their descriptors may be all that is to be had for the look below.
  for (const pipe of child.pipes) pipe?.destroy();
  await child.exited;
  // bubblewrap's child, which waits at the gate or before, has not asked yet to die with it.
  const left = known === null ? await findOrphans(child.pid) : [known];
  for (const process of left) {
    signalProcess(process, SIGKILL);
    await waitForEnd(process);
    closeSync(process);
  }
}

/** As `openOrphans`, for as long as there is no descriptor free to look with: other starts give theirs back. */
async function findOrphans(leader: number): Promise<readonly number[]> {
  for (let looks = 0; ; looks++) {
    try {
      return openOrphans(leader);
    } catch (cause) {
      if (looks === ORPHAN_LOOKS) throw explainFailure(cause, "");
      await pause(ORPHAN_PAUSE);
    }
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

interface Supervised {
  /** Descriptor of the namespace's first process. */
  readonly first: number;
  /** Inode number of the pid namespace. */
  readonly namespace: number;
  readonly group: Group | null;
  readonly spec: SandboxSpec;
  readonly options: SandboxOptions;
  readonly plan: SandboxPlan;
  readonly exited: Promise<Ending>;
  /** Resolves when everything that happened inside was reported. */
  readonly told: Promise<void>;
  readonly errors: { text(): string; readonly ended: Promise<void> };
  readonly output: { bytes(): Uint8Array; truncated(): boolean; readonly ended: Promise<void> };
}

function superviseSandbox(child: Bubblewrap, sandbox: Supervised): StartedSandbox {
  const { first, namespace, group, errors, output } = sandbox;
  let gone = false;
  const kill = (): void => {
    if (gone) return;
    // Both, since the first process, which takes its namespace with it, would otherwise only hear of it by its
    // parent-death signal. bubblewrap outside first, so that the end is a signal's and not its report of one.
    child.kill();
    signalProcess(first, SIGKILL);
  };
  const { agent } = sandbox.options;
  const { memoryBytes, processes, openFiles } = sandbox.spec.limits;
  const scratch = scratchFolders(sandbox.spec);
  const bounds = { memoryBytes, processes, openFiles, group, scratch, ...(agent?.bounds ?? UNBOUNDED) };
  const stopWatch = watchUse(namespace, bounds, {
    exceed(exceeded) {
      kill();
      agent?.reached?.(exceeded);
    },
    refuse: (reached) => agent?.reached?.(reached),
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
  const channels = sandbox.plan.descriptors.flatMap(({ kind }, index) => {
    const pipe = child.pipes[index] ?? null;
    return kind === "channel" && pipe !== null ? [socketChannel(pipe)] : [];
  });
  return Object.freeze({
    pid: child.pid,
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
  await askUntilFound(() => hasEnded(first) || null);
}

function pipeOf(child: Bubblewrap, plan: SandboxPlan, kind: Descriptor["kind"]): Socket {
  const pipe = child.pipes[plan.descriptors.findIndex((descriptor) => descriptor.kind === kind)];
  if (pipe == null) throw new SandboxError("setup", `Cannot start bubblewrap: its ${kind} was not made`);
  return pipe;
}
