import type { RecordBody } from "../protocol/record.ts";
import type { Timer } from "../platform/powers.ts";
import type { HeldSet } from "./held-set.ts";
import type { HeldState } from "./state.ts";

/** Nothing is told of what a person in front of the terminal answers within this, milliseconds. */
const GRACE_MS = 3000;
/** From one telling of a home to the next, milliseconds, whatever its agents do. */
const APART_MS = 60_000;

/** What there is to tell: what nobody was told of yet and still waits, oldest first. */
export interface HeldNews {
  readonly fresh: readonly HeldState[];
  /** All that waits, what was told before included. */
  readonly waiting: number;
}

export interface HeldNewsPorts {
  /** What waits, records already applied. */
  readonly held: Pick<HeldSet, "ofAction" | "size" | "values">;
  /** Whether nobody is there to be asked: what waits then is told when somebody is back. */
  away(): boolean;
  /** Milliseconds on a clock that counts suspend and is never set back. */
  now(): number;
  readonly timer: Timer;
  tell(news: HeldNews): void;
}

/**
 * Decides when people elsewhere are told that actions wait: once something has waited for three seconds, and then at most
 * once a minute, with all that came meanwhile in it. Each action is told at most once; one that ended before was no news.
 * What waits when a monitor starts is told again, since nobody knows what the one before it had told.
 */
export function createHeldNews({ held, away, now, timer, tell }: HeldNewsPorts): (body: RecordBody) => void {
  /** When each was held, by the digest of its action, oldest first. */
  const untold = new Map<string, number>();
  let armed = false;
  let last = -Infinity;

  /** Milliseconds until there is something to tell; null when there is nothing. */
  function due(): number | null {
    for (const digest of untold.keys()) if (held.ofAction(digest) === undefined) untold.delete(digest);
    const [oldest] = untold.values();
    return oldest === undefined ? null : Math.max(oldest + GRACE_MS, last + APART_MS) - now();
  }

  function arm(): void {
    const wait = armed || away() ? null : due();
    if (wait === null) return;
    armed = true;
    timer.after(wait, () => {
      armed = false;
      const left = away() ? null : due();
      if (left === null) return;
      if (left > 0) return arm();
      const fresh = [...untold.keys()].flatMap((digest) => held.ofAction(digest) ?? []);
      untold.clear();
      last = now();
      tell({ fresh, waiting: held.size });
    });
  }

  return (body) => {
    if (body.kind === "held") untold.set(body.action, now());
    else if (body.kind === "start") for (const { digest } of held.values()) untold.set(digest, now());
    else if (body.kind !== "away-ended") return;
    arm();
  };
}
