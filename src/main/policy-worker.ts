import { parentPort, workerData } from "node:worker_threads";
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { type VettingInput, vetPolicy } from "../monitor/policy/vetting.ts";

// Runs in a thread that the monitor starts for one text; platform/worker.ts ends it after the answer.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the monitor is the only one who starts this file
const input = workerData as VettingInput;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
parentPort?.postMessage(vetPolicy(cedar, input));
