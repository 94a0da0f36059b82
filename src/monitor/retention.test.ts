import { beforeEach, describe, expect, test } from "vitest";
import { createMemoryDisk, type MemoryDisk } from "../../test/fakes/memory-disk.ts";
import { CRYPTO, ORIGIN, SIGNER, STILL, testEpochs } from "../../test/fakes/open-log.ts";
import { grant } from "../../test/fakes/kernel.ts";
import { readAll } from "../../test/fakes/records.ts";
import type { Spent } from "../kernel/infer.ts";
import type { JsonObject } from "../kernel/json.ts";
import { createRandom } from "../platform/keys/random.ts";
import type { ActionBase, RecordBody } from "../protocol/record.ts";
import { DAY_MS, ERASABLE, type RetentionDays } from "../protocol/retention.ts";
import { createJournal, replay, type Journal } from "./journal.ts";
import { jsonView } from "./json-view.ts";
import type { Entry, Log } from "./log/log.ts";
import { openLog } from "./log/open.ts";
import { createRetention, type Retention } from "./retention.ts";
import { settingRecord } from "./setting-statements.ts";
import { emptyState, type State } from "./state.ts";
import { countUse } from "./uses.ts";
import { createTrustedClock, type TrustedClock } from "./trusted-clock.ts";

const KEY = "ed25519:0123456789abcdef";
const DIGEST = `sha256:${"0".repeat(64)}`;

/** A home over starts and crashes, with a clock that is moved by hand. */
class World {
  wall = 1_700_000_000_000;
  boot = 1_000_000;
  readonly gone = new Set<number>();
  readonly reports: string[] = [];
  log!: Log;
  state!: State;
  journal!: Journal;
  trusted!: TrustedClock;
  retention!: Retention;

  readonly disk: MemoryDisk;
  readonly slots: MemoryDisk;
  constructor(disk = createMemoryDisk(), slots = createMemoryDisk()) {
    this.disk = disk;
    this.slots = slots;
  }

  async start(): Promise<this> {
    for (const disk of [this.disk, this.slots]) disk.kill();
    const files = this.slots.open();
    await files.hold();
    const clock = { wall: () => this.wall, boot: () => this.boot, micros: () => performance.now() * 1000 };
    this.log = await openLog({
      files: this.disk.open(),
      keys: Object.assign(testEpochs(this.gone), { files }),
      crypto: CRYPTO,
      random: createRandom(),
      clock,
      timer: STILL,
      signer: SIGNER,
      origin: ORIGIN,
      start: "0".repeat(32),
    });
    this.state = emptyState();
    await replay(this.log, this.state, () => {});
    this.trusted = createTrustedClock(clock, this.state.highWater);
    const { log, state, trusted } = this;
    this.journal = createJournal(log, { state, now: trusted.now, onRecord: () => {} });
    this.retention = createRetention({
      log,
      journal: this.journal,
      // What is asked for at a time is asked for by hand; a pause lets others have their turn.
      timer: { after: (ms, callback) => (ms > 0 ? () => {} : (setImmediate(callback), () => {})) },
      clock,
      trusted,
      forget: () => {},
      report: (words) => void this.reports.push(words),
    });
    return this;
  }

  pass(days: number): void {
    this.wall += days * DAY_MS;
    this.boot += days * DAY_MS;
  }

  rule(days: RetentionDays): Promise<number> {
    return this.journal.write({ kind: "retention-set", days, key: KEY }, { document: { days }, envelope: {} });
  }

  entries(): Promise<readonly Entry[]> {
    return readAll(this.log);
  }

  /** Records whose payloads are gone. */
  async missing(): Promise<readonly number[]> {
    const lost = (await this.entries()).filter(({ record, payload }) => record.payload !== null && payload === null);
    return lost.map(({ record }) => record.seq);
  }

  async kinds(kind: string): Promise<readonly Entry[]> {
    return (await this.entries()).filter(({ record }) => record.kind === kind);
  }
}

let count = 0;
function base(): ActionBase {
  count += 1;
  const action = `sha256:${count.toString(16).padStart(64, "0")}`;
  const who = { instance: "i-0123456789abcdef", agent: "writer", ancestry: [], labels: [] } as const;
  return { ...who, action, what: "files/write_file", risk: "reserved", policy: DIGEST };
}

const DENIED = (): RecordBody => {
  return { kind: "denied", stage: "validate", code: "no-grant", by: { kind: "monitor", why: "x" }, ...base() };
};

/** An action that ran: its intent, and its outcome unless it is still under way. */
async function act(
  home: World,
  { spent = null, actual = null, ends = true }: { spent?: Spent | null; actual?: Spent | null; ends?: boolean } = {},
): Promise<readonly [intent: number, end: () => Promise<number>]> {
  const action = base();
  const by = { kind: "grant", grants: ["g"] } as const;
  const { state, journal, trusted } = home;
  countUse(state, { grants: ["g"], at: trusted.now(), bytes: 3, ...(spent !== null && { spent }) });
  const intent = await journal.write(
    { kind: "intent", by, pin: DIGEST, ...action },
    { action: "the-word", grants: ["g"], bytes: 3, ...(spent !== null && { spent: { ...spent } }) },
  );
  const rest = { result: "ok", code: null, digest: null, bytes: 40, micros: 1 } as const;
  const result = JSON.stringify(actual === null ? "the-word" : { spent: actual });
  const end = (): Promise<number> => home.journal.write({ kind: "outcome", intent, ...rest, ...action }, { result });
  if (ends) await end();
  return [intent, end];
}

let world: World;
beforeEach(async () => {
  world = await new World().start();
});

describe("a payload that a rule keeps no longer", () => {
  test("goes, with its record on the log before; what is younger, or under no rule, stays", async () => {
    await world.rule({ denied: 30, outcome: 7 });
    await world.journal.write(DENIED(), { text: "old" });
    const [intent] = await act(world);
    world.pass(8);
    await world.journal.write(DENIED(), { text: "young" });
    await world.retention.look();
    expect(await world.missing()).toEqual([intent + 1]);
    world.pass(23);
    await world.retention.look();
    expect(await world.missing()).toEqual([1, intent + 1]);
    expect((await world.kinds("payloads-expired")).map(({ record, payload }) => [record, payload])).toMatchObject([
      [
        { count: 1, next: { outcome: 4 } },
        { records: [[3, 3]], passed: [], kept: [] },
      ],
      [
        { count: 1, next: { denied: 4 } },
        { records: [[1, 1]], passed: [], kept: [] },
      ],
    ]);
    expect(await world.kinds("payloads-destroyed")).toHaveLength(2);
    expect([...world.gone]).toEqual([1, 2]);
    // Nothing is left to do, and nothing is written for it.
    const { size } = world.log;
    await world.retention.look();
    expect(world.log.size).toBe(size);
    expect(world.retention.view()).toMatchObject({ days: { denied: 30, outcome: 7 }, waits: false });
  });

  test("is looked for among what is old enough alone, whatever kinds the rules are about", async () => {
    await world.rule({ "port-visited": 30, denied: 1 });
    for (let day = 0; day < 5; day += 1) {
      await world.journal.write(DENIED(), { day });
      world.pass(0.5);
    }
    let read = 0;
    const { log } = world;
    const records = log.records.bind(log);
    log.records = async function* (from, to) {
      for await (const each of records(from, to)) {
        read += 1;
        yield each;
      }
    };
    await world.retention.look();
    expect(await world.missing()).toEqual([1, 2, 3, 4]);
    // The rule, four that go and one that is younger, and the last again by the look for more.
    expect(read).toBe(7);
  });

  test("is in no file of the home, and in none of a copy from before or after that has no epoch key", async () => {
    await world.rule({ denied: 30 });
    await world.journal.write(DENIED(), { text: "the-word" });
    await world.log.checkpoint();
    const copy = (): World => Object.assign(new World(copyOf(world.disk), copyOf(world.slots)), { gone: world.gone });
    const before = copy();
    // The attack while its time is not over: the copy, with the epoch key of the home.
    expect((await (await copy().start()).entries())[1]?.payload).toEqual({ text: "the-word" });
    world.pass(31);
    await world.retention.look();
    await world.log.close();
    const after = copy();
    await expect(before.start()).rejects.toThrow();
    const opened = await after.start();
    expect((await opened.entries())[1]?.payload).toBeNull();
    await opened.log.close();
    // The log of now with the slots of before, under each name that they could be read by.
    for (const name of ["slots-1", "slots-2"]) {
      const mixed = copy();
      mixed.slots.put(name, before.slots.bytes("slots-1") ?? new Uint8Array());
      const entries = await mixed.start().then(
        (started) => started.entries(),
        () => [],
      );
      expect(entries[1]?.payload ?? null, name).toBeNull();
    }
    expect(world.slots.paths()).toEqual(["slots-2"]);
  });

  test("still counts for its grant: uses, bytes and what was spent are the same after a start", async () => {
    const document = jsonView(grant({ id: "g", agents: ["writer"] }));
    await world.journal.write({ kind: "grant-signed", grant: "g", digest: DIGEST, key: KEY }, { document });
    await world.rule({ intent: 2, outcome: 1 });
    const spent = { input: 100, output: 100, cost: 100 };
    await act(world);
    await act(world, { spent, actual: { input: 3, output: 4, cost: 5 } });
    await act(world, { spent });
    const used = world.state.usage.get("g");
    expect(used).toMatchObject({ uses: 3, bytes: 129, spent: { input: 103, output: 104, cost: 105 } });
    world.pass(1);
    await world.retention.look(); // outcomes alone
    await world.start();
    expect(world.state.usage.get("g")).toEqual(used);
    await act(world, { spent, actual: { input: 1, output: 1, cost: 1 } });
    const more = world.state.usage.get("g");
    world.pass(0.9);
    await world.start();
    world.pass(2);
    world.trusted.accept();
    await world.retention.look(); // the other intents, and both of the last
    expect(await world.missing()).toHaveLength(8);
    await world.start();
    // Of calls whose outcome went before their intent, what was expected is counted: never less.
    expect(world.state.usage.get("g")).toEqual({ ...more, spent: { input: 201, output: 201, cost: 201 } });
  });

  test("goes later when its action is under way, after a start too", async () => {
    await world.rule({ intent: 1, held: 1 });
    const waiting = base();
    await world.journal.write(
      { kind: "held", reasons: ["reserved"], expires: world.wall + 9 * DAY_MS, ...waiting },
      { request: "0".repeat(32), action: "{}" },
    );
    const [intent, end] = await act(world, { ends: false });
    await act(world);
    world.pass(0.5);
    await world.start(); // for the log's newest record is not a day old
    world.pass(0.9);
    await world.retention.look();
    expect(await world.missing()).toEqual([intent + 1]);
    await world.start();
    await end();
    await world.journal.write({ ...DENIED(), ...waiting } as RecordBody, null);
    await world.retention.look();
    expect(await world.missing()).toEqual([1, intent, intent + 1]);
    await world.start();
    expect(world.state.expired).toMatchObject({ unsettled: [], passed: new Set() });
    expect(world.state.expired.next.get("intent")).toBeGreaterThan(intent);
  });
});

describe("a clock that jumped", () => {
  test("erases nothing until an owner says which time it is", async () => {
    await world.rule({ denied: 30 });
    await world.journal.write(DENIED(), { text: "wanted" });
    world.wall += 3650 * DAY_MS;
    await world.retention.look();
    expect(world.retention.view().waits).toBe(true);
    expect(await world.missing()).toEqual([]);
    world.wall -= 3650 * DAY_MS;
    world.trusted.accept();
    await world.retention.look();
    expect(await world.missing()).toEqual([]);
  });

  test("nor when it was set ahead while the monitor was down; when it is right indeed, it goes", async () => {
    await world.rule({ denied: 30 });
    await world.journal.write(DENIED(), { text: "wanted" });
    world.wall += 3650 * DAY_MS;
    await world.start();
    await world.retention.begin();
    await world.retention.look();
    expect(world.retention.view().waits).toBe(true);
    expect(await world.missing()).toEqual([]);
    world.trusted.accept();
    await world.retention.look();
    expect(await world.missing()).toEqual([1]);
  });
});

describe("rules", () => {
  const record = (document: JsonObject): RecordBody =>
    settingRecord({ purpose: "set-retention", document, key: KEY }, { crypto: CRYPTO, state: emptyState() });

  test("are about kinds that can go, in days from one on", () => {
    const days = Object.fromEntries(ERASABLE.map((kind, at) => [kind, at + 1]));
    expect(record({ days })).toEqual({ kind: "retention-set", days, key: KEY });
    expect(record({ days: {} })).toMatchObject({ days: {} });
  });

  test("attack: are not about what the monitor's state is made of", () => {
    for (const kind of ["grant-signed", "owner-enrolled", "approved", "instance-started", "payload-erased"])
      expect(() => record({ days: { [kind]: 1 } }), kind).toThrow(/Payloads of .* stay/u);
    for (const bad of [{}, { days: { intent: 0 } }, { days: { intent: 1.5 } }, { days: { intent: 1 }, more: 1 }])
      expect(() => record(bad as JsonObject), JSON.stringify(bad)).toThrow(/no rules/u);
  });

  test("that are lifted end it, and what one had begun is no fault of a start", async () => {
    await world.rule({ denied: 1 });
    await world.journal.write(DENIED(), { text: "a" });
    world.pass(1);
    await world.retention.look();
    await world.rule({});
    await world.journal.write(DENIED(), { text: "b" });
    world.pass(0.9);
    await world.retention.look();
    expect(await world.missing()).toEqual([1]);
    expect(world.retention.view()).toMatchObject({ days: {}, next: { denied: 2 }, waits: false });
    // Queued behind the record that lifts the rule.
    await world.journal.write(
      { kind: "payloads-expired", count: 1, next: { denied: 6 } },
      { records: [[5, 5]], passed: [], kept: [] },
    );
    await world.start();
    expect(world.state.expired.unsettled).toEqual([5]);
    await world.retention.begin();
    expect(await world.missing()).toEqual([1, 5]);
  });
});

test("attack: a record of it explains no payload that is gone but by a rule, of that age, with what it counts for", async () => {
  const refused = async (
    days: RetentionDays,
    kept: readonly JsonObject[],
    next: { readonly [kind: string]: number } = { intent: 3 },
  ) => {
    const home = await new World().start();
    await home.rule(days);
    await act(home);
    home.pass(2);
    await home.log.append(
      { kind: "payloads-expired", count: 1, next },
      { records: [[1, 1]], passed: [], kept: [...kept] },
    );
    await home.log.erase([1]);
    return home.start().then(
      () => "",
      (error: unknown) => (error instanceof Error ? error.message : ""),
    );
  };
  const row = { record: 1, grants: ["g"], bytes: 43 };
  expect(await refused({ intent: 2 }, [row])).toBe("");
  expect(await refused({ intent: 3 }, [row])).toMatch(/not as old as any rule says/u);
  expect(await refused({ outcome: 2 }, [row])).toMatch(/no owner set a rule about intent/u);
  expect(await refused({ intent: 2 }, [])).toMatch(/does not say what record 1 counts for/u);
  expect(await refused({ intent: 2 }, [row, { ...row, record: 2 }])).toMatch(/keeps something of record 2/u);
  expect(await refused({ intent: 2 }, [{ record: 1, bytes: 1 }])).toMatch(/no list "grants"/u);
  expect(await refused({ intent: 2 }, [row], { intent: 9 })).toMatch(/its place of intent is none/u);
});

test("many go in several records and by one end of an epoch, and whoever comes meanwhile does not wait for it", async () => {
  await world.rule({ denied: 1, outcome: 1 });
  const body = DENIED();
  await Promise.all(Array.from({ length: 4500 }, (_, at) => world.journal.write(body, { at })));
  world.pass(1);
  const turn = { over: false };
  const look = world.retention.look().finally(() => {
    turn.over = true;
  });
  let meanwhile = 0;
  while (!turn.over && meanwhile < 100_000) {
    await world.journal.write({ kind: "stop", why: "x" });
    meanwhile += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await look;
  expect(meanwhile).toBeGreaterThan(10);
  expect(await world.missing()).toHaveLength(4500);
  const batches = await world.kinds("payloads-expired");
  expect(batches.map(({ record }) => (record.kind === "payloads-expired" ? record.count : 0))).toEqual([
    2000, 2000, 500,
  ]);
  expect(await world.kinds("payloads-destroyed")).toMatchObject([{ record: { count: 4500 } }]);
  expect([...world.gone]).toEqual([1]);
  expect(world.reports).toEqual([]);
});

test("a crash at any write leaves a home that starts, and whose next look ends it", async () => {
  for (let at = 0; at < 200; at += 1) {
    const home = await new World().start();
    await home.rule({ intent: 1 });
    for (let each = 0; each < 5; each += 1) await act(home);
    home.pass(1);
    let calls = 0;
    for (const disk of [home.disk, home.slots])
      disk.trouble = () => {
        calls += 1;
        return calls > at + 1 ? "before" : calls > at ? "halfway" : "none";
      };
    const done = await home.retention.look().then(
      () => true,
      () => false,
    );
    for (const disk of [home.disk, home.slots]) {
      disk.losePower();
      disk.trouble = () => "none";
    }
    await home.start();
    await home.retention.begin();
    await home.retention.look();
    expect(await home.missing(), `cut at ${at}`).toEqual([1, 3, 5, 7, 9]);
    expect(home.state.expired.unsettled).toEqual([]);
    await home.start();
    expect(home.state.expired.next.get("intent"), `cut at ${at}`).toBeGreaterThan(9);
    if (!done) continue;
    expect(at).toBeGreaterThan(5);
    return;
  }
  expect.unreachable("it never ended");
});

function copyOf(disk: MemoryDisk): MemoryDisk {
  const copy = createMemoryDisk();
  for (const path of disk.paths()) copy.put(path, disk.bytes(path) ?? new Uint8Array());
  return copy;
}
