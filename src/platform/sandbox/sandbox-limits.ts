import { writeFileSync } from "node:fs";
import type { SandboxSpec } from "../../sandbox/spec.ts";
import { goWithOthers } from "../going-first.ts";
import { limitProcess } from "./sandbox-syscalls.ts";

// linux/resource.h
const RLIMIT_FSIZE = 1;
const RLIMIT_DATA = 2;
const RLIMIT_CORE = 4;
const RLIMIT_NPROC = 6;
const RLIMIT_NOFILE = 7;
const RLIMIT_SIGPENDING = 11;
const RLIMIT_MSGQUEUE = 12;

/** Signals that are waiting and POSIX timers of one sandbox. The kernel counts them over all processes of a user too. */
const SIGNALS = 4096;
/** Bytes of POSIX message queues of one sandbox, likewise: enough for one as it is usually made. */
const QUEUES = 128 * 1024;

/** When the machine has no memory left, what is in a sandbox ends before anything of the person's (proc(5), oom_score_adj). */
const ENDS_FIRST = 1000;

/**
 * Private memory that one process may map beyond the sandbox's bound. V8 maps some 600 MiB that it never touches, so a
 * bound on mappings alone would stop every Node program; what is touched is added up by the watch on memory.
 */
const RESERVATION = 1024 * 1024 * 1024;

/**
 * Sets the limits of the namespace's first process while it waits at the gate; everything inside inherits them, and
 * nothing inside can raise them. Set after the user namespace was made, the limit on processes counts those of this
 * sandbox only (threads included), not its user's. `openFiles` null: a launcher sets it when it has handed out what it has
 * to. Throws PlatformError.
 */
export function applyLimits(
  pid: number,
  limits: Omit<SandboxSpec["limits"], "openFiles"> & { readonly openFiles: number | null },
): void {
  goWithOthers(pid);
  writeFileSync(`/proc/${pid}/oom_score_adj`, String(ENDS_FIRST));
  limitProcess(pid, RLIMIT_CORE, 0);
  limitProcess(pid, RLIMIT_FSIZE, limits.fileBytes);
  limitProcess(pid, RLIMIT_DATA, limits.memoryBytes + RESERVATION);
  limitProcess(pid, RLIMIT_NPROC, limits.processes);
  limitProcess(pid, RLIMIT_SIGPENDING, SIGNALS);
  limitProcess(pid, RLIMIT_MSGQUEUE, QUEUES);
  if (limits.openFiles !== null) limitProcess(pid, RLIMIT_NOFILE, limits.openFiles);
}
