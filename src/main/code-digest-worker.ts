import { parentPort, workerData } from "node:worker_threads";
import { answerDigest, type DigestRequest } from "../platform/files/code-digest.ts";
import type { WorkerPost } from "../platform/worker.ts";

// Runs in a thread that the monitor starts for one set of paths; platform/worker.ts asks once and ends it.
parentPort?.on("message", () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the monitor is the only one who starts this file
  const post: WorkerPost = { part: answerDigest(workerData as DigestRequest) };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
  parentPort?.postMessage(post);
});
