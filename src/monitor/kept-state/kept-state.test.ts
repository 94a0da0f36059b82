import { describe, expect, test } from "vitest";
import { createMemoryDisk, type MemoryDisk } from "../../../test/fakes/memory-disk.ts";
import { createMemoryLog } from "../../../test/fakes/memory-log.ts";
import { CRYPTO, ORIGIN, testEpochs } from "../../../test/fakes/open-log.ts";
import { plainState } from "../../../test/fakes/plain-state.ts";
import { MOVES, RandomLog } from "../../../test/fakes/random-log.ts";
import type { Timer } from "../../platform/powers.ts";
import { createClock } from "../../platform/clock.ts";
import { createRandom } from "../../platform/random.ts";
import { encodeUtf8, toHex } from "../../protocol/bytes.ts";
import type { RecordBody } from "../../protocol/record.ts";
import type { LogFiles } from "../../platform/log-powers.ts";
import { SIGNED } from "../signed-records.ts";
import { createFold, emptyFolded, isReadAgain, type Folded } from "./folded.ts";
import { createKeeper, type Keeper } from "./keeper.ts";
import { MAKES } from "./restore.ts";
import { digestOfKept, openLines, readHead, sealLines } from "./sealing.ts";
import { keptPath, listKept, startState, type Started } from "./start.ts";

const AT_ONCE: Timer = {
  after: (_ms, callback) => {
    setImmediate(callback);
    return () => {};
  },
};
const EVERY = 100;
const pause = async (): Promise<void> => {};

/** A home's log and the folder where its states are kept, over many starts. */
class Home {
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

async function keptHome(behind = 1): Promise<{ readonly home: Home; readonly size: number }> {
  const home = await new Home().open();
  home.fill(8);
  // Something of each part is there: a grant that was used, and an action that waits.
  for (const what of ["grant", "intent", "held"]) home.do(what);
  const size = await home.keep();
  home.fill(behind);
  return { home, size };
}

function expectWhole({ folded, kept }: Started, home: Home): void {
  expect(kept).toBeNull();
  expect(plainState(folded)).toEqual(plainState(home.whole()));
}

describe("a start", () => {
  test("takes up the kept state, and makes what the whole log makes", async () => {
    const { home, size } = await keptHome();
    const started = await home.start();
    expect(started.kept?.size).toBe(size);
    expect(plainState(started.folded)).toEqual(plainState(home.whole()));
    expect(home.reports).toEqual([]);
  });

  test("with nothing kept folds the log, and says nothing of it", async () => {
    const home = await new Home().open();
    home.fill(2);
    expectWhole(await home.start(), home);
    expect(home.reports).toEqual([]);
  });

  test("reads every record again that an owner signed, and the four of the monitor's own that make of them what they are", () => {
    const own = [...MAKES].filter((kind) => !SIGNED.has(kind));
    expect(own).toEqual(["owner-recovered", "away-ended", "restored", "secret-refreshed"]);
    expect([...MAKES, ...SIGNED.keys()].every(isReadAgain)).toBe(true);
    // Only checked: what these lift or end is in what is kept.
    expect([...SIGNED.keys()].filter((kind) => !MAKES.has(kind))).toEqual([
      "clock-set",
      "instance-thawed",
      "all-thawed",
      "hold-lifted",
      "agent-restarted",
      "home-wiped",
      "memory-erased",
      "memory-released",
      "memory-imported",
    ]);
  });
});

describe("what is not what the monitor kept is not used, the log is folded, and that is said once", () => {
  const spoiled: readonly (readonly [string, (home: Home, size: number) => void | Promise<unknown>, RegExp])[] = [
    [
      "a byte flipped in the middle",
      (home, size) => flip(home, size, Math.floor(home.bytes(size).length / 2)),
      /was changed/u,
    ],
    ["a byte flipped in its head", (home, size) => flip(home, size, 40), /head|another log|was changed|records/u],
    ["its last byte gone", (home, size) => home.disk.put(keptPath(size), home.bytes(size).slice(0, -1)), /is cut/u],
    [
      "what another version wrote, in which something may be missing",
      (home, size) => home.disk.put(keptPath(size), olderOf(home.bytes(size))),
      /another version wrote it/u,
    ],
    ["an empty file", (home, size) => home.disk.put(keptPath(size), new Uint8Array()), /has no head/u],
    [
      "the file of another size under its name",
      async (home, size) => {
        const old = home.bytes(size);
        const newer = await home.keep();
        home.disk.put(keptPath(newer), old);
      },
      /it is of \d+/u,
    ],
    [
      "one that no record names",
      async (home, size) => {
        // The same lines under another salt: every byte of it is right.
        await home.forge(size, (lines) => lines);
      },
      /no record of the log names it/u,
    ],
    [
      "one of another home",
      async (home, size) => {
        const other = await keptHome();
        const bytes = await sealLines([], {
          ...other.home.ports,
          place: { origin: "aios.test/other", size, root: "0".repeat(64) },
          pause,
        });
        home.disk.put(keptPath(size), bytes);
      },
      /of another log/u,
    ],
    [
      "one of a log with other records",
      async (home, size) => {
        const place = { origin: ORIGIN, size, root: toHex(new Uint8Array(32)) };
        home.disk.put(keptPath(size), await sealLines([], { ...home.ports, place, pause }));
      },
      /other records/u,
    ],
    [
      "one of more records than there are",
      async (home) => {
        const place = { origin: ORIGIN, size: 100_000, root: toHex(new Uint8Array(32)) };
        home.disk.put(keptPath(100_000), await sealLines([], { ...home.ports, place, pause }));
        for (const size of await listKept(home.files)) if (size !== 100_000) home.disk.erase(keptPath(size));
      },
      /it is of 100000 records/u,
    ],
    [
      "one whose epoch an erasure ended",
      (home) => {
        home.gone.add(1);
      },
      /was destroyed/u,
    ],
    [
      "a tombstone dropped",
      (home, size) => home.forge(size, (lines) => lines.filter((line) => !line.startsWith('["tombstones"'))),
      /no record of the log names it/u,
    ],
  ];
  test.each(spoiled)("%s", async (_name, spoil, why) => {
    const { home, size } = await keptHome();
    await spoil(home, size);
    expectWhole(await home.start(), home);
    expect(home.reports).toHaveLength(1);
    expect(home.reports[0]).toMatch(/^reads the whole log/u);
    expect(home.reports[0]).toMatch(why);
  });
});

describe("whoever has every key of the home, and makes the log vouch for what they forged,", () => {
  const grantLine = '["grants",{"grant":"g-forged"}]';
  const forgeries: readonly (readonly [string, (lines: readonly string[], home: Home) => readonly string[], RegExp])[] =
    [
      ["cannot put a grant in", (lines) => [...lines, grantLine], /an unknown part/u],
      [
        "cannot name a record as an owner's that is none",
        (lines, home) => {
          const plain = home.written.kept.find(({ record }) => record.kind === "held")?.record.seq ?? -1;
          return lines.map((line) => (line.startsWith('["signed"') ? withNumber(line, plain) : line));
        },
        /gives no authority/u,
      ],
      [
        "cannot count the uses of a grant that is none",
        (lines) => {
          const at = lines.findIndex((line) => line.startsWith('["usage"'));
          return lines.map((line, place) => (place === at ? line.replace(/"g-\d+"/u, '"g-forged"') : line));
        },
        /no grant is called g-forged/u,
      ],
      [
        "cannot say the same twice",
        (lines) => lines.flatMap((line) => (line.startsWith('["held"') ? [line, line] : [line])),
        /twice/u,
      ],
      [
        "cannot write a line another way",
        (lines) => lines.map((line) => line.replace(",", ", ")),
        /a line of it is none/u,
      ],
    ];
  test.each(forgeries)("%s", async (_name, change, why) => {
    const { home, size } = await keptHome();
    home.vouch(size, await home.forge(size, (lines) => change(lines, home)));
    expectWhole(await home.start(), home);
    expect(home.reports[0]).toMatch(why);
  });

  test("cannot make a grant of a record that its owner did not sign", async () => {
    const home = await new Home().open();
    home.fill(6);
    const at = home.written.kept.findLastIndex(({ record }) => record.kind === "grant-signed");
    const size = await home.keep();
    const entry = home.written.kept[at];
    if (entry === undefined) throw new Error("no grant was signed");
    const document = { ...(entry.payload?.["document"] as object), agents: ["other"] };
    home.written.kept[at] = { ...entry, payload: { ...entry.payload, document } };
    home.vouch(size, home.bytes(size));
    await expect(home.start()).rejects.toThrow(/signed over something else/u);
  });

  test("cannot take the texts of a snapshot away, and with them its signature", async () => {
    const home = await new Home().open();
    home.fill(6);
    home.do("rules of memory");
    const at = home.written.kept.findLastIndex(({ record }) => record.kind === "memory-frozen");
    const size = await home.keep();
    const entry = home.written.kept[at];
    if (entry === undefined) throw new Error("nothing was frozen");
    home.written.kept[at] = { ...entry, payload: null };
    home.vouch(size, home.bytes(size));
    await expect(home.start()).rejects.toThrow(/its payload is gone, and no owner erased it/u);
  });

  test("cannot leave a revocation out, unless the record lies about how many there are", async () => {
    const forge = async (less: string | null) => {
      const { home, size } = await keptHome();
      const revoked = home.written.kept.find(({ record }) => record.kind === "grant-revoked")?.record.seq ?? -1;
      expect(revoked).toBeLessThan(size);
      const without = await home.forge(size, (lines) => lines.map((line) => withoutNumber(line, revoked)));
      home.vouch(size, without, less);
      return { home, size };
    };
    const honest = await forge(null);
    expectWhole(await honest.home.start(), honest.home);
    expect(honest.home.reports[0]).toMatch(/leaves out records that give authority/u);
    // With the log's own key somebody can write a history without the revocation as well; a comparison finds this one.
    const { home, size } = await forge("grant-revoked");
    const deceived = await home.start();
    expect(deceived.kept?.size).toBe(size);
    await expectFound(home, deceived, /signed/u);
  });

  test.each(["tombstones", "usage", "held", "instances", "memory", "asked"])(
    "can drop what is no authority, %s, and a comparison with the log finds it and ends it",
    async (part) => {
      const { home, size } = await keptHome(0);
      const forged = await home.forge(size, (lines) => {
        expect(lines.some((line) => line.startsWith(`["${part}"`))).toBe(true);
        return lines.filter((line) => !line.startsWith(`["${part}"`));
      });
      home.vouch(size, forged);
      const deceived = await home.start();
      expect(deceived.kept?.size).toBe(size);
      expect(plainState(deceived.folded)).not.toEqual(plainState(home.whole()));
      await expectFound(home, deceived, new RegExp(part, "u"));
    },
  );
});

/** Also after newer states were kept, which were folded from the forged one. */
/** The same bytes under the name of an earlier format. */
function olderOf(bytes: Uint8Array): Uint8Array {
  const older = bytes.slice();
  older[encodeUtf8("aios state v").length] = 0x31;
  return older;
}

async function expectFound(home: Home, deceived: Started, part: RegExp): Promise<void> {
  const keeper = home.keeper();
  await keeper.begin(deceived);
  await keeper.ready();
  const { differs } = await keeper.compare();
  expect(differs.join(" ")).toMatch(part);
  expect(await listKept(home.files)).toEqual([]);
  expectWhole(await home.start(), home);
}

describe("the keeper", () => {
  test("keeps the state again and again, from the last one on, and only the newest stays", async () => {
    const home = await new Home().open();
    const keeper = home.keeper();
    for (let round = 0; round < 12; round += 1) {
      home.fill(1);
      await keeper.recorded();
    }
    const sizes = await listKept(home.files);
    expect(sizes).toHaveLength(1);
    expect(home.written.kept.filter(({ record }) => record.kind === "state-kept").length).toBeGreaterThan(1);
    const started = await home.start();
    expect(started.kept?.size).toBe(sizes[0]);
    expect(plainState(started.folded)).toEqual(plainState(home.whole()));
    expect(home.reports).toEqual([]);
    expect(await keeper.compare()).toMatchObject({ differs: [] });
  });

  test("keeps what a start has folded, once, with the records of that start around it", async () => {
    const home = await new Home().open();
    home.fill(8);
    const size = home.written.kept.length;
    // As the monitor has it: every record that is written is told to the keeper, its own too.
    const keeper = home.keeper((body) => {
      home.written.push(body);
      void keeper.recorded();
    });
    await keeper.begin(await home.start());
    home.do("start");
    await keeper.recorded();
    await keeper.ready();
    await keeper.recorded();
    expect(await listKept(home.files)).toEqual([size]);
    expect(home.written.kept.slice(size).map(({ record }) => record.kind)).toEqual(["start", "state-kept"]);
    expect((await home.start()).kept?.size).toBe(size);
    expect(home.reports).toEqual([]);
  });

  test("keeps it at a stop", async () => {
    const home = await new Home().open();
    home.fill(2);
    await home.keeper().stop();
    expect(await listKept(home.files)).toHaveLength(1);
    expect((await home.start()).kept).not.toBeNull();
  });

  test("leaves the last one in place when the record of the next could not be written", async () => {
    const { home, size } = await keptHome();
    home.fill(8);
    const keeper = home.keeper(() => {
      throw new Error("log-unavailable");
    });
    await keeper.begin(await home.start());
    await keeper.ready();
    expect(await listKept(home.files)).toHaveLength(2);
    expect(home.reports).toEqual(["cannot keep the state: log-unavailable"]);
    expect((await home.start()).kept?.size).toBe(size);
  });

  test("folds the whole log again after an erasure, whose payload is in nothing that was kept before", async () => {
    const { home } = await keptHome();
    const started = await home.start();
    const keeper = home.keeper();
    await keeper.begin(started);
    home.written.erase(1);
    home.gone.add(1);
    await keeper.recorded();
    const after = await home.start();
    expect(after.kept).not.toBeNull();
    expect(plainState(after.folded)).toEqual(plainState(home.whole()));
    expect(home.reports).toEqual([]);
  });

  test("goes on from the log when what it kept was deleted under it", async () => {
    const { home, size } = await keptHome();
    const keeper = home.keeper();
    await keeper.begin(await home.start());
    home.disk.erase(keptPath(size));
    for (let round = 0; round < 12; round += 1) {
      home.fill(1);
      await keeper.recorded();
    }
    expect((await home.start()).kept).not.toBeNull();
    expect(home.reports).toEqual(["cannot keep the state: what was kept is gone or was changed"]);
  });
});

function flip(home: Home, size: number, at: number): void {
  const bytes = home.bytes(size).slice();
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  home.disk.put(keptPath(size), bytes);
}

function numbersIn(line: string): readonly number[] {
  return (JSON.parse(line) as ["signed", { numbers: number[] }])[1].numbers; // a line that the caller chose
}

function withNumber(line: string, seq: number): string {
  const numbers = [...numbersIn(line), seq].toSorted((left, right) => left - right);
  return `["signed",{"numbers":[${numbers.join()}]}]`;
}

function withoutNumber(line: string, seq: number): string {
  if (!line.startsWith('["signed"')) return line;
  return `["signed",{"numbers":[${numbersIn(line)
    .filter((each) => each !== seq)
    .join()}]}]`;
}
