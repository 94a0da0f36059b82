import { decodeAway, MAX_AWAY_MS, type Away } from "../kernel/away.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { Timer } from "../platform/powers.ts";
import type { RecordBody } from "../protocol/record.ts";
import { type Halted, unanswered } from "./action-ends.ts";
import { isAway } from "./away-state.ts";
import { Refusal } from "./faults.ts";
import { readGrant } from "./grant-statement.ts";
import { jsonView } from "./json-view.ts";
import type { Journal } from "./journal.ts";
import type { GrantsChanged } from "./reconsider.ts";
import type { State } from "./state.ts";
import type { TrustedClock } from "./trusted-clock.ts";

/** The stretch that a statement signs; throws a Refusal when it cannot begin now. */
export function readAway(document: JsonObject, { state, now }: { readonly state: State; readonly now: number }): Away {
  const decoded = decodeAway(document);
  if (decoded.kind === "refused")
    throw new Refusal("bad-document", `This is no stretch away: ${decoded.message}.`, "See docs/formats/statement.md.");
  const away = decoded.value;
  if (isAway(state)) throw new Refusal("away", "Somebody is away already.", "Run `aios back` first.");
  if (!(away.until > now) || !(away.until - now <= MAX_AWAY_MS))
    throw new Refusal("bad-document", "A stretch away ends within seven days from now.", "Name an earlier end.");
  for (const lease of away.leases) readGrant(jsonView(lease), state);
  return away;
}

/** The record of a stretch that begins; throws as `readAway`. */
export function awayRecord(
  document: JsonObject,
  { key, ...at }: { readonly state: State; readonly now: number; readonly key: string },
): RecordBody {
  const { until, asked, leases } = readAway(document, at);
  return { kind: "away-begun", until, asked, leases: leases.map(({ id }) => id), key };
}

/** What an instance is told that asks for a human when nobody is to be asked. */
const NOBODY: Halted = unanswered("owner-away", "away");

/** What becomes of an action that needs a human at this moment: it is stopped so, or (null) waits. By trusted time. */
export function stoppedByAbsence(state: Pick<State, "away">, now: number): Halted | null {
  return isAway(state) && state.away.asked === "deny" && now < state.away.until ? NOBODY : null;
}

/** Until when an action waits that is held now: as long as its instance's holds last, from when somebody is there again. */
export function heldUntil(
  state: Pick<State, "away">,
  { now, span }: { readonly now: number; readonly span: number },
): number {
  return (isAway(state) ? Math.max(now, state.away.until) : now) + span;
}

/** Ends stretches away, by their time or because somebody is back. It only takes away, and needs no signature. */
export interface AwayDesk {
  /** After its record: a stretch began, with these leases. */
  begun(leases: readonly string[]): void;
  /** One from before this start goes on, or is over. */
  watch(): void;
  /** Somebody is back. `record`: of the end, or null when it had ended by itself. Rejects with a Refusal when nobody was away. */
  back(): Promise<{ readonly since: number; readonly record: number | null }>;
}

export function createAway(ports: {
  readonly journal: Journal;
  readonly timer: Timer;
  readonly trusted: Pick<TrustedClock, "now" | "state">;
  readonly grantsChanged: GrantsChanged;
  failed(error: unknown): void;
}): AwayDesk {
  const { journal, timer, trusted } = ports;
  const { state } = journal;
  let watching = false;
  let ending: Promise<number> | null = null;

  function end(why: "back" | "over"): Promise<number> {
    // One record, whoever asks first: the end of what has ended is no end.
    ending ??= journal
      .write({ kind: "away-ended", why })
      .then((seq) => {
        for (const removed of state.away?.leases ?? []) ports.grantsChanged({ removed });
        return seq;
      })
      .finally(() => {
        ending = null;
      });
    return ending;
  }

  function look(): void {
    watching = false;
    if (!isAway(state)) return;
    // A clock that jumped ends nothing: an owner says first which time it is, and nothing runs until then.
    if (trusted.state() !== "steady" || trusted.now() < state.away.until) return watch();
    end("over").catch((error: unknown) => {
      ports.failed(error);
      watch();
    });
  }

  function watch(): void {
    if (watching || !isAway(state)) return;
    watching = true;
    // Looked at now and then, since a timer does not count suspend; not more often than that when it is overdue.
    timer.after(Math.max(1000, Math.min(state.away.until - trusted.now(), 60_000)), look);
  }

  return {
    watch,
    begun(leases) {
      for (const id of leases) {
        const added = state.active.get(id);
        if (added !== undefined) ports.grantsChanged({ added });
      }
      watch();
    },
    async back() {
      const { away } = state;
      if (away === null) throw new Refusal("away", "Nobody is away.", "Run `aios digest` to see what happened.");
      return { since: away.since, record: isAway(state) ? await end("back") : null };
    },
  };
}
