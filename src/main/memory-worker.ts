import { rmSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { ShelfOrders } from "../monitor/memory/shelf-orders.ts";
import { createShelf, type Shelf } from "../monitor/memory/shelf.ts";
import { createCrypto } from "../platform/crypto.ts";
import { createRandom } from "../platform/random.ts";
import type { ResidentPost, ResidentQuestion } from "../platform/resident.ts";
import { openDatabase } from "../platform/sqlite.ts";

/** Opens the shelf; one that cannot be read is removed and made anew, since the log has everything that is on it. */
function openShelf(path: string): Shelf {
  const powers = { crypto: createCrypto(), random: createRandom(), pause: () => setImmediate() };
  try {
    return createShelf(openDatabase(path), powers);
  } catch {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
    return createShelf(openDatabase(path), powers);
  }
}

// Runs in a thread of the monitor. It has the database and the key of the index; no entry's key is ever sent here.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the monitor is the only one who starts this file
const shelf = openShelf((workerData as { readonly path: string }).path);

async function answer<K extends keyof ShelfOrders>({
  name,
  body,
}: {
  readonly name: K;
  readonly body: ShelfOrders[K]["body"];
}): Promise<unknown> {
  return shelf[name](body);
}

parentPort?.on("message", ({ id, question }: ResidentQuestion) => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the store asks nothing else
  answer(question as { name: keyof ShelfOrders; body: never }).then(
    (given) => post({ id, answer: given }),
    (error: unknown) => post({ id, error: error instanceof Error ? error.message : "the shelf failed" }),
  );
});

function post(message: ResidentPost): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
  parentPort?.postMessage(message);
}
