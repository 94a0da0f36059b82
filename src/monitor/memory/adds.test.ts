import { expect, test } from "vitest";
import { groupAdds } from "./adds.ts";
import type { Timer } from "../../platform/powers.ts";
import type { AskShelf, Indexed, ShelfRow } from "./shelf-orders.ts";

const row = (entry: number, text = "note"): ShelfRow & Indexed => ({
  entry,
  agent: "worker",
  plane: "append-only",
  expires: null,
  digest: "",
  bytes: text.length,
  sealed: "",
  text,
  bucket: 0,
});

/** A shelf that notes what it is asked, and answers an `add` when a test says so. */
function slowShelf(): { readonly ask: AskShelf; readonly asked: unknown[]; answer(error?: Error): Promise<void> } {
  const asked: unknown[] = [];
  const open: ((error?: Error) => void)[] = [];
  const answer = (name: string, body: object | null): Promise<unknown> => {
    if (name !== "add" || body === null || !("rows" in body) || !Array.isArray(body.rows)) {
      asked.push(name);
      return Promise.resolve(null);
    }
    asked.push(body.rows.map(({ entry }: ShelfRow) => entry));
    return new Promise((resolve, reject) => {
      open.push((error) => {
        if (error === undefined) resolve(null);
        else reject(error);
      });
    });
  };
  return {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every answer that is looked at is null
    ask: answer as AskShelf,
    asked,
    async answer(error) {
      open.shift()?.(error);
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    },
  };
}

/** A timer whose moment comes when a test says so. */
function handTimer(): Timer & { pass(): void } {
  const due = new Set<() => void>();
  return {
    after(_ms, callback) {
      due.add(callback);
      return () => due.delete(callback);
    },
    pass() {
      for (const callback of due) {
        due.delete(callback);
        callback();
      }
    },
  };
}

test("what is put in one moment is one order when it is over, and nothing is asked before", async () => {
  const shelf = slowShelf();
  const timer = handTimer();
  const { put, ask } = groupAdds(shelf.ask, timer);
  for (const entry of [0, 1, 2]) await put(row(entry));
  expect(shelf.asked).toEqual([]);
  timer.pass();
  expect(shelf.asked).toEqual([[0, 1, 2]]);
  await shelf.answer();
  await put(row(3));
  await ask("read", { entry: 3 });
  expect(shelf.asked).toEqual([[0, 1, 2], [3], "read"]);
  timer.pass();
  await shelf.answer();
  expect(shelf.asked).toHaveLength(3);
});

test("what is put while others are under way is one order, in the order of putting", async () => {
  const shelf = slowShelf();
  const timer = handTimer();
  const { put } = groupAdds(shelf.ask, timer);
  void put(row(0));
  timer.pass();
  for (const entry of [1, 2, 3]) void put(row(entry));
  expect(shelf.asked).toEqual([[0]]);
  await shelf.answer();
  expect(shelf.asked).toEqual([[0], [1, 2, 3]]);
  void put(row(4));
  timer.pass();
  expect(shelf.asked).toHaveLength(2);
  await shelf.answer();
  expect(shelf.asked).toEqual([[0], [1, 2, 3], [4]]);
});

test("whatever is asked comes after all that was put before it, and before what is put after", async () => {
  const shelf = slowShelf();
  const timer = handTimer();
  const { put, ask } = groupAdds(shelf.ask, timer);
  void put(row(0));
  timer.pass();
  for (const entry of [1, 2]) void put(row(entry));
  await ask("read", { entry: 2 });
  void put(row(3));
  await shelf.answer();
  await shelf.answer();
  expect(shelf.asked).toEqual([[0], [1, 2], "read", [3]]);
});

test("putting waits for nothing while there is room, and then for the shelf", async () => {
  const shelf = slowShelf();
  const timer = handTimer();
  const { put } = groupAdds(shelf.ask, timer);
  await put(row(0));
  timer.pass();
  await put(row(1, "x".repeat(200_000)));
  let went = false;
  const waits = put(row(2, "x".repeat(65_536))).then(() => {
    went = true;
  });
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  expect(went).toBe(false);
  await shelf.answer();
  await waits;
  await shelf.answer();
  await put(row(3));
  timer.pass();
  expect(shelf.asked).toEqual([[0], [1, 2], [3]]);
});

test("more than there is room for goes at once, without that moment", async () => {
  const shelf = slowShelf();
  const { put } = groupAdds(shelf.ask, handTimer());
  await put(row(0));
  const waits = put(row(1, "x".repeat(300_000)));
  expect(shelf.asked).toEqual([[0, 1]]);
  await shelf.answer();
  await waits;
});

test("a group that fails fails nobody, and the next one goes", async () => {
  const shelf = slowShelf();
  const timer = handTimer();
  const { put } = groupAdds(shelf.ask, timer);
  const first = put(row(0));
  timer.pass();
  const all = [first, ...[1, 2].map((entry) => put(row(entry)))];
  await shelf.answer(new Error("the shelf failed"));
  await shelf.answer(new Error("the shelf failed"));
  await Promise.all(all);
  await put(row(3));
  timer.pass();
  expect(shelf.asked).toEqual([[0], [1, 2], [3]]);
});
