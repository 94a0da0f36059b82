import { openWindows } from "../kernel/hours.ts";
import type { Timer } from "../platform/powers.ts";
import type { State } from "./state.ts";

/** A window opens with a minute, and timers stand still while the machine does. */
const LOOK_MS = 60_000;

/** Tells when a grant that waited for its time or its hours has come into force. */
export interface Openings {
  /** Looks from now on: to be called at the start and when grants are others. */
  watch(): void;
}

/**
 * `opened` is called each time that a grant begins or one of its windows comes, and once more a minute later, for what was
 * decided before and written down after. While no grant has hours or waits for its beginning there is no timer.
 */
export function createOpenings(ports: {
  readonly state: Pick<State, "active">;
  readonly timer: Timer;
  now(): number;
  opened(): void;
}): Openings {
  let seen: ReadonlySet<string> = new Set();
  let again = false;
  let cancel: (() => void) | null = null;

  /** What is open of each grant, by name, and whether there is anything to wait for. */
  function look(): { readonly open: ReadonlySet<string>; readonly waits: boolean } {
    const now = ports.now();
    const open = new Set<string>();
    let waits = false;
    for (const { id, limits } of ports.state.active.values()) {
      const { hours, notBefore } = limits;
      const begun = now >= notBefore;
      waits ||= !begun || hours !== undefined;
      if (!begun) continue;
      if (hours === undefined) open.add(id);
      else for (const { window, day } of openWindows(hours, now)) open.add(`${id} ${window} ${day}`);
    }
    return { open, waits };
  }

  function arm(waits: boolean): void {
    cancel?.();
    cancel = waits ? ports.timer.after(LOOK_MS - (ports.now() % LOOK_MS), lookAgain) : null;
  }

  function lookAgain(): void {
    const { open, waits } = look();
    const come = [...open].some((each) => !seen.has(each));
    if (come || again) ports.opened();
    again = come;
    seen = open;
    arm(waits || again);
  }

  return {
    watch() {
      const { open, waits } = look();
      seen = open;
      arm(waits || again);
    },
  };
}
