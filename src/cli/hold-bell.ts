import { makeVisible } from "../showing/visible.ts";
import type { CliPowers } from "./powers.ts";

/** From one ring to the next, milliseconds: what comes meanwhile stands on the screen. */
const APART_MS = 60_000;

/**
 * Tells a person in front of this terminal that an action began to wait: one bell and one notice on the desktop, and none for
 * a minute after. It carries the agent's name and no authority; `quiet` silences it.
 */
export function createHoldBell(
  powers: Pick<CliPowers, "err" | "notice" | "now">,
  { quiet }: { readonly quiet: boolean },
): (held: { readonly agent: string }) => void {
  let last = -Infinity;
  return ({ agent }) => {
    const now = powers.now();
    // A clock that was set back must not silence it for as long.
    if (quiet || (now >= last && now - last < APART_MS)) return;
    last = now;
    if (powers.err.terminal) powers.err.write("\u0007");
    powers.notice(
      `AIOS: an action of ${makeVisible(agent)} waits for you`,
      "aios run or aios top shows it, and you answer there",
    );
  };
}
