import { expect, test } from "vitest";
import { BODIES, record } from "../../test/telemetry/records.ts";
import type { JsonObject } from "../kernel/json.ts";
import { createDelivery, readCursor, type Cursor, type DeliveryParts, type Sent } from "./delivery.ts";
import type { Found } from "./tail.ts";
import type { View } from "./view.ts";

/** A log of records whose numbers are all that counts, a receiver that answers as told, and a place for the cursor. */
function stage(size: number, options: { readonly unreadable?: readonly number[]; readonly perRead?: number } = {}) {
  const { unreadable = [], perRead = 4 } = options;
  const taken: unknown[] = [];
  const waits: number[] = [];
  const state: { cursor: Cursor | null; answers: (Sent | "die")[]; keep: boolean; last: unknown } = {
    cursor: null,
    answers: [],
    keep: true,
    last: null,
  };
  let settle: () => void = () => {};
  const view = (): View => ({
    take: ({ record: { seq } }) => [{ seq, value: { seq } }],
    gap: ({ from, to }) => [{ seq: from, value: { gap: [from, to] } }],
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
      const seqs = Array.from({ length: Math.max(0, Math.min(perRead, size - from)) }, (_, at) => from + at);
      if (seqs.length === 0) settle();
      return Promise.resolve(
        seqs.map((seq): Found =>
          unreadable.includes(seq)
            ? { kind: "unreadable", seq, why: "damaged" }
            : { kind: "record", record: record(seq, BODIES.start) },
        ),
      );
    },
    fieldsOf: () => Promise.resolve(new Map()),
    send: (values: readonly JsonObject[]) => {
      const answer = state.answers.shift() ?? { kind: "done" };
      if (answer === "die") {
        settle();
        return new Promise(() => {});
      }
      if (answer.kind === "done") taken.push(...values.map((value) => value["seq"] ?? value["gap"]));
      return Promise.resolve(answer);
    },
    timer: {
      after: (ms, callback) => {
        waits.push(ms);
        queueMicrotask(callback);
        return () => {};
      },
    },
    now: () => 0,
    stands: (each) => void (state.last = each),
  };
  const run = (): Promise<void> =>
    new Promise((done) => {
      settle = done;
      createDelivery(parts).wake();
    });
  return { run, state, taken, waits };
}

test("records come in order, once, and the cursor follows them", async () => {
  const { run, state, taken } = stage(10);
  await run();
  expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(state.cursor).toEqual({ next: 10, lost: 0, view: null });
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

test("records that cannot be read are a gap that is told, one for all in a row", async () => {
  const { run, state, taken } = stage(8, { unreadable: [1, 2, 5], perRead: 8 });
  await run();
  expect(taken).toEqual([0, [1, 3], 3, 4, [5, 6], 6, 7]);
  expect(state.cursor).toMatchObject({ next: 8, lost: 3 });
});

test("a cursor that nobody here wrote is none", () => {
  expect(readCursor({ next: 3, lost: 0, view: { a: 1 } })).toEqual({ next: 3, lost: 0, view: { a: 1 } });
  for (const bad of [
    null,
    [],
    {},
    { next: -1, lost: 0, view: null },
    { next: "3", lost: 0, view: null },
    { next: 3, lost: 0 },
  ]) {
    expect(readCursor(bad)).toBeNull();
  }
});
