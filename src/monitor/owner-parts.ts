import { createPasskeyDesk, type DeskPorts, type PasskeyDesk } from "./passkey-desk.ts";
import { createRecovery, type Recovery } from "./recovery.ts";
import { createSignCounts, type SignCounts } from "./sign-counts.ts";
import type { TrustedClock } from "./trusted-clock.ts";

/** What the monitor keeps about owners besides the log: none of it adds authority. */
export interface OwnerParts {
  readonly counts: SignCounts;
  readonly desk: PasskeyDesk;
  readonly recovery: Recovery;
}

export function createOwnerParts(
  ports: Omit<DeskPorts, "counts" | "now"> & {
    readonly trusted: Pick<TrustedClock, "now" | "state">;
    failed(error: unknown): void;
  },
): OwnerParts {
  const counts = createSignCounts(ports.journal);
  return {
    counts,
    desk: createPasskeyDesk({ ...ports, counts, now: ports.trusted.now }),
    recovery: createRecovery(ports),
  };
}
