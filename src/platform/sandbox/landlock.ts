import { closeSync, constants, openSync } from "node:fs";
import { bindFunction, checkCall, errnoOf, lastErrno } from "../libc.ts";

// linux/prctl.h, linux/landlock.h, asm-generic/fcntl.h
const PR_SET_NO_NEW_PRIVS = 38;
const LANDLOCK_RULE_PATH_BENEATH = 1;
const O_PATH = 0x20_0000;
// From 424 on the numbers are the same everywhere.
const SYS_LANDLOCK_CREATE_RULESET = 444;
const SYS_LANDLOCK_ADD_RULE = 445;
const SYS_LANDLOCK_RESTRICT_SELF = 446;

const prctl = bindFunction<[number, number, number, number, number]>("int prctl(int, long, long, long, long)");
const createRuleset = bindFunction<[number, Buffer, number, number]>("long syscall(long, void *, long, long)");
const addRule = bindFunction<[number, number, number, Buffer, number]>("long syscall(long, long, long, void *, long)");
const callNumbers = bindFunction<[number, number, number]>("long syscall(long, long, long)");

/** Rights of version 2: to move and link from folder to folder. Every domain forbids it unless told otherwise. */
const REFER = 1n << 13n;
/** Rights to an existing file's content: WRITE_FILE, and TRUNCATE of version 3. */
const CHANGE = (1n << 1n) | (1n << 14n);
/** REMOVE_DIR, REMOVE_FILE, MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM. */
const NAMES = 0x1ff0n;
/** EXECUTE, READ_FILE, READ_DIR. */
const READ = 0b1101n;

/** What one domain allows beneath a folder, or to a file. */
interface Rule {
  readonly fd: number;
  readonly rights: bigint;
}

/**
 * Puts this thread, and what it becomes, into a Landlock domain of its own, which does not forbid anything to files but to
 * look into or change processes outside of it (`Documentation/userspace-api/landlock`, "Ptrace restrictions"). The
 * namespace's first process, which has only the first of the two filters, is then out of reach of `/proc/1/mem`, ptrace
 * and the rest. A domain must handle something: it handles REFER, and allows it everywhere. Throws `system-call` where the
 * kernel has no Landlock of version 2 (Linux 5.19) or it is switched off.
 */
export function enterOwnDomain(): void {
  const root = openPath("/");
  // struct landlock_ruleset_attr of version 1 and 2: the handled rights alone
  restrict(REFER, [{ fd: root, rights: REFER }]);
  closeSync(root);
}

/**
 * The same, and the wall of guarded roots: content and names of files can be changed beneath the `free` folders only, and
 * through the standard streams, whatever they are. Throws `system-call` where Landlock is older than version 3 (Linux 6.2)
 * or a folder is not there.
 */
export function enterGuardedDomain(free: readonly string[]): void {
  const folders = free.map((path) => ({ fd: openPath(path), rights: CHANGE | NAMES | REFER }));
  // A terminal was opened outside, so no folder of ours is above it; scripts open it again as /dev/stderr.
  const streams = [0, 1, 2].map((fd) => ({ fd, rights: CHANGE }));
  restrict(CHANGE | NAMES | REFER, [...folders, ...streams]);
  for (const { fd } of folders) closeSync(fd);
}

/**
 * Puts every thread of this process that is started later, and this one, into a domain that neither reads nor changes a
 * file, nor looks into a folder, but beneath these. Throws `system-call` below version 3.
 */
export function enterDomainOf(folders: readonly string[]): void {
  const rules = folders.map((path) => ({ fd: openPath(path), rights: CHANGE | NAMES | REFER | READ }));
  restrict(CHANGE | NAMES | REFER | READ, rules);
  for (const { fd } of rules) closeSync(fd);
}

function openPath(path: string): number {
  return openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

function restrict(handled: bigint, allowed: readonly Rule[]): void {
  const attributes = Buffer.alloc(8);
  attributes.writeBigUInt64LE(handled);
  const rules = checkCall(
    "make a Landlock domain",
    createRuleset(SYS_LANDLOCK_CREATE_RULESET, attributes, attributes.length, 0),
  );
  for (const { fd, rights } of allowed) {
    const beneath = Buffer.alloc(12); // struct landlock_path_beneath_attr, packed
    beneath.writeBigUInt64LE(rights, 0);
    beneath.writeInt32LE(fd, 8);
    const added = addRule(SYS_LANDLOCK_ADD_RULE, rules, LANDLOCK_RULE_PATH_BENEATH, beneath, 0);
    // A pipe has no place in a file system, and Landlock leaves it alone.
    if (added < 0 && fd < 3 && lastErrno() === errnoOf("EBADFD")) continue;
    checkCall("fill a Landlock domain", added);
  }
  checkCall("give up new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  checkCall("enter a Landlock domain", callNumbers(SYS_LANDLOCK_RESTRICT_SELF, rules, 0));
  closeSync(rules);
}
