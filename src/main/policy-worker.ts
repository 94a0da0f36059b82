import { parentPort, workerData } from "node:worker_threads";
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { vettingParts } from "../monitor/policy/vetting-parts.ts";
import { type VettingInput, vetPolicy } from "../monitor/policy/vetting.ts";
import type { WorkerPost } from "../platform/worker.ts";

// Runs in a thread that the monitor starts for one text; platform/worker.ts asks for one part after the other.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the monitor is the only one who starts this file
const parts = vettingParts(vetPolicy(cedar, workerData as VettingInput));

parentPort?.on("message", () => {
  const next = parts.next();
  const post: WorkerPost = next.done === true ? { end: true } : { part: next.value };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
  parentPort?.postMessage(post);
});
