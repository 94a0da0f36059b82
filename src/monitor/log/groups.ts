import type { JournalEntry } from "./frame.ts";
import type { Waiting } from "./parts.ts";

/** Most bytes in one group, unless a single record has more. */
const GROUP_BYTES = 1024 * 1024;

/** A segment that reaches this many bytes is followed by a new one and its records move into tiles and payload files. */
export const SEGMENT_BYTES: number = 8 * 1024 * 1024;
/** Milliseconds from one published checkpoint to the next. */
export const PUBLISH_MS = 100;

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
