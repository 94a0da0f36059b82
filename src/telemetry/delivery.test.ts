import { expect, test } from "vitest";
import { BODIES, record } from "../../test/telemetry/records.ts";
import type { JsonObject } from "../kernel/json.ts";
import { readCursor, type Cursor } from "./cursor.ts";
import { createDelivery, type DeliveryParts, type Sent } from "./delivery.ts";
import type { Found } from "./tail.ts";
import type { View } from "./view.ts";

/** A log of records whose numbers are all that counts, a receiver that answers as told, and a place for the cursor. */
function stage(
  size: number,
  options: { readonly unreadable?: readonly number[]; readonly perRead?: number; readonly whole?: boolean } = {},
) {
  const { unreadable = [], perRead = 4 } = options;
  const taken: unknown[] = [];
  const waits: number[] = [];
  const state: {
    cursor: Cursor | null;
    answers: (Sent | "die")[];
    keep: boolean;
    last: unknown;
    /** How many records the log has, and from which on its history is another. */
    size: number;
    fork: { from: number; name: string };
    /** The record of the setting in force. */
    from: number;
    /** What gaps said. */
    whys: string[];
  } = { cursor: null, answers: [], keep: true, last: null, size, fork: { from: 0, name: "first" }, from: 0, whys: [] };
  let settle: () => void = () => {};
  const view = (): View => ({
    take: ({ record: { seq } }) => [{ seq, value: { seq } }],
    gap: ({ from, to, why }) => [{ seq: from, value: { gap: [from, to], why } }],
    snapshot: () => null,
  });
  const parts: DeliveryParts = {
    name: "ocsf-http",
    view,
    from: 0,
    cursors: {
      load: () => Promise.resolve(state.cursor),
      keep: (cursor) => {
        if (!state.keep) return new Promise(() => {}); // killed between delivery and cursor
        state.cursor = cursor;
        return Promise.resolve();
      },
    },
    read: (from) => {
      const seqs = Array.from({ length: Math.max(0, Math.min(perRead, state.size - from)) }, (_, at) => from + at);
      if (seqs.length === 0) settle();
      return Promise.resolve(
        seqs.map((seq): Found =>
          unreadable.includes(seq)
            ? { kind: "unreadable", seq, why: "damaged" }
            : { kind: "record", record: record(seq, BODIES.start) },
        ),
      );
    },
    size: () => state.size,
    hashOf: (seq) =>
      Promise.resolve(
        unreadable.includes(seq) ? null : `${seq} of ${seq < state.fork.from ? "first" : state.fork.name}`,
      ),
    whole: options.whole === true,
    fieldsOf: () => Promise.resolve(new Map()),
    send: (values: readonly JsonObject[]) => {
      const answer = state.answers.shift() ?? { kind: "done" };
      if (answer === "die") {
        settle();
        return new Promise(() => {});
      }
      if (answer.kind === "done") {
        taken.push(...values.map((value) => value["seq"] ?? value["gap"]));
        state.whys.push(...values.flatMap((value) => (typeof value["why"] === "string" ? [value["why"]] : [])));
      }
      return Promise.resolve(answer);
    },
    timer: {
      after: (ms, callback) => {
        waits.push(ms);
        queueMicrotask(callback);
        return () => {};
      },
    },
    now: () => 5,
    stands: (each) => void (state.last = each),
  };
  const run = (): Promise<void> =>
    new Promise((done) => {
      settle = done;
      createDelivery({ ...parts, from: state.from }).wake();
    });
  return { run, state, taken, waits };
}

test("records come in order, once, and the cursor follows them", async () => {
  const { run, state, taken } = stage(10);
  await run();
  expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(state.cursor).toMatchObject({ next: 10, lost: 0, view: null, rewound: null });
  await run();
  expect(taken).toHaveLength(10);
});

test("a receiver that is down, slow or asks for patience gets the same again, later and later", async () => {
  const { run, state, taken, waits } = stage(8);
  state.answers = ["unreachable", "status 429", "status 500"].map((why) => ({ kind: "later", why }));
  await run();
  expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(waits).toEqual([500, 1000, 2000]);
  expect(state.last).toMatchObject({ next: 8, fault: null, lost: 0 });
});

test("a kill before the receiver has answered, or between its answer and the cursor, loses nothing", async () => {
  const { run, state, taken } = stage(8);
  state.answers = [{ kind: "done" }, "die"];
  await run();
  expect(taken).toEqual([0, 1, 2, 3]);
  await run();
  expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);

  const other = stage(8);
  other.state.keep = false;
  void other.run();
  await new Promise((done) => setTimeout(done, 20));
  expect(other.taken).toEqual([0, 1, 2, 3]);
  other.state.keep = true;
  await other.run();
  expect(other.taken).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7]);
});

test("what a receiver refuses for good is narrowed to the one record, and a gap stands in its place", async () => {
  const { run, state, taken } = stage(4);
  const refused = { kind: "refused", why: "status 400" } as const;
  // All four; the first two; the first: it is the one. Its gap, and the rest.
  state.answers = [refused, refused, refused];
  await run();
  expect(taken).toEqual([[0, 1], 1, 2, 3]);
  expect(state.cursor).toMatchObject({ next: 4, lost: 1 });
});

test("a receiver that refuses the word of a gap too takes nothing now: it gets all of it when it does again", async () => {
  const { run, state, taken, waits } = stage(2, { perRead: 1 });
  const refused = { kind: "refused", why: "status 422" } as const;
  // The first record, the word that it is missing; the same again, twice; then it takes it, and refuses the second for good.
  state.answers = [refused, refused, refused, refused, { kind: "done" }, refused, { kind: "done" }];
  await run();
  expect(taken).toEqual([0, [1, 2]]);
  expect(waits).toEqual([500, 1000]);
  expect(state.cursor).toMatchObject({ next: 2, lost: 1 });
});

test("records that cannot be read are a gap that is told, one for all in a row", async () => {
  const { run, state, taken } = stage(8, { unreadable: [1, 2, 5], perRead: 8 });
  await run();
  expect(taken).toEqual([0, [1, 3], 3, 4, [5, 6], 6, 7]);
  expect(state.cursor).toMatchObject({ next: 8, lost: 3 });
});

test("a log that went back is told as a gap, and what it holds since comes, from before where it parted", async () => {
  const { run, state, taken } = stage(40, { perRead: 1 });
  await run();
  state.size = 30;
  taken.length = 0;
  await run();
  const gone = { at: 5, from: 30, to: 40, size: 30 };
  expect(taken[0]).toEqual([30, 40]);
  expect(state.whys).toEqual([
    "the log went back to 30 records when 40 were delivered; records 25 to 29 may be others than were delivered too; it comes again from record 25 on",
  ]);
  // Some that the receiver has come again, none that the log has is left out.
  expect(taken.slice(1)).toEqual([25, 26, 27, 28, 29]);
  expect(state.last).toMatchObject({ next: 30, rewound: gone });
  expect(state.cursor).toMatchObject({ next: 30, rewound: gone });

  // What it holds from there on comes as it does, and that it went back stays known.
  state.size = 44;
  state.fork = { from: 30, name: "second" };
  taken.length = 0;
  await run();
  expect(taken).toEqual(Array.from({ length: 14 }, (_, at) => 30 + at));
  expect(state.last).toMatchObject({ next: 44, rewound: gone });
});

test.each([40, 55])("a log that grew again to %i records after it went back is found by its records", async (size) => {
  const { run, state, taken } = stage(40, { perRead: 1 });
  await run();
  state.size = size;
  state.fork = { from: 35, name: "second" };
  taken.length = 0;
  await run();
  expect(taken[0]).toEqual([36, 40]);
  const why =
    /^the log has others in their place; records? (\d+) .*may be others .* too; it comes again from record \1 on$/u;
  // The first that differs is among those that are named so.
  expect(Number(why.exec(state.whys.at(-1) ?? "")?.[1])).toBeLessThanOrEqual(35);
  const again = Number(taken[1]);
  expect(again).toBeLessThanOrEqual(35);
  expect(taken.slice(1)).toEqual(Array.from({ length: size - again }, (_, at) => again + at));
});

test("a kill before it was told that the log went back, and it is told then", async () => {
  const { run, state, taken } = stage(8);
  await run();
  state.size = 5;
  state.answers = ["die"];
  await run();
  expect(taken).not.toContainEqual([5, 8]);
  await run();
  expect(taken).toContainEqual([5, 8]);
});

test("with nothing left that was delivered, or a cursor of nowhere, it begins where its setting does", async () => {
  const { run, state, taken } = stage(8);
  state.cursor = { next: 1_000_000, lost: 0, view: null, marks: [], rewound: null };
  await run();
  expect(taken).toEqual([[8, 1_000_000], 0, 1, 2, 3, 4, 5, 6, 7]);
});

test("what counts the whole log counts it anew", async () => {
  const { run, state, taken } = stage(40, { perRead: 1, whole: true });
  await run();
  state.size = 30;
  taken.length = 0;
  await run();
  expect(taken.slice(1)).toEqual(Array.from({ length: 30 }, (_, at) => at));
});

test("a setting that was signed since the log went back has taken note of it", async () => {
  const { run, state } = stage(8);
  const rewound = { at: 5, from: 4, to: 9, size: 4 };
  state.cursor = { next: 8, lost: 0, view: null, marks: [], rewound };
  await run();
  expect(state.last).toMatchObject({ rewound });
  state.from = 4;
  await run();
  expect(state.last).toMatchObject({ rewound: null });
});

test("a cursor that nobody here wrote is none", () => {
  const marks = [
    { next: 2, hash: null },
    { next: 3, hash: "ab" },
  ];
  const good = { next: 3, lost: 0, view: { a: 1 }, marks, rewound: { at: 1, from: 2, to: 4, size: 2 } };
  expect(readCursor(good)).toEqual(good);
  expect(readCursor({ ...good, rewound: null })).toEqual({ ...good, rewound: null });
  for (const bad of [
    null,
    [],
    {},
    { ...good, next: -1 },
    { ...good, next: "3" },
    { next: 3, lost: 0, view: null },
    { ...good, more: 1 },
    { ...good, next: 4 },
    { ...good, marks: {} },
    { ...good, marks: marks.toReversed() },
    { ...good, marks: [{ next: 3, hash: 7 }] },
    { ...good, rewound: { at: 1 } },
  ]) {
    expect(readCursor(bad)).toBeNull();
  }
});
