import { closeSync } from "node:fs";
import { constants } from "node:os";
import { bindFunction, checkCall, nameErrno } from "../libc.ts";
import { PlatformError } from "../platform-error.ts";

// spawn.h, asm-generic/fcntl.h, linux/wait.h
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
const F_DUPFD_CLOEXEC = 1030;
const WNOHANG = 1;

/** Room for glibc's structs: posix_spawn_file_actions_t, posix_spawnattr_t and sigset_t take 80, 336 and 128 bytes. */
const ACTIONS_BYTES = 256;
const ATTRIBUTES_BYTES = 1024;
const SIGNALS_BYTES = 128;

const spawnCall = bindFunction<
  [Buffer, string, Buffer, Buffer, readonly (string | null)[], readonly (string | null)[]]
>(
  "int posix_spawn(void *pid, const char *path, void *actions, void *attributes, const char **argv, const char **environment)",
);
const initActions = bindFunction<[Buffer]>("int posix_spawn_file_actions_init(void *)");
const destroyActions = bindFunction<[Buffer]>("int posix_spawn_file_actions_destroy(void *)");
const addDuplicate = bindFunction<[Buffer, number, number]>("int posix_spawn_file_actions_adddup2(void *, int, int)");
const addFolder = bindFunction<[Buffer, string]>("int posix_spawn_file_actions_addchdir_np(void *, const char *)");
const initAttributes = bindFunction<[Buffer]>("int posix_spawnattr_init(void *)");
const setFlags = bindFunction<[Buffer, number]>("int posix_spawnattr_setflags(void *, short)");
const setDefaults = bindFunction<[Buffer, Buffer]>("int posix_spawnattr_setsigdefault(void *, const void *)");
const setMask = bindFunction<[Buffer, Buffer]>("int posix_spawnattr_setsigmask(void *, const void *)");
const fcntl = bindFunction<[number, number, number]>("int fcntl(int, int, long)");
const waitpid = bindFunction<[number, Buffer, number]>("int waitpid(int, void *, int)");

/** How a process ended: its exit code, or the name of the signal that ended it. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
}

/** What is to be started. */
export interface SpawnOrder {
  /** Absolute path; nothing is searched for. */
  readonly file: string;
  /** All words, its own name first. */
  readonly argv: readonly string[];
  /** `NAME=value`; nothing is added to it. */
  readonly environment: readonly string[];
  /** What it finds as descriptors 0, 1, 2 and so on. They stay the caller's. */
  readonly descriptors: readonly number[];
}

/** A process of this one's that is asked how it is. */
export interface SpawnedProcess {
  readonly pid: number;
  /** How it ended, null while it has not. From the first answer on its process id may be another's. */
  ending(): Ending | null;
  /** SIGKILL; does nothing once its end was told. */
  kill(): void;
}

/**
 * Starts a process in `/`, in a session of its own and with every signal as the kernel has it. Of this process's other
 * descriptors it gets those that are not closed on execve, so the caller has marked them (`closeOnExec`).
 *
 * It shares this process's memory until it executes the file, where Node's own way copies the tables of all of it first: a
 * monitor of 200 MB stands still for some 50 ms for that, and for 0.2 ms here. Nobody is told of its end by a signal: it
 * must be asked. Throws PlatformError `system-call` when it cannot be started, and then there is none.
 */
export function spawnProcess(order: SpawnOrder): SpawnedProcess {
  for (const word of [order.file, ...order.argv, ...order.environment]) {
    // The C library would take it for the word's end.
    if (word.includes("\0"))
      throw new PlatformError("system-call", `Cannot start ${order.file}: a word has a NUL in it`);
  }
  const pid = Buffer.alloc(4);
  const actions = Buffer.alloc(ACTIONS_BYTES);
  const raised: number[] = [];
  check(order, initActions(actions));
  try {
    for (const [place, fd] of order.descriptors.entries()) {
      // One that lies where another will be is moved out of its way first.
      const source = fd < order.descriptors.length ? duplicate(fd, order.descriptors.length) : fd;
      if (source !== fd) raised.push(source);
      check(order, addDuplicate(actions, source, place));
    }
    check(order, addFolder(actions, "/"));
    attributes ??= makeAttributes(order);
    const [argv, environment] = [
      [...order.argv, null],
      [...order.environment, null],
    ];
    check(order, spawnCall(pid, order.file, actions, attributes, argv, environment));
  } finally {
    destroyActions(actions);
    for (const fd of raised) closeSync(fd);
  }
  return watch(pid.readInt32LE(0));
}

let attributes: Buffer | undefined;

/** The same for everything that is started, and made once. */
function makeAttributes(order: SpawnOrder): Buffer {
  const made = Buffer.alloc(ATTRIBUTES_BYTES);
  check(order, initAttributes(made));
  // Node ignores SIGPIPE, which a program would inherit.
  check(order, setDefaults(made, Buffer.alloc(SIGNALS_BYTES, 0xff)));
  check(order, setMask(made, Buffer.alloc(SIGNALS_BYTES)));
  check(order, setFlags(made, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID));
  return made;
}

function duplicate(fd: number, lowest: number): number {
  return checkCall("hand on a descriptor", fcntl(fd, F_DUPFD_CLOEXEC, lowest));
}

/** These functions give the number of the error back. */
function check({ file }: SpawnOrder, error: number): void {
  if (error !== 0) throw new PlatformError("system-call", `Cannot start ${file}: ${nameErrno(error)}`);
}

function watch(pid: number): SpawnedProcess {
  let ending: Ending | null = null;
  const ask = (): Ending | null => {
    if (ending !== null) return ending;
    const status = Buffer.alloc(4);
    const found = waitpid(pid, status, WNOHANG);
    if (found === 0) return null;
    // Whoever was waited for by somebody else is gone too.
    ending = found === pid ? readStatus(status.readInt32LE(0)) : { code: null, signal: null };
    return ending;
  };
  return Object.freeze({
    pid,
    ending: ask,
    kill: () => {
      if (ask() === null) process.kill(pid, "SIGKILL");
    },
  });
}

/** As the macros of wait(2) read it. */
function readStatus(status: number): Ending {
  const signal = status & 0x7f;
  if (signal === 0) return Object.freeze({ code: (status >> 8) & 0xff, signal: null });
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
  return Object.freeze({ code: null, signal: name ?? `signal ${signal}` });
}
