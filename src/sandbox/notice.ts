import { GUARDED_CALLS } from "./guard.ts";
import { CONNECTING_CALL, STARTING_CALLS, TERMINAL_CALLS, WATCHING_CALL, X32_BIT } from "./seccomp.ts";
import { AUDIT_ARCHITECTURE, CALLS } from "./syscalls.ts";
import type { Architecture, CallName } from "./syscalls.ts";

/** What a call that waits for the supervisor means. */
export interface Notice {
  /**
   * Starts a program; connects a socket; watches for reading; is terminal; is refused; changes files, where a root is guarded; or
   * comes by another architecture or x32.
   */
  readonly kind: "start" | "connect" | "watch" | "terminal" | "refused" | "guarded" | "foreign";
  /** Name of the call, `call N` for one that the table does not have, or of the door that it came by. */
  readonly call: string;
}

/** `architecture` as the kernel's audit names it (`linux/audit.h`). */
export type Notices = (call: { readonly architecture: number; readonly number: number }) => Notice;

/**
 * Meaning of the calls that an agent's second filter asks about, by door and number. What is in no list was asked about because of
 * its arguments, or is not known: both are refused (ERRORS-DENY).
 */
export function createNotices(arch: Architecture): Notices {
  const known = new Map<number, Notice>();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of the table are its names
  for (const call of Object.keys(CALLS) as readonly CallName[]) {
    const number = CALLS[call][arch];
    if (number !== null) known.set(number, { kind: kindOf(call), call });
  }
  return ({ architecture, number }) => {
    // By another door a number means another call.
    if (architecture !== AUDIT_ARCHITECTURE[arch]) return { kind: "foreign", call: "another architecture" };
    if (arch === "x64" && number >>> 0 >= X32_BIT) return { kind: "foreign", call: "x32" };
    return known.get(number) ?? { kind: "refused", call: `call ${number}` };
  };
}

function kindOf(call: CallName): Notice["kind"] {
  if (STARTING_CALLS.includes(call)) return "start";
  if (call === CONNECTING_CALL) return "connect";
  if (call === WATCHING_CALL) return "watch";
  if (GUARDED_CALLS.includes(call)) return "guarded";
  return TERMINAL_CALLS.includes(call) ? "terminal" : "refused";
}
