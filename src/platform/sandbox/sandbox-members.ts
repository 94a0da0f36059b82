import { closeSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { openProcess, readLink, signalProcess } from "./sandbox-syscalls.ts";

const SIGSTOP = 19;
const SIGCONT = 18;

/** Rounds of stopping before a sandbox that forks faster than it can be stopped is given up on. */
const MOST_ROUNDS = 1000;

/**
 * Host ids of every process in the pid namespace with this inode number, at any depth. The namespace is asked of each
 * process: parentage can be shed by forking twice, the namespace cannot (no capability, no setns).
 */
export function listMembers(namespace: number): readonly number[] {
  const wanted = `pid:[${namespace}]`;
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => readNamespace(pid) === wanted);
}

/** Host ids of every process by the inode number of its pid namespace, in one pass; other users' processes are left out. */
export function listAllMembers(): ReadonlyMap<number, readonly number[]> {
  const members = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const namespace = /^[0-9]+$/.test(name) ? readNamespace(Number(name)) : null;
    const inode = Number(/^pid:\[(\d+)\]$/.exec(namespace ?? "")?.[1]);
    if (Number.isNaN(inode)) continue;
    const known = members.get(inode);
    if (known === undefined) members.set(inode, [Number(name)]);
    else known.push(Number(name));
  }
  return members;
}

/**
 * Stops every process of the namespace. One that was forked while we looked is found in the next round: it is done when a
 * round finds all of them stopped. Throws when that never happens; the caller then ends the sandbox instead.
 */
export function stopMembers(namespace: number): void {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const running = listMembers(namespace).filter((pid) => !isStopped(pid));
    if (running.length === 0) return;
    for (const pid of running) signalMember(namespace, { pid, signal: SIGSTOP });
  }
  throw new Error(`Cannot stop namespace ${namespace}: it forks faster than it is stopped`);
}

/** The number that the launcher, and so an agent's own program, has in its namespace: the first process is bubblewrap's. */
const PROGRAM = "2";

/** Whether the sandbox's own program has stopped, as one does on Ctrl-Z; what it started may run on. */
export function isProgramStopped(namespace: number): boolean {
  return listMembers(namespace).some((pid) => numberInside(pid) === PROGRAM && isStopped(pid));
}

function numberInside(pid: number): string | undefined {
  try {
    const numbers = /^NSpid:(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return numbers?.trim().split(/\s+/).at(-1);
  } catch {
    return undefined; // it ended
  }
}

/** Lets every process of the namespace go on. */
export function continueMembers(namespace: number): void {
  for (const pid of listMembers(namespace)) signalMember(namespace, { pid, signal: SIGCONT });
}

/**
 * Sends a signal to a process if it is of this namespace. The id may pass to an unrelated process between listing and
 * signalling. A descriptor cannot: when the namespace is still right after it was opened, whatever it means is a member or
 * is gone.
 */
export function signalMember(namespace: number, target: { readonly pid: number; readonly signal: number }): void {
  const fd = openProcess(target.pid);
  if (fd === null) return;
  try {
    if (readNamespace(target.pid) === `pid:[${namespace}]`) signalProcess(fd, target.signal);
  } finally {
    closeSync(fd);
  }
}

function readNamespace(pid: number): string | null {
  return readLink(`/proc/${pid}/ns/pid`); // null: gone, or another user's, and so not a member
}

/** Whether a process has begun to stop, at less cost: its threads have, or will before their next instruction. */
export function isStopping(pid: number): boolean {
  try {
    return "Tt".includes(readState(`/proc/${pid}/stat`)) || isStopped(pid);
  } catch {
    return true; // it ended
  }
}

function readState(path: string): string {
  const stat = readFileSync(path, "utf8");
  // The name before the state is in parentheses and may hold anything, parentheses too.
  return stat.charAt(stat.lastIndexOf(")") + 2);
}

/**
 * Whether every thread has stopped: a first thread that ended shows a zombie while the others run on. One that waits in vfork for
 * its child to start a program cannot be stopped, and goes on before that child for nobody; with the signal to stop waiting for
 * it, it has stopped as well. Killing it for that would end every agent that starts programs in a hurry.
 */
export function isStopped(pid: number): boolean {
  try {
    const threads = readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}`);
    const running = threads.filter((thread) => !"TtZX".includes(readState(`${thread}/stat`)));
    if (running.length === 0) return true;
    const stopping = running.length < threads.length || isStopPending(pid);
    return stopping && running.every(waitsInVfork);
  } catch {
    return !existsSync(`/proc/${pid}`); // a thread or the whole process ended under our eyes: look again, or gone
  }
}

/** proc(5), status: signals that wait for the process, as a mask of which SIGSTOP is the nineteenth. */
function isStopPending(pid: number): boolean {
  const mask = /^ShdPnd:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return (BigInt(`0x${mask ?? "0"}`) & (1n << BigInt(SIGSTOP - 1))) !== 0n;
}

/** Calls that lend the caller's memory to a child until that starts a program: vfork(2), clone(2) with CLONE_VFORK. */
const LENDING: ReadonlySet<string> = new Set(process.arch === "arm64" ? ["220"] : ["56", "58"]);

/** In uninterruptible sleep within such a call there is nothing else that it can wait for: a clone with a signal pending fails. */
function waitsInVfork(thread: string): boolean {
  const [call = ""] = readFileSync(`${thread}/syscall`, "utf8").split(" ");
  return LENDING.has(call) && readState(`${thread}/stat`) === "D";
}
