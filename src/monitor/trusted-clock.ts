import type { Clock } from "../platform/powers.ts";

/** A wall clock that moved against BOOTTIME by more than this did not drift: somebody set it. */
const JUMP_MS = 120_000;
/** A wall clock behind the log's newest record by more than this was set back while the monitor was down. */
const BACK_MS = 5_000;

/**
 * The log's newest record is older than this at a start: the machine was off for long, or its clock was set ahead. What is past
 * its end by it is not used any more, but it is there until an owner says that the time is right (DESIGN 7).
 */
const LONGEST_GAP_MS = 24 * 3_600_000;

/** Microseconds for which one look is good enough, while the wall clock says the same: an action asks ten times. */
const LOOK_MICROS = 1000;

/** Time for grants, holds and records: never runs backwards; says when it cannot be trusted. */
export interface TrustedClock {
  /** Milliseconds since 1970 UTC, never less than any value given before or any time in the log. */
  now(): number;
  /** `jumped` until an owner says which time it is; admission is frozen meanwhile (DESIGN 7). */
  state(): "steady" | "jumped";
  /** Whether keys of what is past its end may be destroyed, which nobody can take back: not while it is asked which time it is. */
  mayDestroy(): boolean;
  /** An owner's statement said that the wall clock is right as it stands now. */
  accept(): void;
}

/**
 * Compares the wall clock with BOOTTIME, which counts suspend and cannot be set, at every look.
 * @param highWater newest time in the log, milliseconds since 1970 UTC; 0 for an empty log.
 */
export function createTrustedClock(clock: Clock, highWater: number): TrustedClock {
  let base = clock.wall() - clock.boot();
  let high = highWater;
  let jumped = clock.wall() < highWater - BACK_MS;
  let believed = highWater === 0 || clock.wall() - highWater <= LONGEST_GAP_MS;
  let last = { wall: Number.NaN, micros: 0 };

  function look(): number {
    const wall = clock.wall();
    const micros = clock.micros();
    if (wall === last.wall && micros - last.micros < LOOK_MICROS) return high;
    last = { wall, micros };
    const drift = wall - clock.boot() - base;
    if (Math.abs(drift) > JUMP_MS) jumped = true;
    // Slow drift (NTP slewing) is followed, so that it never adds up to a jump.
    else if (!jumped) base += drift;
    // While jumped, time advances with BOOTTIME from where it was: expiry neither stops nor leaps.
    const moment = jumped ? Math.max(high, clock.boot() + base) : wall;
    high = Math.max(high, moment);
    return high;
  }

  return {
    now: look,
    state() {
      look();
      return jumped ? "jumped" : "steady";
    },
    mayDestroy() {
      look();
      return believed && !jumped;
    },
    accept() {
      base = clock.wall() - clock.boot();
      high = clock.wall();
      last = { wall: Number.NaN, micros: 0 };
      jumped = false;
      believed = true;
    },
  };
}
