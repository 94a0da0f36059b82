import { closeSync, fstatSync, openSync } from "node:fs";
import { Socket } from "node:net";
import type { Descriptor, SandboxPlan } from "../../sandbox/bwrap.ts";
import { SandboxError } from "../../sandbox/error.ts";
import type { SandboxSpec } from "../../sandbox/spec.ts";
import { askUntilFound } from "../terminal/asking.ts";
import { checkDeviceNode } from "./device-node.ts";
import { SANDBOX_NAME } from "./leftovers.ts";
import { PlatformError } from "../platform-error.ts";
import { filterFor } from "./sandbox-filters.ts";
import type { SandboxHost } from "./sandbox-host.ts";
import { closeOnExec, openMemoryFile, openMountSource } from "./sandbox-syscalls.ts";
import type { SocketEnd } from "../channels/socket-end.ts";
import { makeSocketPair } from "../channels/socket-pair.ts";
import { type Ending, type SpawnedProcess, spawnProcess } from "./spawn-process.ts";

/** Where a sandbox's standard streams go. */
export type SandboxStreams =
  /** Input and output are `/dev/null`; the end of standard error is kept for `errors()`. */
  | "ignore"
  /** Input is `/dev/null`; the beginning of standard output and the end of standard error are kept. */
  | "capture"
  /** Descriptors of this process, given to the sandbox as they are. The caller closes its own copies. */
  | { readonly stdin: number; readonly stdout: number; readonly stderr: number };

/** What bubblewrap is started with. */
export interface BubblewrapStart {
  readonly spec: SandboxSpec;
  readonly plan: SandboxPlan;
  readonly host: SandboxHost;
  readonly streams: SandboxStreams;
  /** Ends of socketpairs that the last of the channels are made of. The caller's. */
  readonly ends: readonly SocketEnd[];
  /** The launcher's end of its socket to the supervisor; closed here when bubblewrap has it. */
  readonly launcher: number | null;
}

/** bubblewrap, which runs or has ended. */
export interface Bubblewrap {
  readonly pid: number;
  /** This process's ends of what the plan's descriptors are, in their order; null where it has none. */
  readonly pipes: readonly (Socket | null)[];
  readonly stdout: Socket | null;
  readonly stderr: Socket | null;
  /** Resolves when it has ended. */
  readonly exited: Promise<Ending>;
  /** SIGKILL. */
  kill(): void;
}

/** One descriptor of bubblewrap's, and this process's end of it where it has one. */
interface Opened {
  readonly theirs: number;
  readonly ours: Socket | null;
  /** The number of `ours`; null where it has none. */
  readonly end: number | null;
  /** Whether `theirs` is bubblewrap's alone: with a copy here nobody would see its end. */
  readonly handed: boolean;
}

/** Starts bubblewrap, which waits at the gate of its plan. Throws SandboxError or PlatformError, and then it does not run. */
export function startBubblewrap(start: BubblewrapStart): Bubblewrap {
  const opened: Opened[] = start.launcher === null ? [] : [handOver(start.launcher)];
  try {
    for (const mount of start.spec.mounts) if (mount.kind === "device") checkDeviceNode(mount.host);
    const keep = (made: Opened): Opened => {
      opened.push(made);
      return made;
    };
    const streams = openStreams(start.streams, keep);
    const rest: Opened[] = [];
    for (const [index, descriptor] of start.plan.descriptors.entries()) {
      rest.push(openDescriptor(descriptor, { start, index, keep, rest }));
    }
    const status = rest[start.plan.descriptors.findIndex(({ kind }) => kind === "status")]?.ours;
    if (status == null) throw new SandboxError("setup", "Cannot start bubblewrap: it would not report");
    closeOnExec();
    const child = spawnProcess({
      file: start.host.bubblewrap,
      argv: [SANDBOX_NAME, ...start.plan.argv],
      // bubblewrap's own environment can be read inside as /proc/1/environ, whatever --clearenv says.
      environment: [],
      descriptors: [...streams, ...rest].map(({ theirs }) => theirs),
    });
    return Object.freeze({
      pid: child.pid,
      pipes: rest.map(({ ours }) => ours),
      stdout: streams[1]?.ours ?? null,
      stderr: streams[2]?.ours ?? null,
      ...watchEnd(child, status),
    });
  } catch (cause) {
    for (const { ours } of opened) ours?.destroy();
    throw cause;
  } finally {
    for (const { theirs, handed } of opened) if (handed) closeSync(theirs);
  }
}

/**
 * Hears of its end. Nobody outside of it holds its end of the status pipe (its child closes its copy before all else), and it
 * closes its own when it ends: then it is asked until it has.
 */
function watchEnd(child: SpawnedProcess, status: Socket): Pick<Bubblewrap, "exited" | "kill"> {
  const { promise, resolve } = Promise.withResolvers<Ending>();
  let asked = false;
  const ask = (): void => {
    if (!asked) void askUntilFound(() => child.ending()).then(resolve);
    asked = true;
  };
  status.once("close", ask);
  return {
    exited: promise,
    kill: () => {
      child.kill();
      ask();
    },
  };
}

/** The end that stands in the place of a channel, if one was given: the last channels are made of them. */
function endFor(index: number, { spec, ends }: BubblewrapStart): SocketEnd | undefined {
  // Channels come first among the descriptors (bwrap.ts).
  return index < spec.channels ? ends[index - (spec.channels - ends.length)] : undefined;
}

function openStreams(streams: SandboxStreams, keep: (made: Opened) => Opened): readonly Opened[] {
  if (typeof streams === "object") {
    const { stdin, stdout, stderr } = streams;
    return [stdin, stdout, stderr].map((theirs) => ({ theirs, ours: null, end: null, handed: false }));
  }
  const nothing = keep(handOver(openSync("/dev/null", "r+")));
  return [nothing, streams === "capture" ? keep(makeEnds(false)) : nothing, keep(makeEnds(false))];
}

interface Place {
  readonly start: BubblewrapStart;
  readonly index: number;
  readonly keep: (made: Opened) => Opened;
  /** What was opened for the descriptors before it. */
  readonly rest: readonly Opened[];
}

function openDescriptor(descriptor: Descriptor, { start, index, keep, rest }: Place): Opened {
  switch (descriptor.kind) {
    case "launcher":
      if (start.launcher === null) throw new Error("there is no socket for the launcher");
      return { theirs: start.launcher, ours: null, end: null, handed: false }; // closed with the others
    case "channel": {
      const end = endFor(index, start);
      return end === undefined ? keep(makeEnds(true)) : { theirs: end.fd, ours: null, end: null, handed: false };
    }
    case "status":
      return keep(makeEnds(false));
    case "gate":
      return keep(makeEnds(true));
    case "gate-end": {
      const end = rest[start.plan.descriptors.findIndex(({ kind }) => kind === "gate")]?.end ?? null;
      if (end === null) throw new SandboxError("setup", "Cannot start bubblewrap: there is no gate to wait at");
      return { theirs: end, ours: null, end: null, handed: false };
    }
    case "options":
      return keep(handOver(openMemoryFile("options", Buffer.from(start.plan.options.map(terminated).join("")))));
    case "seccomp":
      return keep(handOver(openMemoryFile("seccomp", filterFor(start.host.arch, start.spec.role))));
    case "text":
      return keep(handOver(openMemoryFile("text", Buffer.from(descriptor.text))));
    case "path":
      return keep(handOver(openPath(descriptor.host)));
  }
}

function terminated(option: string): string {
  return `${option}\0`;
}

function handOver(theirs: number): Opened {
  return { theirs, ours: null, end: null, handed: true };
}

function makeEnds(writable: boolean): Opened {
  const [ours, theirs] = makeSocketPair();
  return { theirs, ours: new Socket({ fd: ours, readable: true, writable }), end: ours, handed: true };
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
