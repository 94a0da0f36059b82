import { expect, test } from "vitest";
import { readHere } from "./read-here.ts";
import type { AskShelf, ShelfRow } from "./shelf-orders.ts";

const row = (entry: number): ShelfRow => ({
  entry,
  agent: "worker",
  plane: "append-only",
  expires: null,
  digest: "",
  bytes: 4,
  sealed: "",
});

/** A shelf that has every entry from 10 on, and a second connection that sees those from 20 on. */
function stage(options: { readonly opens: boolean } = { opens: true }): {
  readonly ask: AskShelf;
  readonly done: string[];
} {
  const done: string[] = [];
  const shelf = async (name: string, body: { readonly entry?: number } | null): Promise<unknown> => {
    done.push(`thread: ${name}`);
    return name === "read" && (body?.entry ?? 0) >= 10 ? row(body?.entry ?? 0) : null;
  };
  const open = (): { read(entry: number): ShelfRow | null; close(): void } => {
    done.push("opened");
    if (!options.opens) throw new Error("unable to open database file");
    return {
      read(entry) {
        done.push(`here: ${entry}`);
        if (entry === 99) throw new Error("database disk image is malformed");
        return entry >= 20 ? row(entry) : null;
      },
      close: () => void done.push("closed"),
    };
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only these answers are looked at
  return { ask: readHere(shelf as AskShelf, open), done };
}

test("an entry that is there is read here, by a connection that is opened once", async () => {
  const { ask, done } = stage();
  expect([await ask("read", { entry: 20 }), await ask("read", { entry: 21 })]).toEqual([row(20), row(21)]);
  expect(done).toEqual(["opened", "here: 20", "here: 21"]);
});

test("one that is not there yet is asked for in the thread, behind what was put there", async () => {
  const { ask, done } = stage();
  expect([await ask("read", { entry: 12 }), await ask("read", { entry: 3 })]).toEqual([row(12), null]);
  expect(done).toEqual(["opened", "here: 12", "thread: read", "here: 3", "thread: read"]);
});

test("a file that cannot be opened or read here leaves it to the thread to say so", async () => {
  const broken = stage({ opens: false });
  expect(await broken.ask("read", { entry: 20 })).toEqual(row(20));
  expect(broken.done).toEqual(["opened", "thread: read"]);
  const { ask, done } = stage();
  expect(await ask("read", { entry: 99 })).toEqual(row(99));
  expect(done).toEqual(["opened", "here: 99", "thread: read"]);
});

test("every other order goes to the thread, and this connection is closed before the thread's own", async () => {
  const { ask, done } = stage();
  await ask("begin", { key: { epoch: 1, key: new Uint8Array(32) } });
  await ask("read", { entry: 20 });
  await ask("renew", { key: { epoch: 1, key: new Uint8Array(32) } });
  await ask("read", { entry: 21 });
  await ask("close", null);
  expect(done).toEqual([
    "thread: begin",
    "opened",
    "here: 20",
    "closed",
    "thread: renew",
    "opened",
    "here: 21",
    "closed",
    "thread: close",
  ]);
});
