import { Refusal } from "./faults.ts";
import type { Journal } from "./journal.ts";

/**
 * Sign counts of passkeys (WebAuthn, section 6.1.1): an authenticator that counts shows a higher number each time, so one
 * that does not is a copy, or the copy is the one that was used before.
 */
export interface SignCounts {
  /** Counts one verified signature; throws a Refusal, with a record that alerts people, when the count did not rise. */
  take(key: string, count: number | null): void;
}

export function createSignCounts(journal: Journal): SignCounts {
  // Ahead of the log, whose records of two signatures may be written in another order than these were taken.
  const taken = new Map<string, number>();
  return {
    take(key, count) {
      const owner = journal.state.owners.get(key);
      if (count === null || owner === undefined) return;
      const kept = Math.max(owner.count, taken.get(key) ?? 0);
      if (count > kept) taken.set(key, count);
      else if (count !== 0 || kept !== 0) {
        void journal.write({ kind: "passkey-rolled-back", key, kept, found: count }).catch(() => {});
        throw new Refusal(
          "bad-statement",
          `The passkey ${key} shows a count of ${count} and showed ${kept} before, so there may be a copy of it (replayed).`,
          "Remove that owner, and enrol another passkey.",
        );
      }
    },
  };
}
