import { describe, expect, test } from "vitest";
import { createMemoryLog } from "../../test/fakes/memory-log.ts";
import { openDatabase } from "../platform/files/sqlite.ts";
import type { CliRequests } from "../protocol/requests.ts";
import { createIndexView } from "./index/index-view.ts";
import { openRecordIndex } from "./index/record-index.ts";
import type { Entry } from "./log/log.ts";
import { showLog, showNewest } from "./log-pages.ts";

type Query = CliRequests["log-newest"]["body"];

const ALL: Query = { from: 0, before: null, limit: 500, instance: null, kinds: [], action: null, payloads: true };

async function stage(records: number, text: (seq: number) => string) {
  const log = createMemoryLog("0".repeat(32));
  for (let seq = 0; seq < records; seq += 1) {
    const instance = `i-${String(seq % 3).repeat(16)}`;
    await log.append({ kind: "instance-ended", instance, why: "done", exit: seq }, { text: text(seq) });
  }
  const index = createIndexView(openRecordIndex(openDatabase(":memory:")), log);
  // As the log on disk has it: each record says how large its payload is.
  const opened: number[] = [];
  async function* entries(
    from: number,
    to: number,
    only?: ReadonlySet<number>,
  ): AsyncGenerator<Entry, void, undefined> {
    for await (const { record, payload } of log.entries(from, to, only)) {
      opened.push(record.seq);
      const bytes = Buffer.byteLength(JSON.stringify(payload));
      yield { record: { ...record, payload: { digest: `sha256:${"0".repeat(64)}`, bytes } }, payload };
    }
  }
  const ports = { log: { size: log.size, entries }, index };
  const ask = (query: Partial<Query>): Promise<CliRequests["log-newest"]["ok"]> =>
    showNewest(ports, { ...ALL, ...query });
  return Object.assign(ask, { oldest: (query: Parameters<typeof showLog>[1]) => showLog(ports, query), opened });
}
const seqs = ({ entries }: CliRequests["log-newest"]["ok"]): readonly number[] =>
  entries.map(({ record }) => record.seq);

describe("the newest records", () => {
  test("come newest first, page by page, until there are no older ones", async () => {
    const ask = await stage(700, String);
    const pages: (readonly number[])[] = [];
    for (let [before, more]: [number | null, boolean] = [null, true]; more && pages.length < 10;) {
      const page: CliRequests["log-newest"]["ok"] = await ask({ before, limit: 300 });
      pages.push(seqs(page));
      ({ more } = page);
      before = seqs(page).at(-1) ?? 0;
    }
    expect(pages.map(({ length }) => length)).toEqual([300, 300, 100]);
    expect(pages.flat()).toEqual(Array.from({ length: 700 }, (_, at) => 699 - at));
  });

  test("are those of one instance, from a number on, and say so when there are none", async () => {
    const ask = await stage(30, String);
    expect(await ask({ instance: "i-1111111111111111", from: 20 })).toMatchObject({ size: 30, more: false });
    expect(seqs(await ask({ instance: "i-1111111111111111", from: 20 }))).toEqual([28, 25, 22]);
    expect(await ask({ instance: "i-1111111111111111", from: 29 })).toEqual({ entries: [], size: 30, more: false });
    expect(seqs(await ask({ kinds: ["start"] }))).toEqual([]);
  });

  test("cost no opening of what lies between them", async () => {
    const ask = await stage(90, String);
    const query = { instance: "i-1111111111111111", from: 0, limit: 10, kinds: [] };
    const found = seqs(await ask(query));
    expect(ask.opened.toSorted((one, other) => one - other)).toEqual(found.toReversed());
    ask.opened.length = 0;
    const oldest = (await ask.oldest(query)).entries.map(({ record }) => record.seq);
    expect(oldest).toEqual([1, 4, 7, 10, 13, 16, 19, 22, 25, 28]);
    expect(ask.opened).toEqual(oldest);
  });

  test("have their payloads when they are asked for, but for those that are too large for a page of many", async () => {
    const ask = await stage(2, (seq) => "x".repeat(seq === 0 ? 10 : 70_000));
    expect((await ask({})).entries.map(({ payload }) => payload)).toEqual([null, { text: "x".repeat(10) }]);
    expect((await ask({ payloads: false })).entries.map(({ payload }) => payload)).toEqual([null, null]);
  });

  test("attack: payloads that an agent made large fill no frame; the answer stops before, and one asks on", async () => {
    const ask = await stage(100, () => "\u0001".repeat(10_000));
    const first = await ask({});
    expect(first.more).toBe(true);
    expect(Buffer.byteLength(JSON.stringify(first))).toBeLessThan(16 * 1024 * 1024);
    const rest = await ask({ before: seqs(first).at(-1) ?? 0 });
    expect(seqs(first).at(0)).toBe(99);
    expect(seqs(rest).at(0)).toBe((seqs(first).at(-1) ?? 0) - 1);
  });
});
