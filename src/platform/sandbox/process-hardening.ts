import { bindFunction, checkCall } from "../libc.ts";

// linux/prctl.h, asm-generic/resource.h
const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;
const RLIMIT_CORE = 4;

const exitNow = bindFunction<[number]>("int _exit(int)");
const prctl = bindFunction<[number, number, number, number, number]>("int prctl(int, long, long, long, long)");
const setrlimit = bindFunction<[number, Buffer]>("int setrlimit(int, void *)");

/**
 * Makes this process closed to others of the same user: no ptrace, no `/proc/PID/mem`, no `/proc/PID/fd` (prctl(2),
 * PR_SET_DUMPABLE). A later execve opens it again, so it is called by the program that holds something, not before.
 * Throws `system-call`.
 */
export function makeUndumpable(): void {
  checkCall("close this process to other processes", prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

/**
 * Hardens a process that holds keys, and what it starts: undumpable, no core file ever, files that nobody else may read,
 * and no gain of privilege through execve any more (PR_SET_NO_NEW_PRIVS), so that no setuid program is a way up.
 * A bubblewrap that is itself setuid cannot work under it, and then nothing starts.
 * Throws `system-call`, upon which the caller must end: CONFINED-OR-NOT-AT-ALL.
 */
export function hardenProcess(): void {
  makeUndumpable();
  checkCall("switch core files off", setrlimit(RLIMIT_CORE, Buffer.alloc(16)));
  checkCall("give up new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  process.umask(0o077);
}

/** Ends this process at once, without what Node does at its own end: a filter may refuse that, and it would abort. */
export function endProcess(code: number): void {
  exitNow(code);
}
