import { closeSync, openSync, readlinkSync, readSync } from "node:fs";
import { PROGRAM_MOST, ARGUMENT_MOST, ARGUMENTS_MOST, BATCH_MOST, EXAMPLES_MOST } from "../../sandbox/evidence.ts";
import type {
  Evidence,
  LaunchFailure,
  RefusedFile,
  StartedProgram,
  StoppedCall,
  WatchOrder,
} from "../../sandbox/evidence.ts";
import type { Notices } from "../../sandbox/notice.ts";
import { createStartKeeper } from "../../sandbox/start-words.ts";
import type { FileNote } from "../../sandbox/storage-wire.ts";
import { type Connecting, createConnecting } from "./connecting.ts";
import { divertTo } from "./diverting.ts";
import { closeAll, receiveMessage, sendMessage } from "../channels/fd-passing.ts";
import { readForeignText, readForeignTexts } from "./foreign-memory.ts";
import { takeWatch } from "./file-watching.ts";
import { errnoOf } from "../libc.ts";
import type { Polled, PollEntry } from "../channels/poll-set.ts";
import { openProcess, signalProcess } from "../sandbox/sandbox-syscalls.ts";
import { answerCall, isPending, receiveCall, type PendingCall } from "./seccomp-notice.ts";
import { createStorageLink, type StorageLink } from "./storage-link.ts";

const SIGKILL = 9;
/** How long reports are gathered, milliseconds. */
const GATHER_MS = 100;
/** What a launcher says first when it ends instead of becoming an agent. */
const FAILURES: { readonly [letter: string]: LaunchFailure } = { N: "no-program", B: "bad-program", F: "setup" };
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;

/** One sandbox that is watched. */
export interface Ward {
  /** What poll is to wait for; null when it is over. */
  entry(): PollEntry | null;
  /** Does what is ready. */
  serve(polled: Polled): void;
  /** Its storage device, which is waited for beside it; null without guarded roots. */
  readonly storage: StorageLink | null;
  /** Connections of its that take time. */
  readonly connecting: Omit<Connecting, "take" | "close">;
  /** When gathered reports are due, on the clock of `now`; null when there are none. */
  due(): number | null;
  /** Hands out what was gathered. */
  flush(): void;
  close(): void;
}

export interface WardPorts {
  readonly notices: Notices;
  report(evidence: Evidence): void;
  /** Milliseconds, for durations only. */
  now(): number;
}

/**
 * Watches one sandbox from the launcher's first word to its last process. `launcher` is a socket to the launcher, `first`
 * a descriptor of the namespace's first process; both belong to the ward. TERMINAL: on a terminal call the namespace is
 * killed here, before anybody is told. A refused call fails with EPERM; a process that calls by another architecture or by
 * x32 is killed. The start of a program is taken down and goes on;
 * by then other threads may have changed what was read, which is evidence and decides nothing. With guarded roots,
 * `device` is a socket to the storage device, which changes files on the agent's behalf.
 */
export function createWard(
  order: WatchOrder,
  {
    launcher,
    first,
    device,
    ports,
  }: { readonly launcher: number; readonly first: number; readonly device: number | null; readonly ports: WardPorts },
): Ward {
  const { ward } = order;
  const { notices, report, now } = ports;
  let phase: "waiting" | "launching" | "becoming" | "running" | "dying" | "over" = "waiting";
  /** The start of the agent's own program, until the kernel has let it begin. */
  let firstStart: StartedProgram | null = null;
  let socket: number | null = launcher;
  let listener: number | null = null;
  let dueAt: number | null = null;
  const { keep } = createStartKeeper(now);
  let started: StartedProgram[] = [];
  let calls = new Map<string, number>();
  let examples: StoppedCall[] = [];
  let written: FileNote[] = [];
  let keptOut = 0;
  let keptOutFiles: RefusedFile[] = [];

  const storage =
    device === null
      ? null
      : createStorageLink(device, {
          roots: order.guarded,
          wrote(note) {
            written.push(note);
            if (written.length >= BATCH_MOST) flush();
            else gather();
          },
          refused(note, call) {
            keptOut++;
            gather();
            const isKnown = keptOutFiles.some(
              ({ path, operation }) => path === note.path && operation === note.operation,
            );
            if (isKnown || keptOutFiles.length >= EXAMPLES_MOST) return;
            keptOutFiles.push({ ...note, program: programOf(call.pid) });
          },
          // CONFINED-OR-NOT-AT-ALL: nobody would act for it, and what it did could not be undone.
          gone() {
            signalProcess(first, SIGKILL);
            phase = "dying";
          },
        });

  const { diverted } = order;
  const diversion =
    diverted === undefined
      ? null
      : divertTo(diverted, (pid, asked) => {
          report({ event: "connected", ward, pid, program: programOf(pid), ...asked });
        });
  const connecting = createConnecting(now, diversion);

  const gather = (): void => {
    dueAt ??= now() + GATHER_MS;
  };

  function flush(): void {
    dueAt = null;
    if (started.length > 0) report({ event: "started", ward, programs: started });
    if (calls.size > 0) report({ event: "refused", ward, calls: Object.fromEntries(calls), examples });
    if (written.length > 0) report({ event: "written", ward, files: written });
    if (keptOut > 0) report({ event: "files-refused", ward, count: keptOut, files: keptOutFiles });
    [started, calls, examples] = [[], new Map(), []];
    [written, keptOut, keptOutFiles] = [[], 0, []];
  }

  /** Before the agent's program runs, the launcher's end is the end of the start. */
  function endStart(why: LaunchFailure, words: string): void {
    if (phase === "waiting" || phase === "launching" || phase === "becoming")
      report({ event: "failed", ward, why, words });
    if (socket !== null) closeSync(socket);
    socket = null;
    if (phase !== "running") phase = "over";
  }

  function hearLauncher(): void {
    if (socket === null) return;
    const message = receiveMessage(socket, { bytes: 1024, fds: 1 });
    if (message === null) return;
    if (phase === "becoming" && message.bytes.length === 0) return begin(socket);
    const [letter, words] = [message.bytes.toString("latin1", 0, 1), message.bytes.toString("utf8", 1)];
    const [fd] = message.fds;
    if (letter === "L" && fd !== undefined && phase === "waiting") {
      listener = fd;
      phase = "launching";
      sendMessage(socket, { bytes: Buffer.from("G"), fds: [] });
      return;
    }
    closeAll(message.fds);
    const why = FAILURES[letter];
    if (why === undefined) endStart("setup", "the launcher ended before its filter was installed");
    else endStart(why, words);
  }

  /** The kernel closes the launcher's socket as the program begins, and not when it refuses to begin it. */
  function begin(closed: number): void {
    closeSync(closed);
    socket = null;
    phase = "running";
    if (firstStart !== null) started.push(keep(firstStart));
    gather();
    report({ event: "launched", ward });
  }

  /** Counts a refused call. Whether it is one that is told as an example. */
  function count(name: string): boolean {
    const times = calls.get(name) ?? 0;
    calls.set(name, times + 1);
    gather();
    return times === 0 && examples.length < EXAMPLES_MOST;
  }

  function refuse(source: number, call: PendingCall, name: string, error = "EPERM"): void {
    const shown = count(name);
    const program = shown ? programOf(call.pid) : "";
    const own = answerCall(source, call, { errno: errnoOf(error) });
    if (shown) examples.push({ call: name, pid: call.pid, program: own ? program : "?" });
  }

  /** No program that is meant for this machine calls so: its process ends, and the call is not made. */
  function endCaller(source: number, call: PendingCall, name: string): void {
    const shown = count(name);
    const program = shown ? programOf(call.pid) : "";
    const process = openProcess(processOf(call.pid));
    // While it waits its ids are its own: the name was read of it, and the descriptor made for it.
    const own = isPending(source, call);
    if (process !== null && own) signalProcess(process, SIGKILL);
    if (process !== null) closeSync(process);
    answerCall(source, call, { errno: errnoOf("ENOSYS") });
    if (shown) examples.push({ call: name, pid: call.pid, program: own ? program : "?" });
  }

  function takeStart(source: number, call: PendingCall, name: string): void {
    const isLaunch = phase === "launching";
    if (!isLaunch && order.programs === "none") return refuse(source, call, name);
    const read = readStart(call, name);
    // Killed meanwhile, it started nothing, and what was read may be of another process that has its id now.
    if (isLaunch) storage?.begin(source, call);
    if (!answerCall(source, call, "continue")) return;
    if (isLaunch) {
      phase = "becoming";
      firstStart = read;
      return;
    }
    started.push(keep(read));
    if (started.length >= BATCH_MOST) flush();
    else gather();
  }

  function end(source: number, call: PendingCall, name: string): void {
    const found = programOf(call.pid);
    const program = isPending(source, call) ? found : "?";
    signalProcess(first, SIGKILL);
    flush();
    report({ event: "terminal", ward, call: name, pid: call.pid, program });
    // The listener stays, and nothing on it is answered: closed, the kernel would let the call return before its process
    // is dead (ENOSYS).
    phase = "dying";
  }

  /** What the launcher still does to files before it is the agent, the kernel does: the wall stands already. */
  function takeChange(source: number, call: PendingCall, name: string): void {
    if (phase === "launching") answerCall(source, call, "continue");
    else storage?.take(source, call, name);
  }

  /** A socket that is not the sandbox's own is not reached, wherever its name is and whenever it came to be. */
  function takeConnect(source: number, call: PendingCall, name: string): void {
    if (phase === "launching") answerCall(source, call, "continue");
    else if (!connecting.take(source, call)) refuse(source, call, name, "EACCES");
  }

  /** What watches files hears of changes; of who reads them it hears nothing. */
  function takeWatching(source: number, call: PendingCall, name: string): void {
    if (phase === "launching") answerCall(source, call, "continue");
    else if (!takeWatch(source, call)) refuse(source, call, name);
  }

  /** One call: a flood of one ward must not keep the others waiting. */
  function takeCall(): void {
    if (listener === null) return;
    const call = receiveCall(listener);
    if (call === null) return;
    const notice = notices(call);
    if (notice.kind === "start") takeStart(listener, call, notice.call);
    else if (notice.kind === "connect") takeConnect(listener, call, notice.call);
    else if (notice.kind === "watch") takeWatching(listener, call, notice.call);
    else if (notice.kind === "guarded" && storage !== null) takeChange(listener, call, notice.call);
    else if (notice.kind === "foreign") endCaller(listener, call, notice.call);
    else if (notice.kind === "refused" || notice.kind === "guarded") refuse(listener, call, notice.call);
    else end(listener, call, notice.call);
  }

  return {
    entry: () => {
      const fd = listener !== null && phase !== "waiting" && phase !== "becoming" ? listener : socket;
      return fd === null || phase === "over" ? null : { fd, input: phase !== "dying", output: false };
    },
    serve(polled) {
      if (phase === "waiting" || phase === "becoming") {
        if (polled.input || polled.over) hearLauncher();
        return;
      }
      if (polled.input && phase !== "dying") takeCall();
      else if (polled.over) {
        // No process uses the filter any more.
        flush();
        if (phase === "launching") hearLauncher();
        if (phase === "launching") endStart("setup", "the launcher ended before it became the agent");
        phase = "over";
      }
    },
    storage,
    connecting,
    due: () => dueAt,
    flush,
    close() {
      storage?.close();
      connecting.close();
      closeAll([first, ...(socket === null ? [] : [socket]), ...(listener === null ? [] : [listener])]);
      report({ event: "gone", ward });
    },
  };
}

function readStart({ pid, arguments: values }: PendingCall, call: string): StartedProgram {
  const [one, two, three, , five] = values;
  const [path, words] = call === "execveat" ? [two, three] : [one, two];
  const read = readForeignText(pid, { address: path, most: PROGRAM_MOST });
  const { texts, cut } = readForeignTexts(pid, words, { words: ARGUMENTS_MOST, bytes: ARGUMENT_MOST });
  const program = call === "execveat" ? nameOf(pid, { folder: one, path: read?.text ?? "", flags: five }) : read?.text;
  return {
    pid,
    parent: parentOf(pid),
    program: (program ?? "?").slice(0, PROGRAM_MOST).toWellFormed(),
    arguments: texts,
    cut: cut || (read?.cut ?? true),
  };
}

/** What `execveat` names: a path, or a descriptor and perhaps a path below it. */
function nameOf(pid: number, at: { readonly folder: bigint; readonly path: string; readonly flags: bigint }): string {
  const folder = Number(BigInt.asIntN(32, at.folder));
  if (folder === AT_FDCWD || at.path.startsWith("/")) return at.path;
  const base = readLink(`/proc/${pid}/fd/${folder}`) ?? `descriptor ${folder}`;
  return at.path === "" && (Number(at.flags & 0xffff_ffffn) & AT_EMPTY_PATH) !== 0 ? base : `${base}/${at.path}`;
}

/** The program of a process as its own file system names it, or the short name that it gave itself. */
function programOf(pid: number): string {
  return (readLink(`/proc/${pid}/exe`) ?? readText(`/proc/${pid}/comm`)?.trim() ?? "?")
    .slice(0, PROGRAM_MOST)
    .toWellFormed();
}

/** The process that a thread is of. */
function processOf(thread: number): number {
  return Number(/^Tgid:\s*(\d+)$/m.exec(readText(`/proc/${thread}/status`) ?? "")?.[1] ?? thread);
}

function parentOf(pid: number): number {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === null) return 0;
  // The name before the state is in parentheses and may hold anything, parentheses too.
  const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  return Number.isSafeInteger(parent) ? parent : 0;
}

function readLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null; // gone, or closed to others
  }
}

const page = Buffer.alloc(4096);

/** The beginning of a file of /proc: one read, where Node's own way takes five calls; this runs for every start. */
function readText(path: string): string | null {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return null; // gone, or closed to others
  }
  try {
    return page.toString("utf8", 0, readSync(fd, page));
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}
