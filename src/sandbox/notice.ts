import { GUARDED_CALLS } from "./guard.ts";
import { CONNECTING_CALL, STARTING_CALLS, TERMINAL_CALLS, WATCHING_CALL } from "./seccomp.ts";
import { CALLS } from "./syscalls.ts";
import type { Architecture, CallName } from "./syscalls.ts";

/** What a call that waits for the supervisor means. */
export interface Notice {
  /** Starts a program; connects a socket; watches for reading; is terminal; is refused; or changes files, where a root is guarded. */
  readonly kind: "start" | "connect" | "watch" | "terminal" | "refused" | "guarded";
  /** Name of the call, `call N` for one that the table does not have. */
  readonly call: string;
}

/**
 * Meaning of the calls that an agent's second filter asks about, by number. What is in no list was asked about because of
 * its arguments, or is not known: both are refused (ERRORS-DENY).
 */
export function createNotices(arch: Architecture): (number: number) => Notice {
  const known = new Map<number, Notice>();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of the table are its names
  for (const call of Object.keys(CALLS) as readonly CallName[]) {
    const number = CALLS[call][arch];
    if (number !== null) known.set(number, { kind: kindOf(call), call });
  }
  return (number) => known.get(number) ?? { kind: "refused", call: `call ${number}` };
}

function kindOf(call: CallName): Notice["kind"] {
  if (STARTING_CALLS.includes(call)) return "start";
  if (call === CONNECTING_CALL) return "connect";
  if (call === WATCHING_CALL) return "watch";
  if (GUARDED_CALLS.includes(call)) return "guarded";
  return TERMINAL_CALLS.includes(call) ? "terminal" : "refused";
}
