import type { JournalEntry } from "./frame.ts";
import type { Waiting } from "./parts.ts";

/** Most bytes in one group, unless a single record has more. */
const GROUP_BYTES = 1024 * 1024;

/** Most bytes that wait for a slow disk. What would pass it is refused, so that its effect does not happen. */
export const MOST_WAITING_BYTES: number = 64 * 1024 * 1024;

/** How many of those that wait are the next group. */
export function groupLength(waiting: readonly Waiting[]): number {
  let bytes = 0;
  const end = waiting.findIndex(({ entry }) => {
    bytes += bytesOf(entry);
    return bytes > GROUP_BYTES;
  });
  return end < 0 ? waiting.length : Math.max(1, end);
}

/** What an entry takes in memory, about. */
export function bytesOf({ leaf, sealed }: JournalEntry): number {
  return leaf.length + (sealed?.length ?? 0);
}
