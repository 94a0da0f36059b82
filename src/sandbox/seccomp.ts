import { assemble, scopeLabels } from "./bpf.ts";
import type { Instruction } from "./bpf.ts";
import { type CallBody, searchCalls } from "./call-search.ts";
import { ATTRIBUTE_CALLS, GUARDED_CALLS, guardBody, guardRequests } from "./guard.ts";
import { boundSegment, boundSemaphores, keepBuffers, keepOpen } from "./memory-rules.ts";
import {
  ALLOW,
  allowValues,
  ERRNO,
  loadArgument,
  REFUSE_EPERM,
  refuseBits,
  refuseValues,
  verdicts,
} from "./rule-parts.ts";
import { AF_UNIX, allowFamilies, refuseUnixDatagrams } from "./socket-rules.ts";
import type { SandboxSpec } from "./spec.ts";
import { AUDIT_ARCHITECTURE, CALLS } from "./syscalls.ts";
import type { Architecture, CallName } from "./syscalls.ts";

/** What the filter answers besides (`linux/seccomp.h`). */
export const KILL_PROCESS = 0x8000_0000;
/** The call waits until the supervisor answers it. */
export const ASK_SUPERVISOR = 0x7fc0_0000;
/** "No such system call": for calls whose arguments lie in memory, where a filter cannot read; callers fall back. */
export const REFUSE_ENOSYS: number = ERRNO | 38;

/** "Operation not supported": for what some file systems do not have, and programs go on without. */
const REFUSE_EOPNOTSUPP = ERRNO | 95;
/** "Inappropriate ioctl for device": for requests that a file system does not know. */
const REFUSE_ENOTTY = ERRNO | 25;

/** Calls that no honest program makes: the process ends (TERMINAL). */
export const TERMINAL_CALLS: readonly CallName[] = [
  "init_module",
  "finit_module",
  "delete_module",
  "create_module",
  "kexec_load",
  "kexec_file_load",
  "reboot",
  "setns",
  "bpf",
  "open_by_handle_at",
  "iopl",
  "ioperm",
  "swapon",
  "swapoff",
  "process_vm_writev",
];

/** Calls that honest programs try too, and that have no use inside. */
export const REFUSED_CALLS: readonly CallName[] = [
  // Mounts, old and new interface: with a mount, what is read-only is not.
  "mount",
  "umount2",
  "pivot_root",
  "chroot",
  "open_tree",
  "open_tree_attr",
  "move_mount",
  "fsopen",
  "fsconfig",
  "fsmount",
  "fspick",
  "mount_setattr",
  "quotactl",
  "quotactl_fd",
  "fanotify_init",
  // Other processes' memory and descriptors.
  "ptrace",
  "process_vm_readv",
  "pidfd_getfd",
  "kcmp",
  // Wide kernel interfaces with a history of privilege escalation.
  "perf_event_open",
  "io_uring_setup",
  "io_uring_enter",
  "io_uring_register",
  "userfaultfd",
  "keyctl",
  "add_key",
  "request_key",
  "modify_ldt",
  "uselib",
  "lookup_dcookie",
  "nfsservctl",
  // The machine's clocks, log, accounts and names.
  "settimeofday",
  "clock_settime",
  "adjtimex",
  "clock_adjtime",
  "syslog",
  "acct",
  "vhangup",
  "sethostname",
  "setdomainname",
];

/** CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}. CLONE_NEWTIME shares its bit with clone's exit signal: unshare only. */
const NEW_NAMESPACES = 0x7e02_0000;
const CLONE_NEWTIME = 0x80;

/**
 * F_SETLEASE, F_NOTIFY and F_SETDELEG: who holds a lease on a file that others share is asked, for up to 45 seconds, before
 * any of them opens it, and the other two tell who reads what.
 */
const REFUSED_FCNTLS = [1024, 1026, 1040] as const;

/** Terminal ioctls: TIOCSTI types into the terminal, TIOCLINUX pastes into it, TIOCSETD loads line disciplines. */
const REFUSED_IOCTLS = [0x5412, 0x541c, 0x5423] as const;

const S_IFMT = 0o170_000;
const S_IFCHR = 0o020_000;
const S_IFBLK = 0o060_000;
/** Set-user-id and set-group-id: in a writable workspace such a file would carry the user's identity out. */
const SET_ID_BITS = 0o6_000;
/** O_CREAT and __O_TMPFILE: only then is the mode argument of open a mode. */
const CREATES = 0o20_000_100;

/** IN_ACCESS, IN_CLOSE_NOWRITE and IN_OPEN of inotify(7). */
export const READING_EVENTS = 0x31;

const NUMBER_OFFSET = 0;
const ARCHITECTURE_OFFSET = 4;
/** First number of the x32 ABI, a second door to the same calls on x64. */
export const X32_BIT = 0x4000_0000;

/** Calls that start a program: each waits until the supervisor has taken it down. */
export const STARTING_CALLS: readonly CallName[] = ["execve", "execveat"];

/** Waits until the supervisor has connected on the agent's behalf: a socket in a shared folder may be the host's. */
export const CONNECTING_CALL: CallName = "connect";

/** Waits, when it would hear of reading, until the supervisor has made the watch without that. */
export const WATCHING_CALL: CallName = "inotify_add_watch";

/** Calls whose argument rules an agent's second filter has, so that what they refuse is recorded. */
const SUPERVISED_RULES: readonly CallName[] = [
  "ioctl",
  "fcntl",
  "clone",
  "unshare",
  "socket",
  "personality",
  WATCHING_CALL,
];

/**
 * The seccomp filter of one sandbox, ready for `bwrap --seccomp`: 8 bytes an instruction.
 * A call of another architecture or of x32 ends the process, and so do TERMINAL_CALLS; REFUSED_CALLS and the argument
 * rules below answer EPERM; `clone3`, what takes from the machine without a bound, and `openat2` where it could make set-id files, answer ENOSYS; the rest is allowed.
 * An agent's leaves foreign calls and more to the second one (`supervisedProgram`) what that one asks about: of two answers the kernel takes the
 * severer, and a call that dies here is never reported. Between the two only the launcher runs.
 */
export function seccompProgram(arch: Architecture, role: SandboxSpec["role"]): Uint8Array {
  if (role === "agent") {
    return filter(
      arch,
      argumentRules(role).filter(({ name }) => !SUPERVISED_RULES.includes(name)),
      ALLOW,
    );
  }
  return filter(arch, [
    ...argumentRules(role),
    ...TERMINAL_CALLS.map((name) => always(name, KILL_PROCESS)),
    ...REFUSED_CALLS.map((name) => always(name, REFUSE_EPERM)),
  ]);
}

/**
 * The second filter of an agent's sandbox, which the launcher installs with a listener: what starts a program, what is
 * terminal, what is refused and what comes by a foreign door waits for the supervisor's answer, everything else is allowed. Without a listener such a
 * call fails with ENOSYS. With guarded roots the calls that change files wait too.
 */
export function supervisedProgram(arch: Architecture, guard: "guarded" | "none" = "none"): Uint8Array {
  const answers = { ask: ASK_SUPERVISOR, allow: ALLOW, unknown: REFUSE_ENOTTY };
  const rules: readonly Rule[] = [
    ...(guard === "none"
      ? []
      : [
          ...GUARDED_CALLS.map((name) => ({ name, body: guardBody(name, answers) })),
          ...ATTRIBUTE_CALLS.map((name) => always(name, REFUSE_EOPNOTSUPP)),
          { name: "ioctl", body: guardRequests(answers) } as const,
        ]),
    always(CONNECTING_CALL, ASK_SUPERVISOR),
    ...argumentRules("agent")
      .filter(({ name }) => SUPERVISED_RULES.includes(name))
      .map(asking),
    ...[...STARTING_CALLS, ...TERMINAL_CALLS, ...REFUSED_CALLS].map((name) => always(name, ASK_SUPERVISOR)),
  ];
  return filter(arch, rules, ASK_SUPERVISOR);
}

/**
 * The filter of the supervisor itself: it reads hostile memory, and what it never does it cannot do. It starts nothing,
 * makes no socket, writes, makes and removes no file, and signals by descriptor only; it may read another process, copy a
 * descriptor of one, and connect what it copied.
 */
export function supervisorProgram(arch: Architecture): Uint8Array {
  const refused = [
    ...STARTING_CALLS,
    ...NEVER_SUPERVISING,
    ...REFUSED_CALLS.filter((name) => !LOOKS_IN.includes(name)),
  ];
  return filter(arch, [
    { name: "openat", body: refuseBits(2, WRITES) },
    { name: "open", body: refuseBits(1, WRITES) },
    { name: "clone", body: refuseBits(0, NEW_NAMESPACES) },
    always("clone3", REFUSE_ENOSYS),
    always("openat2", REFUSE_ENOSYS),
    ...TERMINAL_CALLS.map((name) => always(name, KILL_PROCESS)),
    ...refused.map((name) => always(name, REFUSE_EPERM)),
  ]);
}

/**
 * The filter of a storage device, which acts on files for agents and does nothing else: it starts nothing, opens no socket,
 * makes no device and no set-id file, and looks into no process.
 */
export function storageProgram(arch: Architecture): Uint8Array {
  const never: readonly CallName[] = ["socket", "socketpair", "connect", "bind", "kill", "tkill", "unshare"];
  return filter(arch, [
    ...argumentRules("driver").filter(({ name }) => name !== "prctl" && !never.includes(name)),
    ...TERMINAL_CALLS.map((name) => always(name, KILL_PROCESS)),
    ...[...STARTING_CALLS, ...REFUSED_CALLS, ...never].map((name) => always(name, REFUSE_EPERM)),
  ]);
}

/** The supervisor's ways into a process of a sandbox. */
const LOOKS_IN: readonly CallName[] = ["process_vm_readv", "pidfd_getfd"];
/** O_WRONLY, O_RDWR, O_CREAT, O_TRUNC and __O_TMPFILE. */
const WRITES = 0o20_001_103;
const NEVER_SUPERVISING: readonly CallName[] = [
  "socket",
  "socketpair",
  "bind",
  "creat",
  "mkdir",
  "mkdirat",
  "mknod",
  "mknodat",
  "link",
  "linkat",
  "symlink",
  "symlinkat",
  "rename",
  "renameat",
  "renameat2",
  "unlink",
  "unlinkat",
  "rmdir",
  "truncate",
  "chmod",
  "fchmod",
  "fchmodat",
  "fchmodat2",
  "chown",
  "lchown",
  "fchown",
  "fchownat",
  "setxattr",
  "kill",
  "tkill",
  "unshare",
  "personality",
];

/** `foreign`: the answer to a call of another architecture or of x32. */
function filter(arch: Architecture, rules: readonly Rule[], foreign: number = KILL_PROCESS): Uint8Array {
  return assemble([
    { op: "load", offset: ARCHITECTURE_OFFSET },
    { op: "equal", value: AUDIT_ARCHITECTURE[arch], yes: "known" },
    { op: "return", value: foreign },
    { op: "label", name: "known" },
    { op: "load", offset: NUMBER_OFFSET },
    ...(arch === "x64" ? answerX32(foreign) : []),
    ...searchCalls(bodiesByNumber(arch, rules)),
  ]);
}

/** What happens on a call, by its number, in the order of numbers. Rules on one call follow each other. */
function bodiesByNumber(arch: Architecture, rules: readonly Rule[]): readonly CallBody[] {
  const bodies = new Map<number, readonly Instruction[]>();
  for (const [place, { name, body }] of rules.entries()) {
    const number = CALLS[name][arch];
    if (number === null) continue;
    bodies.set(number, [...(bodies.get(number) ?? []), ...scopeLabels(String(place), body)]);
  }
  return [...bodies].map(([number, body]) => ({ number, body })).toSorted((one, other) => one.number - other.number);
}

function always(name: CallName, value: number): Rule {
  return { name, body: [{ op: "return", value }] };
}

/** The same rule, with the supervisor asked where it refuses. */
function asking({ name, body }: Rule): Rule {
  return {
    name,
    body: body.map((step) =>
      step.op === "return" && step.value === REFUSE_EPERM ? { op: "return", value: ASK_SUPERVISOR } : step,
    ),
  };
}

/** What happens on one call; a body ends in a return on every way through it, or with the call's number loaded. */
interface Rule {
  readonly name: CallName;
  readonly body: readonly Instruction[];
}

function argumentRules(role: SandboxSpec["role"]): readonly Rule[] {
  const enosys: readonly Instruction[] = [{ op: "return", value: REFUSE_ENOSYS }];
  return [
    { name: "openat", body: refuseSetIdCreation({ flags: 2, mode: 3 }) },
    { name: "open", body: refuseSetIdCreation({ flags: 1, mode: 2 }) },
    { name: "ioctl", body: refuseValues(1, REFUSED_IOCTLS) },
    { name: "fcntl", body: refuseValues(1, REFUSED_FCNTLS) },
    // Who opens and reads what of the host's folders, its programs first of all, is the host's own business.
    { name: WATCHING_CALL, body: refuseBits(2, READING_EVENTS) },
    { name: "clone", body: refuseBits(0, NEW_NAMESPACES) },
    { name: "clone3", body: enosys },
    { name: "unshare", body: refuseBits(0, NEW_NAMESPACES | CLONE_NEWTIME) },
    { name: "socket", body: [...(role === "agent" ? refuseUnixDatagrams() : []), ...allowFamilies(role)] },
    {
      name: "socketpair",
      body: [...(role === "agent" || role === "driver" ? refuseUnixDatagrams() : []), ...allowValues(0, [AF_UNIX])],
    },
    { name: "personality", body: allowValues(0, [0, 0xffff_ffff]) },
    // Our own programs that hold something close themselves, and mean it.
    ...(role === "face" || role === "connector" ? [] : [{ name: "prctl", body: keepOpen() } as const]),
    ...(role === "face" || role === "connector" ? [] : [{ name: "setsockopt", body: keepBuffers() } as const]),
    { name: "shmget", body: boundSegment() },
    { name: "semget", body: boundSemaphores() },
    // A queue of System V holds a message for each of its bytes, empty ones too: in no process, and without a bound in all.
    { name: "msgget", body: enosys },
    // Contexts of Linux AIO are numbered for the whole machine (fs.aio-max-nr): whoever takes all stops its databases.
    { name: "io_setup", body: enosys },
    { name: "chmod", body: refuseBits(1, SET_ID_BITS) },
    { name: "fchmod", body: refuseBits(1, SET_ID_BITS) },
    { name: "fchmodat", body: refuseBits(2, SET_ID_BITS) },
    { name: "fchmodat2", body: refuseBits(2, SET_ID_BITS) },
    { name: "creat", body: refuseBits(1, SET_ID_BITS) },
    { name: "mkdir", body: refuseBits(1, SET_ID_BITS) },
    { name: "mkdirat", body: refuseBits(2, SET_ID_BITS) },
    { name: "mknod", body: refuseDevices(1) },
    { name: "mknodat", body: refuseDevices(2) },
    // Our own file drivers decide on descriptors with openat2; what else runs has no need that openat does not serve.
    ...(role === "agent" || role === "exec" ? [{ name: "openat2", body: enosys } as const] : []),
  ];
}

function refuseSetIdCreation(argument: { readonly flags: number; readonly mode: number }): readonly Instruction[] {
  return [
    ...loadArgument(argument.flags),
    { op: "any-bit", value: CREATES, no: "allow" },
    ...loadArgument(argument.mode),
    { op: "any-bit", value: SET_ID_BITS, yes: "refuse" },
    ...verdicts(),
  ];
}

function refuseDevices(mode: number): readonly Instruction[] {
  return [
    ...loadArgument(mode),
    { op: "any-bit", value: SET_ID_BITS, yes: "refuse" },
    { op: "and", value: S_IFMT },
    { op: "equal", value: S_IFCHR, yes: "refuse" },
    { op: "equal", value: S_IFBLK, yes: "refuse" },
    ...verdicts(),
  ];
}

function answerX32(value: number): readonly Instruction[] {
  return [
    { op: "at-least", value: X32_BIT, no: "native" },
    { op: "return", value },
    { op: "label", name: "native" },
  ];
}
