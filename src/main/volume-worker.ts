import { parentPort, workerData } from "node:worker_threads";
import { answerVolume, type VolumeOrder } from "../platform/files/volume-work.ts";
import type { WorkerPost } from "../platform/worker.ts";

// Runs in a thread that the monitor starts for one order; platform/worker.ts asks once and ends it.
parentPort?.on("message", () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the monitor is the only one who starts this file
  const post: WorkerPost = { part: answerVolume(workerData as VolumeOrder) };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
  parentPort?.postMessage(post);
});
