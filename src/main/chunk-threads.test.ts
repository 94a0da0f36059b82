import { expect, test } from "vitest";
import { foldersOf, openTestLog } from "../../test/fakes/open-log.ts";
import { appendMany } from "../../test/fakes/records.ts";
import { makeTemporaryFolder } from "../../test/fakes/temporary-folder.ts";
import { CHUNK_RECORDS, verifyChunk } from "../monitor/log/verify-chunk.ts";
import { createCrypto } from "../platform/keys/crypto.ts";
import type { startResident } from "../platform/resident.ts";
import { openWaitingLogReader } from "../platform/log/waiting-log-reader.ts";
import { createTreeHasher } from "../protocol/merkle.ts";
import { startChunkThreads } from "./chunk-threads.ts";

const sha256 = createCrypto().sha256;
const noRoom = (): Error => Object.assign(new Error("Worker initialization failure: EAGAIN"), { code: "EAGAIN" });
const gone = (began: boolean): ReturnType<typeof startResident> => ({
  began,
  ask: () => Promise.reject(noRoom()),
  end: () => Promise.resolve(),
});

/** What verifies a short log in chunks with threads that are started so. */
async function threadsOf(start: typeof startResident) {
  const home = makeTemporaryFolder();
  const log = await openTestLog(home);
  await appendMany(log, 30);
  await log.close();
  const { log: folder } = foldersOf(home);
  const reader = openWaitingLogReader(folder);
  const threads = startChunkThreads({ folder, reader, sha256, start }, { size: 3 * CHUNK_RECORDS, cores: 4 });
  if (threads === null) throw new Error("a log of three chunks has threads");
  const range = { start: 0, end: 30 };
  const hasher = createTreeHasher(sha256);
  return { threads, range, right: await verifyChunk(reader, { range, hasher }) };
}

test.each([
  [
    "is told at once",
    () => (): never => {
      throw noRoom();
    },
  ],
  ["is told later", () => () => gone(false)],
])("without room for another thread, which %s, this one finds the same", async (_, start) => {
  const { threads, range, right } = await threadsOf(start());
  expect(right.kind).not.toBe("refused");
  expect(await threads.workers.verify(range)).toEqual(right);
  await threads.end();
});

test("a thread that ran and is gone is no thread that there was no room for: what it had is refused", async () => {
  const { threads, range } = await threadsOf(() => gone(true));
  await expect(threads.workers.verify(range)).rejects.toThrow("EAGAIN");
  await threads.end();
});
