import { parentPort, workerData } from "node:worker_threads";
import { createExaminer, type ExaminerOrders, type FileExaminer } from "../monitor/memory/shelf-examiner.ts";
import { createCrypto } from "../platform/keys/crypto.ts";
import { reasonOf, type ResidentPost, type ResidentQuestion } from "../platform/resident.ts";
import { openDatabaseToRead } from "../platform/files/sqlite.ts";

// Runs in a thread of the monitor for as long as memory is verified, so that reading a whole file holds nobody up. It reads, and
// has the key of the index; no entry's key is ever sent here.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the monitor is the only one who starts this file
const { path } = workerData as { readonly path: string };
let examiner: FileExaminer | null = null;

function answer({ name, body }: { readonly name: keyof ExaminerOrders; readonly body: never }): unknown {
  // At the first order, so that one who cannot be told anything yet is not ended by a file that is none.
  examiner ??= createExaminer(openDatabaseToRead(path), createCrypto());
  return examiner[name](body);
}

parentPort?.on("message", ({ id, question }: ResidentQuestion) => {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the monitor asks nothing else
    post({ id, answer: answer(question as { name: keyof ExaminerOrders; body: never }) });
  } catch (error) {
    post({ id, ...reasonOf(error) });
  }
});

function post(message: ResidentPost): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
  parentPort?.postMessage(message);
}
