import { expect } from "vitest";
import type { LogFiles } from "../../src/platform/log/log-powers.ts";
import type { Timer } from "../../src/platform/powers.ts";
import { createClock } from "../../src/platform/clock.ts";
import { createRandom } from "../../src/platform/keys/random.ts";
import type { RecordBody } from "../../src/protocol/record.ts";
import { createFold, emptyFolded, type Folded } from "../../src/monitor/kept-state/folded.ts";
import { createKeeper, type Keeper } from "../../src/monitor/kept-state/keeper.ts";
import { digestOfKept, openLines, readHead, sealLines } from "../../src/monitor/kept-state/sealing.ts";
import { keptPath, startState, type Started } from "../../src/monitor/kept-state/start.ts";
import { createMemoryDisk, type MemoryDisk } from "./memory-disk.ts";
import { createMemoryLog } from "./memory-log.ts";
import { CRYPTO, ORIGIN, testEpochs } from "./open-log.ts";
import { plainState } from "./plain-state.ts";
import { MOVES, RandomLog } from "./random-log.ts";

const AT_ONCE: Timer = {
  after: (_ms, callback) => {
    setImmediate(callback);
    return () => {};
  },
};
const EVERY = 100;
export const pause = async (): Promise<void> => {};

/** A home's log and the folder where its states are kept, over many starts. */
export class KeptHome {
  readonly written = new RandomLog();
  readonly disk: MemoryDisk = createMemoryDisk();
  readonly gone = new Set<number>();
  readonly keys = testEpochs(this.gone);
  readonly reports: string[] = [];
  files!: LogFiles;
  #drawn = 7;

  /** Does every kind of thing so many times, the same in every run. */
  fill(rounds: number): void {
    for (let round = 0; round < rounds; round += 1) {
      for (const move of MOVES.keys()) this.written.take({ move, a: this.#draw(), b: this.#draw() });
    }
  }

  do(what: string): void {
    this.written.take({ move: MOVES.findIndex(([name]) => name === what), a: 1, b: 1 });
  }

  #draw(): number {
    this.#drawn = (this.#drawn * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (this.#drawn >> 8) % 1000;
  }

  get ports() {
    const { kept } = this.written;
    const { entries, rootAt } = createMemoryLog("0".repeat(32), kept);
    return {
      log: {
        get size() {
          return kept.length;
        },
        entries,
        rootAt,
      },
      crypto: CRYPTO,
      keys: this.keys,
      origin: ORIGIN,
      files: this.files,
      random: createRandom(),
      timer: AT_ONCE,
      clock: createClock(),
      report: (words: string) => void this.reports.push(words),
    };
  }

  async open(): Promise<this> {
    this.disk.kill();
    this.files = this.disk.open();
    await this.files.hold();
    return this;
  }

  start(): Promise<Started> {
    return startState(this.ports);
  }

  /** What the records up to now make, by folding all of them. */
  whole(): Folded {
    const folded = emptyFolded();
    const fold = createFold(folded, CRYPTO);
    for (const entry of this.written.kept) fold(entry);
    return folded;
  }

  keeper(write: (body: RecordBody) => void = (body) => this.written.push(body)): Keeper {
    return createKeeper({
      ...this.ports,
      every: EVERY,
      journal: {
        write: async (body) => {
          write(body);
          return this.written.kept.length - 1;
        },
      },
    });
  }

  /** Keeps the state of all records there are. */
  async keep(): Promise<number> {
    const size = this.written.kept.length;
    const keeper = this.keeper();
    await keeper.begin({ folded: this.whole(), kept: null });
    await keeper.ready();
    return size;
  }

  bytes(size: number): Uint8Array {
    return this.disk.bytes(keptPath(size)) ?? new Uint8Array();
  }

  /** As somebody would who has every key of the home: other lines, sealed as the monitor seals them. */
  async forge(size: number, change: (lines: readonly string[]) => readonly string[]): Promise<Uint8Array> {
    const lines: string[] = [];
    for await (const line of openLines(this.bytes(size), { ...this.ports, pause })) lines.push(line);
    const { root } = readHead(this.bytes(size));
    const place = { origin: ORIGIN, size, root };
    const bytes = await sealLines(change(lines), { ...this.ports, place, pause });
    this.disk.put(keptPath(size), bytes);
    return bytes;
  }

  /** The record that vouches for bytes, as the monitor would have written it. */
  vouch(size: number, bytes: Uint8Array, less: string | null = null): void {
    const named = this.written.kept.map(({ record }) => record).findLast(({ kind }) => kind === "state-kept");
    if (named?.kind !== "state-kept") throw new Error("nothing was kept");
    const signed = { ...named.signed };
    if (less !== null) signed[less] = (signed[less] ?? 0) - 1;
    this.written.push({ kind: "state-kept", size, digest: digestOfKept(bytes, CRYPTO), signed });
  }
}

/** A home that kept its state of something of each part; `behind`: rounds of records since. */
export async function keptHome(behind = 1): Promise<{ readonly home: KeptHome; readonly size: number }> {
  const home = await new KeptHome().open();
  home.fill(8);
  // Something of each part is there: a grant that was used, and an action that waits.
  for (const what of ["grant", "intent", "held"]) home.do(what);
  const size = await home.keep();
  home.fill(behind);
  return { home, size };
}

/** Nothing kept was used, and all records made what they make. */
export function expectWhole({ folded, kept }: Started, home: KeptHome): void {
  expect(kept).toBeNull();
  expect(plainState(folded)).toEqual(plainState(home.whole()));
}
