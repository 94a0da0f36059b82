import { bindFunction, checkCall, errnoOf, lastErrno, nameErrno } from "../libc.ts";
import { interpreterOf, type NoProgram } from "../files/find-program.ts";

// asm-generic/ioctls.h, asm-generic/fcntl.h, asm-generic/resource.h, asm/signal.h, linux/close_range.h
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4_000;
const TIOCSCTTY = 0x540e;
const SIGPIPE = 13;
const SIGXFSZ = 25;
const SYS_CLOSE_RANGE = 436;
const CLOSE_RANGE_CLOEXEC = 4;
const RLIMIT_NOFILE = 7;
const FIRST_AFTER_STREAMS = 3;
const LAST_DESCRIPTOR = 0xffff_ffff;

const setsid = bindFunction<[]>("int setsid()");
const ioctl = bindFunction<[number, number, number]>("int ioctl(int, unsigned long, long)");
const fcntl = bindFunction<[number, number, number]>("int fcntl(int, int, long)");
const signal = bindFunction<[number, null]>("intptr_t signal(int, void *)");
const prlimit = bindFunction<[number, number, Buffer, null]>("int prlimit(int, int, const void *, void *)");
const closeRange = bindFunction<[number, number, number, number]>("long syscall(long, long, long, long)");
const leave = bindFunction<[number]>("void _exit(int)");
const execve = bindFunction<[string, readonly (string | null)[], readonly (string | null)[]]>(
  "int execve(const char *, const char **, const char **)",
);

/** Makes standard input the controlling terminal of a new session, so that Ctrl-C and Ctrl-Z reach what runs in it. */
export function takeTerminal(): void {
  checkCall("begin a session", setsid());
  checkCall("take the terminal", ioctl(0, TIOCSCTTY, 0));
}

/**
 * Replaces this process with a program and returns only when that failed, with why. Of its descriptors only the standard
 * streams go on. libc's own call rather than Node's, which aborts where this returns, and which leaves to the program
 * that Node ignores SIGPIPE and SIGXFSZ.
 */
export function becomeProgram(
  program: string,
  start: {
    readonly command: readonly string[];
    readonly environment: { readonly [name: string]: string };
    /** Of one process, soft and hard. */
    readonly openFiles: number;
  },
): NoProgram {
  limitFiles(start.openFiles);
  checkCall(
    "close descriptors",
    closeRange(SYS_CLOSE_RANGE, FIRST_AFTER_STREAMS, LAST_DESCRIPTOR, CLOSE_RANGE_CLOEXEC),
  );
  // Node has marked the standard streams too, when it began, and made pipes and terminals of them that return instead of
  // waiting as soon as somebody looked at `process.stdout` (koffi does): programs would lose what does not fit at once.
  for (let stream = 0; stream < FIRST_AFTER_STREAMS; stream++) {
    checkCall("hand on a standard stream", fcntl(stream, F_SETFD, 0));
    const flags = checkCall("look at a standard stream", fcntl(stream, F_GETFL, 0));
    checkCall("hand on a standard stream", fcntl(stream, F_SETFL, flags & ~O_NONBLOCK));
  }
  signal(SIGPIPE, null);
  signal(SIGXFSZ, null);
  const variables = Object.entries(start.environment).map(([name, value]) => `${name}=${value}`);
  execve(program, [...start.command, null], [...variables, null]);
  return explainExec(program, lastErrno());
}

function limitFiles(most: number): void {
  const limit = Buffer.alloc(16); // struct rlimit { soft, hard }
  limit.writeBigUInt64LE(BigInt(most), 0);
  limit.writeBigUInt64LE(BigInt(most), 8);
  checkCall("set its limit of open files", prlimit(0, RLIMIT_NOFILE, limit, null));
}

/** Ends this process without what Node does at its end: it would wait for its io_uring, which the filter refuses, and abort. */
export function endAtOnce(code: number): never {
  leave(code);
  throw new Error("a process that has ended goes on");
}

/** Why the kernel would not make a file that is there, and may be executed, the program of this process. */
function explainExec(program: string, errno: number): NoProgram {
  if (errno === errnoOf("ENOENT")) {
    const named = interpreterOf(program);
    const why =
      named === null
        ? "the loader that it was built for is not there"
        : `its first line names ${named}, which is not there`;
    return { kind: "no-program", why, hint: "name a program that is there to run it" };
  }
  if (errno === errnoOf("ENOEXEC")) {
    const why = "it is no program for this machine, and its first line names none to run it";
    return { kind: "bad-program", why, hint: "a script needs a first line such as #!/bin/sh, or: sh FILE" };
  }
  const why = `the kernel refuses to execute it (${nameErrno(errno)})`;
  return { kind: "bad-program", why, hint: "try it outside: a shell there is told the same" };
}
