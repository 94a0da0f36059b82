import { rmSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { ShelfOrders } from "../monitor/memory/shelf-orders.ts";
import { createShelf, serveShelf, type Shelf } from "../monitor/memory/shelf.ts";
import { createCrypto } from "../platform/keys/crypto.ts";
import { createRandom } from "../platform/keys/random.ts";
import { reasonOf, startResident, type ResidentPost, type ResidentQuestion } from "../platform/resident.ts";
import { openDatabase, type SqlDatabase } from "../platform/files/sqlite.ts";
import { createCheckpoints, type Checkpoints } from "./shelf-checkpoints.ts";

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the monitor is the only one who starts this file
const { path } = workerData as { readonly path: string };
/** Between two parts of something long: whoever asks has a turn, and so has whatever else runs on this machine. */
const PAUSE_MS = 1;
let checkpoints: Checkpoints | null = null;
const powers = {
  crypto: createCrypto(),
  random: createRandom(),
  async pause() {
    checkpoints?.look();
    await checkpoints?.rest();
    await setTimeout(PAUSE_MS);
  },
};

/** Opens the shelf; one that cannot be read is removed and made anew, since the log has everything that is on it. */
function openShelf(): Shelf {
  try {
    return openShelfIn(openDatabase(path));
  } catch {
    return makeShelf();
  }
}

function makeShelf(): Shelf {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
  return openShelfIn(openDatabase(path));
}

function openShelfIn(database: SqlDatabase): Shelf {
  const shelf = createShelf(database, powers);
  checkpoints = createCheckpoints(database, () =>
    startResident(new URL("./memory-checkpointer.ts", import.meta.url), { input: { path }, heap: 64, environment: {} }),
  );
  return {
    ...shelf,
    async close() {
      // It is the last one to close that leaves the file whole and without a write-ahead log.
      await checkpoints?.end();
      checkpoints = null;
      return shelf.close(null);
    },
  };
}

// Runs in a thread of the monitor. It has the database and the key of the index; no entry's key is ever sent here.
const answer = serveShelf(openShelf(), makeShelf);

parentPort?.on("message", ({ id, question }: ResidentQuestion) => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the store asks nothing else
  const { name, body } = question as { name: keyof ShelfOrders; body: never };
  answer(name, body).then(
    (given) => {
      post({ id, answer: given });
      checkpoints?.look();
    },
    (error: unknown) => post({ id, ...reasonOf(error) }),
  );
});

function post(message: ResidentPost): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
  parentPort?.postMessage(message);
}
