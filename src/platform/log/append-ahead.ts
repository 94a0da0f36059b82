import type { AppendFile } from "./log-powers.ts";

/** Zeros that are written ahead of what is appended, when less than half of them are left. In bytes. */
const AHEAD = 256 * 1024;

/** A file in which bytes can be put at a place. */
export interface PlacedFile {
  /** Bytes that it has. */
  readonly size: number;
  /** Resolves when the bytes are on stable storage at that place. Two calls that do not overlap may be under way at once. */
  write(bytes: Uint8Array, offset: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Appends to a file over zeros that were made durable before: where a file does not grow, its file system has nothing to write but
 * the bytes. So zeros follow what was appended, or a part of them after a loss of power. Ahead of large pieces nothing is written:
 * their own bytes are most of what they cost.
 */
export function appendAhead(file: PlacedFile, ahead: number = AHEAD): AppendFile {
  const zeros = new Uint8Array(ahead);
  /** Where the next piece goes. */
  let at = file.size;
  /** Where the zeros end that are durable. */
  let end = at;
  let reserving: Promise<void> | null = null;
  let refused = false;

  /** A disk without room for zeros may have some for what is appended, and says so itself when it has none. */
  async function reserve(): Promise<void> {
    try {
      await file.write(zeros, end);
      end += ahead;
    } catch {
      refused = true;
    }
    reserving = null;
  }

  return {
    async append(bytes) {
      // Never where zeros are being written: they could come last.
      if (at + bytes.length > end) await reserving;
      await file.write(bytes, at);
      at += bytes.length;
      end = Math.max(end, at);
      if (bytes.length <= ahead / 8 && end - at < ahead / 2 && !refused) reserving ??= reserve();
    },
    async close() {
      await reserving;
      await file.close();
    },
  };
}
