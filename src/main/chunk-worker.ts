import { parentPort, workerData } from "node:worker_threads";
import { verifyChunk } from "../monitor/log/verify-chunk.ts";
import { createCrypto } from "../platform/keys/crypto.ts";
import { reasonOf, type ResidentPost, type ResidentQuestion } from "../platform/resident.ts";
import { openWaitingLogReader } from "../platform/log/waiting-log-reader.ts";
import { createTreeHasher, type Range } from "../protocol/merkle.ts";

// Runs in a thread of the command line, one of several that verify a long log. It reads public files and has no key.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- chunk-threads.ts is the only one who starts this file
const { folder } = workerData as { readonly folder: string };
const crypto = createCrypto();
const reader = openWaitingLogReader(folder);
const hasher = createTreeHasher((data) => crypto.sha256(data));

parentPort?.on("message", ({ id, question }: ResidentQuestion) => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else is asked
  verifyChunk(reader, { range: question as Range, hasher }).then(
    (answer) => post({ id, answer }),
    (error: unknown) => post({ id, ...reasonOf(error) }),
  );
});

function post(message: ResidentPost): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
  parentPort?.postMessage(message);
}
