import { createPasskeyDesk, type DeskPorts, type PasskeyDesk } from "./passkey-desk.ts";
import { createProposedDesk, type ProposedDesk } from "./proposed-desk.ts";
import { createRecovery, type Recovery } from "./recovery.ts";
import { createRefusals, type Refused } from "./refusals.ts";
import { createSignCounts, type SignCounts } from "./sign-counts.ts";
import type { TrustedClock } from "./trusted-clock.ts";
import { createTurns, type Turns } from "./turns.ts";

/** What the monitor keeps about owners besides the log: none of it adds authority. */
export interface OwnerParts {
  readonly counts: SignCounts;
  readonly desk: PasskeyDesk;
  readonly recovery: Recovery;
  readonly proposed: ProposedDesk;
  /** In which all is recorded that says who may sign: two that each fit the state alone may exclude each other. */
  readonly inTurn: Turns;
  /** Ids of the keys whose removal is on its way to the log: nothing of theirs may be recorded after it. */
  readonly leaving: Set<string>;
  /** Records statements that were refused. */
  readonly refused: (refused: Refused) => void;
}

export function createOwnerParts(
  ports: Omit<DeskPorts, "counts" | "now" | "leaving"> & {
    readonly trusted: Pick<TrustedClock, "now" | "state">;
    failed(error: unknown): void;
  },
): OwnerParts {
  const counts = createSignCounts(ports.journal);
  const [leaving, inTurn] = [new Set<string>(), createTurns()];
  return {
    counts,
    leaving,
    inTurn,
    refused: createRefusals(ports),
    desk: createPasskeyDesk({ ...ports, counts, leaving, now: ports.trusted.now }),
    recovery: createRecovery({ ...ports, inTurn }),
    proposed: createProposedDesk({ ...ports, state: ports.journal.state, now: ports.trusted.now }),
  };
}
