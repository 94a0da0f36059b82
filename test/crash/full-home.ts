import { appendFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createIndexView } from "../../src/monitor/index/index-view.ts";
import { openRecordIndex } from "../../src/monitor/index/record-index.ts";
import { lookAtDisk } from "../../src/platform/files/disk-room.ts";
import { isReadOnly } from "../../src/platform/files/mounted-at.ts";
import { openDatabase } from "../../src/platform/files/sqlite.ts";
import { createMemoryLog } from "../fakes/memory-log.ts";

/**
 * On the small disk at argv[2], and in the read-only folder at argv[3]: what is said of them, and whether records are found
 * when the index has no room. Says as JSON what became of it.
 */
const [, , small = "", closed = ""] = process.argv;
const ballast = join(small, "ballast");
const log = createMemoryLog("0".repeat(32));
const view = createIndexView(openRecordIndex(openDatabase(join(small, "records.db"))), log);
const query = { from: 0, limit: 1000, instance: null, kinds: [] };
const append = async (count: number): Promise<void> => {
  for (let at = 0; at < count; at++)
    await log.append({ kind: "refused", peer: "x".repeat(64), code: "y", what: "z" }, null);
};

await append(10);
const before = [(await view.find(query)).length, lookAtDisk(small).kind];
fill();
await append(290);
const full = [(await view.find(query)).length, lookAtDisk(small).kind];
const parts = [{ from: 5 }, { newest: true }, { from: 5, before: 6 }, { from: 9, before: 9 }];
const found = await Promise.all(parts.map((part) => view.find({ ...query, ...part, limit: 2 })));
rmSync(ballast);
const after = [(await view.find(query)).length, lookAtDisk(small).kind];
process.stdout.write(
  JSON.stringify({
    before,
    full,
    found,
    after,
    closed: lookAtDisk(closed).kind,
    shows: [isReadOnly(small), isReadOnly(closed)],
  }),
);

/** With ever smaller pieces, until not a byte more goes in. */
function fill(): void {
  for (let bytes = 1024 * 1024; bytes >= 1;) {
    try {
      appendFileSync(ballast, Buffer.alloc(bytes));
    } catch {
      bytes = Math.floor(bytes / 2);
    }
  }
}
