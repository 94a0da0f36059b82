import type { Clock, Random, Timer } from "../../platform/powers.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { Journal } from "../journal.ts";
import { createPause } from "../pausing.ts";
import { createFold, emptyFolded, type Folded } from "./folded.ts";
import { linesOf, restore, type KeptPorts } from "./restore.ts";
import { digestOfKept, KeptStateFault, openLines, sealLines } from "./sealing.ts";
import { keptPath, listKept, type KeptFiles, type KeptPlace, type Started } from "./start.ts";

/** So many records behind the newest kept state, and the next is kept. A start folds them again. */
const EVERY = 4096;
/** A stop keeps the state when a quarter of that is behind it, unless it is more than it may take the time for. */
const LEAST_AT_STOP = 1 / 4;
const MOST_AT_STOP = 2;
const NOTHING: Promise<void> = Promise.resolve();

export interface KeeperPorts extends KeptPorts {
  readonly files: KeptFiles;
  readonly random: Pick<Random, "bytes">;
  readonly timer: Timer;
  readonly clock: Pick<Clock, "micros">;
  readonly journal: Pick<Journal, "write">;
  /** Records behind the newest kept state after which the next is kept; 4,096 unless a test says another. */
  readonly every?: number;
  report(words: string): void;
}

/** What a comparison of the kept state with the whole log found. */
export interface Compared {
  readonly size: number;
  /** Parts that differ, by name; none: it is what the log makes. */
  readonly differs: readonly string[];
}

/**
 * Keeps the state from time to time, so that a start need not fold the whole log. What is kept is folded from the log
 * itself, from the newest kept state on, by the code of a start: not taken from what the monitor has in memory, which is
 * ahead of the log here and there. It is done in turns of about a millisecond, and nothing waits for it.
 */
export interface Keeper {
  /** Keeps what a start has folded, if that was much; before anything has changed it. */
  begin(started: Started): Promise<void>;
  /** The log takes records now: the one that names what `begin` kept is written. */
  ready(): Promise<void>;
  /** A record became durable. Nobody need wait for what that may begin, which ends with the promise. */
  recorded(): Promise<void>;
  /** Keeps the state once more and compares it with a fold over the whole log. */
  compare(): Promise<Compared>;
  /** Ends what is under way; keeps the state when a start would have much to fold. */
  stop(): Promise<void>;
}

export function createKeeper(ports: KeeperPorts): Keeper {
  const { log, crypto, keys, files, journal, report, every = EVERY } = ports;
  let last: (KeptPlace & { readonly epoch: number }) | null = null;
  /** Written, and not yet named by a record. */
  let unnamed: (KeptPlace & { readonly folded: Folded; readonly epoch: number }) | null = null;
  /** From so many records on it is tried again. */
  let next = every;
  /** One thing after another. */
  let work: Promise<void> = NOTHING;
  let waiting = 0;
  let stopping = false;
  // While the monitor stops nobody else has a turn.
  const pause = createPause(ports, () => stopping);

  function behind(): number {
    return log.size - (last !== null && last.epoch === keys.epoch ? last.size : 0);
  }

  /** What the records up to `to` make; from the newest kept state on when there is one of this epoch. */
  async function foldTo(to: number, from: KeptPlace | null): Promise<Folded> {
    const bytes = from === null ? null : await files.read(keptPath(from.size));
    if (from !== null && (bytes === null || digestOfKept(bytes, crypto) !== from.digest))
      throw new KeptStateFault("what was kept is gone or was changed");
    const { folded, size } = bytes === null ? { folded: emptyFolded(), size: 0 } : await restore(bytes, ports, pause);
    const fold = createFold(folded, crypto);
    for await (const entry of log.entries(size, to)) {
      if (stopping && to - entry.record.seq > every * MOST_AT_STOP) throw new KeptStateFault("the monitor stops");
      fold(entry);
      await pause();
    }
    return folded;
  }

  /** Writes what was folded of `size` records; a record must name it before it counts. */
  async function write(folded: Folded, size: number): Promise<KeptPlace> {
    const place = { origin: ports.origin, size, root: toHex(await log.rootAt(size)) };
    const bytes = await sealLines(linesOf(folded), { ...ports, place, pause });
    await files.write([{ path: keptPath(size), bytes }], { durable: true });
    return { size, digest: digestOfKept(bytes, crypto) };
  }

  async function name({ size, digest, folded, epoch }: NonNullable<typeof unnamed>): Promise<void> {
    unnamed = null;
    // An erasure ended the epoch in between: nothing opens it any more.
    if (keys.epoch !== epoch) return;
    await journal.write({ kind: "state-kept", size, digest, signed: Object.fromEntries(folded.signed.kinds) });
    last = { size, digest, epoch };
    // Only now may the older ones go: until the record was durable a start would have used them.
    const older = (await listKept(files)).filter((each) => each < size);
    await files.remove(older.map(keptPath), { durable: false });
  }

  async function keep(): Promise<void> {
    const { epoch } = keys;
    const to = log.size;
    const folded = await foldTo(to, last?.epoch === epoch ? last : null);
    // A payload that was erased meanwhile is explained by a record behind these: later, then.
    if (folded.state.unexplained.size > 0) return;
    await name({ ...(await write(folded, to)), folded, epoch });
  }

  /** Both at one size: what is kept, as it lies there, and what the whole log makes. */
  async function differences(kept: KeptPlace): Promise<readonly string[]> {
    const bytes = await files.read(keptPath(kept.size));
    if (bytes === null) throw new KeptStateFault("what was kept is gone");
    const found = await digestParts(openLines(bytes, { ...ports, pause }));
    const folded = await foldTo(kept.size, null);
    const made = await digestParts(linesOf(folded));
    return [...new Set([...found.keys(), ...made.keys()])].filter((part) => found.get(part) !== made.get(part));
  }

  /** A digest of the lines of each part. */
  async function digestParts(lines: Iterable<string> | AsyncIterable<string>): Promise<ReadonlyMap<string, string>> {
    const parts = new Map<string, string>();
    for await (const line of lines) {
      const part = line.slice(2, line.indexOf('"', 2));
      parts.set(part, crypto.digest(`${parts.get(part) ?? ""}\n${line}`));
      await pause();
    }
    return parts;
  }

  function enqueue(task: () => Promise<void>): Promise<void> {
    waiting += 1;
    work = work
      .then(task)
      .catch((error: unknown) => {
        if (stopping) return;
        if (error instanceof KeptStateFault) last = null;
        report(`cannot keep the state: ${error instanceof Error ? error.message : String(error)}`);
      })
      .finally(() => {
        waiting -= 1;
        next = log.size + every;
      });
    return work;
  }

  return {
    async begin({ folded, kept }) {
      const { epoch } = keys;
      last = kept === null ? null : { ...kept, epoch };
      if (behind() < every) return;
      try {
        unnamed = { ...(await write(folded, log.size)), folded, epoch };
      } catch (error) {
        report(`cannot keep the state: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
    async ready() {
      const written = unnamed;
      if (written !== null) await enqueue(() => name(written));
    },
    recorded() {
      // What a start has kept waits for its record: nothing is behind yet.
      const due = waiting === 0 && unnamed === null && !stopping && behind() >= every && log.size >= next;
      return due ? enqueue(keep) : NOTHING;
    },
    async compare() {
      await enqueue(keep);
      if (last === null) throw new KeptStateFault("nothing could be kept");
      const { size } = last;
      const differs = await differences(last);
      if (differs.length > 0) {
        // Whatever begins with it goes on with what is wrong: the next start reads the whole log.
        last = null;
        await files.remove((await listKept(files)).map(keptPath), { durable: true });
        report(`what was kept of ${size} records is not what they make: ${differs.join(", ")}`);
      }
      return { size, differs };
    },
    async stop() {
      stopping = true;
      await work;
      if (behind() >= every * LEAST_AT_STOP && behind() <= every * MOST_AT_STOP) await enqueue(keep);
    },
  };
}
