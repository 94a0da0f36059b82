import { decodeAction, type Action, type Digest } from "../kernel/action.ts";
import { parseJson, type JsonObject } from "../kernel/json.ts";
import { sameText, shapeText } from "../kernel/likeness.ts";
import type { RecordBody } from "../protocol/record.ts";
import type { AskedBefore } from "../protocol/requests.ts";
import { aboutAction } from "../showing/about-action.ts";
import { OWN_BOUNDS } from "./action-ends.ts";
import type { HeldState } from "./state.ts";

/** Things asked of which the answers are remembered; of more, those that were not asked for longest are forgotten. */
const REMEMBERED = 8192;

/** What an action is the same as, and what it is alike: digests. */
export interface Likeness {
  readonly same: string;
  readonly shape: string;
}

/** What lists say of one that waits beside what its record says. */
export interface Told extends Likeness {
  /** What it is about, as `HeldView.about`. */
  readonly about: string;
}

/** How often the same and alike was asked of people, and what they said. Folded from the log; decides nothing. */
export interface Asked {
  /** Takes one record in, with its payload. In the order of the log. */
  note(body: RecordBody, payload: JsonObject | null): void;
  told(held: HeldState): Told;
  /** What was asked before this one, and answered since. */
  before(held: HeldState): AskedBefore;
}

interface Count {
  asked: number;
  allowed: number;
  denied: number;
}

/** What is folded of it; all that must be kept. */
export interface AskedCounts {
  /** By digest of likeness, what was asked for longest ago first. */
  readonly counts: Map<string, Count>;
  /** Of what waits, by digest of the action. */
  readonly open: Map<string, Likeness>;
}

/** Nothing was asked yet. */
export function noneAsked(): AskedCounts {
  return { counts: new Map(), open: new Map() };
}

function read(text: string): Action {
  const parsed = parseJson(text, OWN_BOUNDS);
  const decoded = parsed.kind === "ok" ? decodeAction(parsed.value) : parsed;
  if (decoded.kind !== "ok") throw new Error(`the held action does not decode: ${decoded.message}`);
  return decoded.value;
}

/** @param folded what was asked before; it is this one's from here on. */
export function createAsked(digest: Digest, folded: AskedCounts = noneAsked()): Asked {
  const { counts, open } = folded;
  const known = new WeakMap<HeldState, Told>();

  function likeness(action: Action): Likeness {
    return { same: digest(sameText(action)), shape: digest(shapeText(action)) };
  }

  function count(key: string, what: keyof Count): void {
    const found = counts.get(key) ?? { asked: 0, allowed: 0, denied: 0 };
    counts.delete(key);
    counts.set(key, found);
    found[what] += 1;
    const [oldest] = counts.keys();
    if (counts.size > REMEMBERED && oldest !== undefined) counts.delete(oldest);
  }

  function answered(action: string, what: keyof Count | null): void {
    const found = open.get(action);
    open.delete(action);
    if (found === undefined || what === null) return;
    count(found.same, what);
    count(found.shape, what);
  }

  /** @param since how many of those that wait were asked from this one on, itself among them. */
  function before(key: string, since: number): AskedBefore["same"] {
    const { asked: all, allowed, denied } = counts.get(key) ?? { asked: since, allowed: 0, denied: 0 };
    return { asked: Math.max(0, all - since), allowed, denied };
  }

  const asked: Asked = {
    note(body, payload) {
      if (body.kind === "held") {
        const text = payload?.["action"];
        if (typeof text !== "string") return; // erased
        const found = likeness(read(text));
        open.set(body.action, found);
        count(found.same, "asked");
        count(found.shape, "asked");
      } else if (body.kind === "approved") answered(body.action, "allowed");
      else if (body.kind === "intent") answered(body.action, null);
      else if (body.kind === "denied") answered(body.action, body.code === "denied-by-owner" ? "denied" : null);
    },
    told(held) {
      let found = known.get(held);
      if (found === undefined) {
        const action = read(held.text);
        found = { ...likeness(action), about: aboutAction(action) };
        known.set(held, found);
      }
      return found;
    },
    before(held) {
      const { same, shape } = asked.told(held);
      // What waits is in the order in which it was asked: what came with it, or after it, was not asked before it.
      const waiting = [...open.keys()];
      const since = [...open.values()].slice(Math.max(0, waiting.indexOf(held.digest)));
      const from = (what: keyof Likeness, key: string): number =>
        Math.max(1, since.filter((each) => each[what] === key).length);
      return { same: before(same, from("same", same)), shape: before(shape, from("shape", shape)) };
    },
  };
  return asked;
}
