import { parentPort, workerData } from "node:worker_threads";
import { reasonOf, type ResidentPost, type ResidentQuestion } from "../platform/resident.ts";
import { openCheckpointer } from "../platform/files/sqlite.ts";

// Runs beside the thread of memory's shelf, so that nobody who asks for something there waits for the disk. It reads nothing
// of what it moves, and has no key.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shelf's thread is the only one who starts this file
const { path } = workerData as { readonly path: string };
const checkpointer = openCheckpointer(path);

parentPort?.on("message", ({ id, question }: ResidentQuestion) => {
  try {
    if (question === "close") checkpointer.close();
    else checkpointer.checkpoint();
    post({ id, answer: null });
  } catch (error) {
    post({ id, ...reasonOf(error) });
  }
});

function post(message: ResidentPost): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
  parentPort?.postMessage(message);
}
