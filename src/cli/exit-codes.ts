/** Exit codes of `aios`, pinned: scripts depend on them. docs/commands.md lists the same; a test compares them. */
export const EXIT = {
  /** What was asked for was done. */
  ok: 0,
  /** The thing asked for is not so: a verification was refused, a rule set has problems, an action was denied. */
  no: 1,
  /** The command line itself is wrong. Nothing was tried. */
  usage: 2,
  /** Something must be set up first: no home, no owner, a file that is missing or malformed. */
  setup: 3,
  /** The monitor cannot be reached, or it refused the request. */
  monitor: 4,
  /** A passphrase is needed and there is no terminal to ask at. */
  terminal: 5,
  /** `run` only: the substrate ended the instance (killed or terminal) before its command ended by itself. */
  stopped: 6,
  /** A fault of this program. */
  fault: 70,
  /** `run` only, as shells have it: the command is there and cannot be executed. */
  unusable: 126,
  /** `run` only, as shells have it: there is no such command, or what would run it is not there. */
  absent: 127,
  /** Interrupted at the keyboard, or by a signal while something was asked. */
  interrupted: 130,
} as const;

export type ExitName = keyof typeof EXIT;

/** One of the numbers above, or, from `run`, the exit code of the agent. */
export type ExitCode = number;
