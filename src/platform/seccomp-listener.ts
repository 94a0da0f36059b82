import { closeSync, constants, openSync } from "node:fs";
import { addressOf, bindFunction, checkCall, errnoOf, lastErrno } from "./libc.ts";

// linux/prctl.h, linux/seccomp.h, linux/landlock.h
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1;
const SECCOMP_FILTER_FLAG_NEW_LISTENER = 8;
const SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 32;
const LANDLOCK_RULE_PATH_BENEATH = 1;
const LANDLOCK_ACCESS_FS_REFER = 1n << 13n;
const O_PATH = 0x20_0000;

const SYS_SECCOMP = process.arch === "arm64" ? 277 : 317;
// From 424 on the numbers are the same everywhere.
const SYS_LANDLOCK_CREATE_RULESET = 444;
const SYS_LANDLOCK_ADD_RULE = 445;
const SYS_LANDLOCK_RESTRICT_SELF = 446;

const prctl = bindFunction<[number, number, number, number, number]>("int prctl(int, long, long, long, long)");
const callBuffer = bindFunction<[number, number, number, Buffer]>("long syscall(long, long, long, void *)");
const createRuleset = bindFunction<[number, Buffer, number, number]>("long syscall(long, void *, long, long)");
const addRule = bindFunction<[number, number, number, Buffer, number]>("long syscall(long, long, long, void *, long)");
const callNumbers = bindFunction<[number, number, number]>("long syscall(long, long, long)");

/**
 * Puts this thread, and what it becomes, into a Landlock domain of its own, which forbids nothing but to look into or
 * change processes outside of it (`Documentation/userspace-api/landlock`, "Ptrace restrictions"). The namespace's first
 * process, which has only the first of the two filters, is then out of reach of `/proc/1/mem`, ptrace and the rest.
 * A domain must handle something: it handles REFER, which every domain forbids unless told otherwise, and allows it
 * everywhere. Throws `system-call` where the kernel has no Landlock of version 2 (Linux 5.19) or it is switched off.
 */
export function enterOwnDomain(): void {
  const ruleset = Buffer.alloc(8); // struct landlock_ruleset_attr of version 2
  ruleset.writeBigUInt64LE(LANDLOCK_ACCESS_FS_REFER);
  const rules = checkCall(
    "make a Landlock domain",
    createRuleset(SYS_LANDLOCK_CREATE_RULESET, ruleset, ruleset.length, 0),
  );
  const root = openSync("/", O_PATH | constants.O_DIRECTORY);
  const beneath = Buffer.alloc(12); // struct landlock_path_beneath_attr, packed
  beneath.writeBigUInt64LE(LANDLOCK_ACCESS_FS_REFER, 0);
  beneath.writeInt32LE(root, 8);
  checkCall("fill a Landlock domain", addRule(SYS_LANDLOCK_ADD_RULE, rules, LANDLOCK_RULE_PATH_BENEATH, beneath, 0));
  checkCall("give up new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  checkCall("enter a Landlock domain", callNumbers(SYS_LANDLOCK_RESTRICT_SELF, rules, 0));
  closeSync(root);
  closeSync(rules);
}

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
