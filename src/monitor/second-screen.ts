import type { Random } from "../platform/powers.ts";
import type { Demand, SecondNeed } from "../protocol/second-screen.ts";
import type { Statement } from "../protocol/statement.ts";
import { shortCode } from "../showing/statement-code.ts";
import { isPasskey } from "./signers.ts";
import type { HeldState } from "./state.ts";

/** Wrong codes that are signed for one action; after them it is answered at a terminal only. */
const TRIES = 3;
const DIGITS = 8;

/** What waits for a yes: a held action, or a proposed grant, whose request is its name. */
type Waiting = Pick<HeldState, "risk" | "request">;

/**
 * The codes of held actions, which a yes by a passkey must have where an owner demands it: a browser that shows another action
 * than it has signed does not know that action's code, since a terminal tells it beside the action itself
 * (docs/decisions/second-screen.md). They are in memory only, and a start draws others.
 */
export interface SecondDesk {
  needOf(held: Waiting): SecondNeed;
  /**
   * The code of a held action that a terminal has shown, with what lay there; another one when that is not what it was.
   * Null where none is demanded, or none helps any more.
   */
  tell(held: Waiting, beside: string | null): string | null;
  /** Why a verified answer to a held action is not taken for want of its code, or null. Counts a wrong one. */
  faultOf(statement: Statement, held: Waiting): string | null;
}

interface Told {
  code: string | null;
  beside: string | null;
  wrong: number;
}

export function createSecondScreen(
  state: { readonly secondScreen: Demand; readonly held: { has(request: string): boolean } },
  random: Pick<Random, "hex">,
): SecondDesk {
  /** By request; what is not held any more is dropped when another one comes. */
  const told = new Map<string, Told>();

  function needOf({ risk, request }: Waiting): SecondNeed {
    if (state.secondScreen === "nothing" || risk !== "reserved") return "nothing";
    return (told.get(request)?.wrong ?? 0) < TRIES ? "code" : "terminal";
  }

  function of({ request }: Waiting): Told {
    const found = told.get(request);
    if (found !== undefined) return found;
    for (const gone of told.keys()) if (!state.held.has(gone)) told.delete(gone);
    const made: Told = { code: null, beside: null, wrong: 0 };
    told.set(request, made);
    return made;
  }

  return {
    needOf,
    tell(held, beside) {
      if (needOf(held) !== "code") return null;
      const kept = of(held);
      if (kept.code === null || kept.beside !== beside) {
        kept.code = shortCode(random.hex(16)).replaceAll("-", "").slice(0, DIGITS);
        kept.beside = beside;
      }
      return kept.code;
    },
    faultOf(statement, held) {
      // Whoever signs with a key file has been shown the action by the terminal that asked for the passphrase.
      if (statement.decision === "deny" || !isPasskey(statement.key)) return null;
      const need = needOf(held);
      if (need === "nothing") return null;
      if (need === "terminal") return "too many wrong codes were signed, so this is answered at a terminal only";
      if (statement.second === undefined) return "the code that a terminal tells beside this action is missing";
      const kept = of(held);
      if (statement.second === kept.code && (statement.beside ?? null) === kept.beside) return null;
      kept.wrong += 1;
      return "its code is not the one that a terminal tells beside this action";
    },
  };
}
