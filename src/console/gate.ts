import { createBudget } from "../face/budget.ts";
import { findAstray, type Visit } from "../face/visit.ts";
import {
  CONSOLE_DOORS,
  CONSOLE_LOOKS,
  type ConsoleDoor,
  type ConsoleLook,
  type ConsoleRefusal,
} from "../protocol/console-table.ts";
import type { Session, Sessions } from "./sessions.ts";

/** What is to be done with a visit. */
export type Ruling =
  /** A file that is the same for everybody. */
  | { readonly kind: "file"; readonly path: string }
  /** A code is shown, for a session. */
  | { readonly kind: "enter" }
  /** A passkey is shown, for a session; or what comes before that, or an enrolment. */
  | { readonly kind: "door"; readonly name: ConsoleDoor }
  /** With a session only. */
  | { readonly kind: "leave" }
  | { readonly kind: "ask"; readonly name: ConsoleLook }
  | { readonly kind: "watch"; readonly session: Session }
  | { readonly kind: "refused"; readonly why: ConsoleRefusal; readonly status: number };

/** Requests in ten seconds, whoever makes them. */
const REQUESTS = { count: 2000, ms: 10_000 };
/** Of those the ones that the monitor is asked for somebody without a session. */
const AT_THE_DOOR = { count: 60, ms: 60_000 };

/**
 * The check in front of the console's pages (docs/decisions/console.md). Limits count before anything is looked at and exempt
 * nobody; then host and origin; then what is asked for; then the session. Files hold nothing that is anybody's.
 * @param authority `NAME.localhost:PORT`.
 */
export function createConsoleGate(
  authority: string,
  { sessions, now }: { readonly sessions: Pick<Sessions, "of">; now(): number },
): (visit: Visit) => Ruling {
  const requests = createBudget(REQUESTS, now);
  const doors = createBudget(AT_THE_DOOR, now);
  return (visit) => {
    if (!requests.take()) return refuse("flood", 429);
    const astray = findAstray(visit, authority);
    if (astray !== null) return refuse(astray.why, astray.status);
    const { method, target, upgrade } = visit;
    if (upgrade) return refuse("malformed", 400);
    if (method === "GET") return { kind: "file", path: target };
    if (method !== "POST") return refuse("malformed", 405);
    if (target === "/enter") return { kind: "enter" };
    const door = CONSOLE_DOORS.find((name) => target === `/door/${name}`);
    if (door !== undefined) return doors.take() ? { kind: "door", name: door } : refuse("flood", 429);
    const session = sessions.of(visit);
    if (typeof session === "string") return refuse(session, 401);
    if (target === "/leave") return { kind: "leave" };
    if (target === "/watch") return { kind: "watch", session };
    const name = CONSOLE_LOOKS.find((look) => target === `/ask/${look}`);
    return name === undefined ? refuse("malformed", 404) : { kind: "ask", name };
  };
}

function refuse(why: ConsoleRefusal, status: number): Ruling {
  return { kind: "refused", why, status };
}
