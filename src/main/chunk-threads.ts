import { CHUNK_RECORDS, verifyChunk, type ChunkResult } from "../monitor/log/verify-chunk.ts";
import type { VerifyOptions } from "../monitor/log/verify.ts";
import type { LogReader } from "../platform/log/log-powers.ts";
import { startResident, type Resident } from "../platform/resident.ts";
import { createTreeHasher, type Range, type Sha256 } from "../protocol/merkle.ts";

/** Heap of a thread, MiB: all of it, and the part for what is new. It holds two bundles and the hashes above them. */
const [HEAP, YOUNG] = [64, 2];
/** This one and the others. Each has memory of its own, and what reads a disk is soon as fast as it. */
const MOST_THREADS = 4;

/** Threads that verify the chunks of one log. */
export interface ChunkThreads {
  readonly workers: NonNullable<VerifyOptions["workers"]>;
  end(): Promise<void>;
}

/**
 * Starts them for a log of about `size` records, beside this one; null when one thread is as good. What a thread cannot take that the
 * system has no room for is verified in this one: it takes longer and finds the same. @param cores that there are.
 */
export function startChunkThreads(
  {
    folder,
    reader,
    sha256,
    start = startResident,
  }: {
    readonly folder: string;
    readonly reader: LogReader;
    readonly sha256: Sha256;
    readonly start?: typeof startResident;
  },
  { size, cores }: { readonly size: number; readonly cores: number },
): ChunkThreads | null {
  const count = Math.min(cores, MOST_THREADS, Math.ceil(size / CHUNK_RECORDS));
  if (count < 2) return null;
  const program = new URL("./chunk-worker.ts", import.meta.url);
  const hasher = createTreeHasher(sha256);
  // What Node compiled before serves the threads too.
  const { NODE_COMPILE_CACHE } = process.env;
  const environment = NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
  const tryOne = (): Resident | null => {
    try {
      return start(program, { input: { folder }, heap: HEAP, young: YOUNG, environment });
    } catch {
      return null;
    }
  };
  const threads = Array.from({ length: count - 1 }, tryOne);
  const here = (range: Range): Promise<ChunkResult> => verifyChunk(reader, { range, hasher });
  return {
    workers: {
      count,
      async verify(range) {
        const thread = threads[(range.start / CHUNK_RECORDS) % count];
        if (thread == null) return await here(range);
        try {
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program answers with what verifyChunk gave
          return (await thread.ask(range)) as ChunkResult;
        } catch (error) {
          if (thread.began) throw error;
          return await here(range);
        }
      },
    },
    async end() {
      await Promise.all(threads.map((thread) => thread?.end() ?? Promise.resolve()));
    },
  };
}
