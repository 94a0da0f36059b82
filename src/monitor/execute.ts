import { canonicalize } from "../kernel/canonical.ts";
import { expectedSpent } from "../kernel/infer.ts";
import { mergeLabels } from "../kernel/labels.ts";
import { argumentBytes } from "../kernel/limits.ts";
import { loggedText } from "../kernel/memory-logged.ts";
import { utf8Length } from "../kernel/utf8.ts";
import type { Action } from "../kernel/action.ts";
import type { Ticket } from "../kernel/pipeline.ts";
import type { ReasonCode } from "../kernel/codes.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { Label, Risk } from "../kernel/grant.ts";
import type { Decider, RecordBody } from "../protocol/record.ts";
import type { Clock, Crypto } from "../platform/powers.ts";
import type { RunningDriver } from "./driver-pool.ts";
import type { OwingJournal } from "./journal.ts";
import { LOG_UNAVAILABLE } from "./log-freeze.ts";
import { countUse } from "./uses.ts";

/** What came of an action that reached execution. */
export type Executed =
  | { readonly kind: "done"; readonly result: JsonObject; readonly text: string; readonly intent: number }
  | { readonly kind: "failed"; readonly code: ReasonCode; readonly message: string };

export interface Execution {
  readonly ticket: Ticket;
  readonly driver: RunningDriver;
  /** Names the call for progress and cancellation. */
  readonly token: number;
  readonly ancestry: readonly string[];
  /** Labels of the instance before this action. */
  readonly labels: readonly Label[];
  readonly policy: string;
  /** What has become impossible while the intent was being written: a freeze, a kill, a revocation. Null: go on. */
  stillGood(): ReasonCode | null;
  /** Wraps the driver's answer with a time limit. */
  limit<T>(promise: Promise<T>): Promise<T>;
}

export interface ExecutePowers {
  readonly journal: OwingJournal;
  readonly crypto: Crypto;
  readonly clock: Clock;
  now(): number;
  /** Whether an action of this risk may go on with its intent in the log: at once, or when witnesses have cosigned that. */
  witnessed(intent: number, risk: Risk): Promise<boolean>;
  /** What the driver of an action with this intent is told of its trace; null is nothing. */
  contextOf(intent: number, action: Action): string | null;
}

/**
 * The only function that calls a driver (NO-AMBIENT): it takes the ticket of an approved action, writes the intent,
 * waits until it is durable (RECORD-FIRST), calls, and writes the outcome before anyone hears of it.
 * Never throws: what cannot be recorded is `log-unavailable` and did not run, or ran and its answer is withheld.
 */
export async function execute(execution: Execution, powers: ExecutePowers): Promise<Executed> {
  const { ticket, driver } = execution;
  const { journal } = powers;
  const bytes = argumentBytes(ticket.action);
  const by: Decider =
    ticket.decider.kind === "owner"
      ? { kind: "owner", key: ticket.decider.key }
      : { kind: "grant", grants: ticket.grants };
  const base = {
    instance: ticket.action.instance,
    agent: ticket.action.agent,
    ancestry: execution.ancestry,
    action: ticket.digest,
    what: whatOf(ticket.action),
    risk: ticket.risk,
    labels: execution.labels,
    policy: execution.policy,
  };
  // Before the await: the last use of a grant must not be had twice by two actions at once.
  const { spent } = expectedSpent(ticket.action, journal.state);
  // One that cannot be estimated has no provider any more, and its driver says so.
  const expected = spent === undefined || Number.isNaN(spent.cost) ? {} : { spent: { ...spent } };
  countUse(journal.state, { grants: ticket.grants, at: powers.now(), bytes, ...expected });
  let intent: number;
  let isLabelled: boolean;
  try {
    const written = journal.write(
      { kind: "intent", by, pin: ticket.pin, ...base },
      { action: loggedText(ticket.action, ticket.text), grants: ticket.grants, bytes, ...expected },
    );
    // In the same turn, before the call: progress, errors and a crash can carry the server's words to the agent too.
    const collected = mergeLabels(ticket.labels, driver.lasting?.labels(ticket.action.arguments) ?? []);
    const added = collected.filter((label) => !execution.labels.includes(label));
    const labelled =
      added.length === 0
        ? null
        : journal.write({ kind: "labelled", instance: base.instance, labels: added, because: base.what });
    const [kept, label] = await Promise.allSettled([written, labelled]);
    if (kept.status === "rejected") return NOT_WRITTEN;
    intent = kept.value;
    isLabelled = label.status === "fulfilled";
  } catch {
    return NOT_WRITTEN;
  }
  const started = powers.clock.micros();
  const outcome = async (part: {
    result: "ok" | "tool-error" | "failed" | "unknown";
    code: ReasonCode | null;
    text: string | null;
    bytes: number;
  }): Promise<boolean> => {
    const body: RecordBody = {
      kind: "outcome",
      intent,
      result: part.result,
      code: part.code,
      digest: part.text === null ? null : powers.crypto.digest(part.text),
      bytes: part.bytes,
      micros: Math.round(powers.clock.micros() - started),
      ...base,
    };
    const payload = part.text === null ? null : { result: part.text };
    try {
      await journal.write(body, payload);
      return true;
    } catch {
      journal.owe(body, payload);
      return false;
    }
  };
  if (!isLabelled) {
    await outcome({ result: "failed", code: NOT_WRITTEN.code, text: null, bytes: 0 });
    return NOT_WRITTEN;
  }
  const witnessed = await powers.witnessed(intent, ticket.risk);
  const moved = witnessed ? execution.stillGood() : "not-witnessed";
  if (moved !== null) {
    await outcome({ result: "failed", code: moved, text: null, bytes: 0 });
    return {
      kind: "failed",
      code: moved,
      message: witnessed
        ? "it was stopped between its intent and its execution; nothing was done"
        : "too few witnesses cosigned its intent; nothing was done",
    };
  }
  try {
    const { action } = ticket;
    const answer = await execution.limit(
      driver.peer.request("run", {
        verb: action.verb,
        name: action.name,
        arguments: action.arguments,
        token: execution.token,
        context: powers.contextOf(intent, action),
      }),
    );
    const text = canonicalize(answer.result);
    const weight = driver.lasting?.weigh(answer.result) ?? utf8Length(text);
    const logged = driver.logged === undefined ? text : canonicalize(driver.logged(answer.result));
    const kept = await outcome({
      result: answer.isError ? "tool-error" : "ok",
      code: null,
      text: logged,
      bytes: weight,
    });
    if (!kept) {
      return {
        kind: "failed",
        code: LOG_UNAVAILABLE,
        message: "it ran, but its outcome could not be recorded; the instance stops",
      };
    }
    return { kind: "done", result: answer.result, text, intent };
  } catch (error) {
    const code = error instanceof DriverLate ? "driver-timeout" : driverCode(error);
    // A server that changed was not asked; of all others nobody here can know what they did before they went silent.
    const result = code === "quarantined" ? "failed" : "unknown";
    const kept = await outcome({ result, code, text: null, bytes: 0 });
    const message = error instanceof Error ? error.message : "the driver failed";
    if (kept) return { kind: "failed", code, message };
    const fate = result === "failed" ? "nothing was done" : "it may have run";
    return {
      kind: "failed",
      code: LOG_UNAVAILABLE,
      message: `${fate}, and that could not be recorded; the instance stops (${message})`,
    };
  }
}

const NOT_WRITTEN = {
  kind: "failed",
  code: LOG_UNAVAILABLE,
  message: "the intent could not be written, so nothing was done",
} as const;

/** The code that a driver gave for its failure, when it is one of those it may give. */
function driverCode(error: unknown): ReasonCode {
  const given = error instanceof Error && "code" in error ? error.code : null;
  return DRIVER_CODES.find((code) => code === given) ?? "driver-failed";
}

const DRIVER_CODES: readonly ReasonCode[] = [
  "driver-unavailable",
  "driver-timeout",
  "result-too-large",
  "withdrawn",
  "login-expired",
  "quarantined",
];

/** A driver that did not answer within the time limit of an action. */
export class DriverLate extends Error {}

/** `driver/tool`, `driver#uri` or `driver@prompt`: how grants, lists and records name what an action is about. */
export function whatOf(action: {
  readonly verb: "call" | "read" | "prompt";
  readonly driver: string;
  readonly name: string;
}): string {
  const mark = { call: "/", read: "#", prompt: "@" }[action.verb];
  return `${action.driver}${mark}${action.name}`;
}
