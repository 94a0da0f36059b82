import { addressOf, bindFunction, checkCall, errnoOf, lastErrno } from "../libc.ts";

// linux/prctl.h, linux/seccomp.h
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1;
const SECCOMP_FILTER_FLAG_NEW_LISTENER = 8;
const SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 32;

const SYS_SECCOMP = process.arch === "arm64" ? 277 : 317;

const prctl = bindFunction<[number, number, number, number, number]>("int prctl(int, long, long, long, long)");
const callBuffer = bindFunction<[number, number, number, Buffer]>("long syscall(long, long, long, void *)");

/**
 * Installs a finished filter on this thread, and on what it becomes, and returns the descriptor on which its questions
 * arrive (seccomp_unotify(2)); closed on execve. A thread whose question has been taken waits through every signal but a
 * fatal one, so that no call is reported twice. Throws `system-call` (Linux 5.19 or newer is needed).
 */
export function installListener(program: Uint8Array): number {
  checkCall("give up new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  const flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  return checkCall("install a filter with a listener", loadProgram(flags, program));
}

function loadProgram(flags: number, program: Uint8Array): number {
  const bytes = Buffer.from(program);
  const description = Buffer.alloc(16); // struct sock_fprog { u16 len; pointer }
  description.writeUInt16LE(bytes.length / 8, 0);
  description.writeBigUInt64LE(addressOf(bytes), 8);
  const result = callBuffer(SYS_SECCOMP, SECCOMP_SET_MODE_FILTER, flags, description);
  bytes.at(0); // used after the call, which has only its address
  return result;
}

/**
 * Installs a finished filter on every thread of this process, without a listener: for one that gives up what it never
 * does. Throws `system-call`.
 */
export function installFilter(program: Uint8Array): void {
  checkCall("give up new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  checkCall("install a filter", loadProgram(SECCOMP_FILTER_FLAG_TSYNC, program));
}

/** Whether this kernel has filters with listeners: it looks at the pointer, which is none, only if it knows the flags. */
export function hasListeners(): boolean {
  const flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  const result = callNull(SYS_SECCOMP, SECCOMP_SET_MODE_FILTER, flags, null);
  return result < 0 && lastErrno() === errnoOf("EFAULT");
}

const callNull = bindFunction<[number, number, number, null]>("long syscall(long, long, long, void *)");
