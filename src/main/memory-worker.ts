import { rmSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { ShelfOrders } from "../monitor/memory/shelf-orders.ts";
import { createShelf, serveShelf, type Shelf } from "../monitor/memory/shelf.ts";
import { createCrypto } from "../platform/crypto.ts";
import { createRandom } from "../platform/random.ts";
import { reasonOf, type ResidentPost, type ResidentQuestion } from "../platform/resident.ts";
import { openDatabase } from "../platform/sqlite.ts";

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the monitor is the only one who starts this file
const { path } = workerData as { readonly path: string };
const powers = { crypto: createCrypto(), random: createRandom(), pause: () => setImmediate() };

/** Opens the shelf; one that cannot be read is removed and made anew, since the log has everything that is on it. */
function openShelf(): Shelf {
  try {
    return createShelf(openDatabase(path), powers);
  } catch {
    return makeShelf();
  }
}

function makeShelf(): Shelf {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
  return createShelf(openDatabase(path), powers);
}

// Runs in a thread of the monitor. It has the database and the key of the index; no entry's key is ever sent here.
const answer = serveShelf(openShelf(), makeShelf);

parentPort?.on("message", ({ id, question }: ResidentQuestion) => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the store asks nothing else
  const { name, body } = question as { name: keyof ShelfOrders; body: never };
  answer(name, body).then(
    (given) => post({ id, answer: given }),
    (error: unknown) => post({ id, ...reasonOf(error) }),
  );
});

function post(message: ResidentPost): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
  parentPort?.postMessage(message);
}
