import { createBudget, type Budget } from "../face/budget.ts";
import { findAstray, said, type Visit } from "../face/visit.ts";
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
  /** Somebody looks for a page of the console at a name that it has had, or at its home's; it is at another one now. */
  | { readonly kind: "moved"; readonly path: string }
  /** The same, by way of a page: it cannot be led on, since this console takes nobody whom another page led to it. */
  | { readonly kind: "moved-on" }
  /** A code is shown, for a session. */
  | { readonly kind: "enter" }
  /** A passkey is shown, for a session; or what comes before that, or an enrolment. */
  | { readonly kind: "door"; readonly name: ConsoleDoor }
  /** With a session only. */
  | { readonly kind: "leave" }
  | { readonly kind: "ask"; readonly name: ConsoleLook }
  | { readonly kind: "watch"; readonly session: Session }
  | { readonly kind: "refused"; readonly why: ConsoleRefusal; readonly status: number };

/** Requests in ten seconds: of each session; of all browsers that show a session's cookie alone; of all strangers. */
const REQUESTS = { count: 2000, ms: 10_000 };
/** The pages that people open by themselves. */
const PAGES: ReadonlySet<string> = new Set(["/", "/sign", "/enrol"]);
/** Of those of people without a session the ones that the monitor is asked. */
const AT_THE_DOOR = { count: 60, ms: 60_000 };

/**
 * The check in front of the console's pages (docs/decisions/console.md). Host, origin and session say first whose allowance a
 * request is counted in, so that no flood of strangers keeps a person from stopping everything; nobody is exempt. Then host
 * and origin; then what is asked for; then the session. Files hold nothing that is anybody's.
 * @param authority `NAME.localhost:PORT`.
 * @returns what is to be done with a visit; `shown` is told first which session it showed, null without one.
 */
export function createConsoleGate(
  authority: string,
  { sessions, now }: { readonly sessions: Pick<Sessions, "of">; now(): number },
): (visit: Visit, shown?: (session: Session | null) => void) => Ruling {
  const strangers = createBudget(REQUESTS, now);
  // All that a browser sends along for a file, and what every other port of the host is sent too: so it gives nothing more.
  const cookies = createBudget(REQUESTS, now);
  const people = new WeakMap<Session, Budget>();
  const doors = createBudget(AT_THE_DOOR, now);
  function allowanceOf(session: ReturnType<Sessions["of"]>): Budget {
    if (typeof session === "string") return session === "half-session" ? cookies : strangers;
    const allowance = people.get(session) ?? createBudget(REQUESTS, now);
    people.set(session, allowance);
    return allowance;
  }
  return (visit, shown) => {
    const astray = findAstray(visit, authority);
    const session = astray === null ? sessions.of(visit) : "no-session";
    shown?.(typeof session === "string" ? null : session);
    if (!allowanceOf(session).take()) return refuse("flood", 429);
    if (astray?.why === "host" && isOfHome(visit, authority)) return lead(visit);
    if (astray !== null) return refuse(astray.why, astray.status);
    const { method, target, upgrade } = visit;
    if (upgrade) return refuse("malformed", 400);
    if (method === "GET") return { kind: "file", path: target };
    if (method !== "POST") return refuse("malformed", 405);
    if (target === "/enter") return { kind: "enter" };
    const door = CONSOLE_DOORS.find((name) => target === `/door/${name}`);
    if (door !== undefined) {
      const come = typeof session !== "string" || doors.take();
      return come ? { kind: "door", name: door } : refuse("too-many-tries", 429);
    }
    if (typeof session === "string") return refuse(session, 401);
    if (target === "/leave") return { kind: "leave" };
    if (target === "/watch") return { kind: "watch", session };
    const name = CONSOLE_LOOKS.find((look) => target === `/ask/${look}`);
    return name === undefined ? refuse("malformed", 404) : { kind: "ask", name };
  };
}

/** Whether somebody opens a page at another name of this home: a bookmark, or a tab of the console before. */
function isOfHome(visit: Visit, authority: string): boolean {
  const home = authority.slice(authority.indexOf(".") + 1);
  const [host = "", ...more] = said(visit, "host");
  if (more.length > 0 || (host !== home && !host.endsWith(`.${home}`))) return false;
  return (
    visit.method === "GET" && !visit.upgrade && PAGES.has(visit.target) && said(visit, "service-worker").length === 0
  );
}

function lead(visit: Visit): Ruling {
  const isTyped = said(visit, "sec-fetch-site").every((site) => site === "none");
  return isTyped ? { kind: "moved", path: visit.target } : { kind: "moved-on" };
}

function refuse(why: ConsoleRefusal, status: number): Ruling {
  return { kind: "refused", why, status };
}
