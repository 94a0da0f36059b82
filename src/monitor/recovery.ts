import type { JsonObject } from "../kernel/json.ts";
import type { Crypto, Timer } from "../platform/powers.ts";
import { decodeRecovery, recoveryKeyId, type RecoverySet } from "../protocol/recovery.ts";
import type { OwnerRequests } from "../protocol/owner-requests.ts";
import type { RecordBody } from "../protocol/record.ts";
import type { CliEvents } from "../protocol/requests.ts";
import { Refusal } from "./faults.ts";
import type { Journal } from "./journal.ts";
import type { PendingRecovery, State } from "./state.ts";
import type { TrustedClock } from "./trusted-clock.ts";
import type { Turns } from "./turns.ts";

/** Uses of a code, good or bad, that are looked at in an hour. */
const TRIES = 5;
const HOUR_MS = 3_600_000;

/** The codes that a statement makes; throws a Refusal when they are none. */
export function readRecoverySet(document: JsonObject, crypto: Pick<Crypto, "sha256">): RecoverySet {
  const decoded = decodeRecovery(document);
  const fits =
    decoded.kind === "ok" && decoded.value.codes.every(({ id, key }) => recoveryKeyId(key, crypto.sha256) === id);
  if (decoded.kind === "ok" && fits) return decoded.value;
  const why = decoded.kind === "ok" ? "an id is not that of its key" : `${decoded.path} ${decoded.message}`;
  throw new Refusal("bad-document", `These are no recovery codes: ${why}.`, "See docs/formats/statement.md.");
}

/** Throws a Refusal unless a recovery can begin now. */
export function checkRecovery({ recovery }: Pick<State, "recovery">): void {
  if (recovery.pending !== null)
    throw new Refusal("recovery-pending", "Another recovery waits already.", "Run `aios owners list`.");
  if (![...recovery.codes.values()].some(({ used }) => !used))
    throw new Refusal("no-recovery", "No recovery code is left, or recovery is off.", "Run `aios owners codes`.");
}

/** The recovery that a statement stops; throws a Refusal when it does not wait. */
export function readStop(document: JsonObject, { recovery }: Pick<State, "recovery">): number {
  const { record } = document;
  if (Object.keys(document).length !== 1 || typeof record !== "number" || recovery.pending?.record !== record)
    throw new Refusal("no-recovery", "That recovery does not wait, or was stopped.", "Run `aios owners list`.");
  return record;
}

/** What people see of recovery. */
export function viewRecovery({ recovery }: Pick<State, "recovery">): OwnerRequests["owners"]["ok"]["recovery"] {
  const { pending } = recovery;
  return {
    wait: recovery.wait,
    by: recovery.by,
    codes: [...recovery.codes].map(([id, { salt, used }]) => (used ? null : { id, salt })),
    pending:
      pending === null
        ? null
        : { record: pending.record, owner: pending.owner, name: pending.document.name, due: pending.due },
  };
}

/** The recovery that waits, as every screen is told. */
export function viewPending(state: Pick<State, "recovery">): CliEvents["recovering"] {
  return { pending: viewRecovery(state).pending };
}

/** Whether a record changes what waits. */
export function isAboutRecovery({ kind }: RecordBody): boolean {
  return kind === "recovery-begun" || kind === "recovery-stopped" || kind === "owner-recovered";
}

/** Ends recoveries whose wait is over, and bounds how often a code is tried. */
export interface Recovery {
  /** Throws a Refusal when codes were tried too often of late. */
  admit(): void;
  /** A recovery waits since now, or since before this start. */
  watch(): void;
}

export function createRecovery({
  journal,
  timer,
  trusted,
  inTurn,
  failed,
}: {
  readonly journal: Journal;
  readonly timer: Timer;
  readonly trusted: Pick<TrustedClock, "now" | "state">;
  readonly inTurn: Turns;
  failed(error: unknown): void;
}): Recovery {
  const tries: number[] = [];
  let forget: (() => void) | null = null;

  function look(): void {
    const { pending } = journal.state.recovery;
    if (pending === null) return;
    // A clock that jumped ends no wait: an owner says first which time it is.
    if (trusted.state() === "steady" && trusted.now() >= pending.due) {
      inTurn(() => complete(pending)).catch((error: unknown) => {
        failed(error);
        watch();
      });
    } else watch();
  }

  /** Unless it was stopped before its turn came: a log that has both does not start. */
  async function complete({ owner, record }: PendingRecovery): Promise<void> {
    if (journal.state.recovery.pending?.record === record)
      await journal.write({ kind: "owner-recovered", owner, record });
  }

  function watch(): void {
    const { pending } = journal.state.recovery;
    // What was watched before may have been stopped, and its next look be later than this one is due.
    forget?.();
    if (pending === null) return;
    // Looked at now and then, since a timer does not count suspend; not more often than that when it is overdue.
    const left = Math.max(1000, Math.min(pending.due - trusted.now(), 60_000));
    forget = timer.after(left, look);
  }

  return {
    watch,
    admit() {
      const now = trusted.now();
      while ((tries[0] ?? now) < now - HOUR_MS) tries.shift();
      if (tries.length >= TRIES)
        throw new Refusal("too-many", "Recovery codes were tried too often.", "Wait an hour, and look at the log.");
      tries.push(now);
    },
  };
}
