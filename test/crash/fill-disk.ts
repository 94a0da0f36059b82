import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LogError } from "../../src/monitor/log/error.ts";
import { openTestLog } from "../fakes/open-log.ts";
import { note, readAll } from "../fakes/records.ts";

/**
 * Fills the small disk at argv[2] with records twice. The first time room is made and the log goes on; the second time
 * the log is closed and opened while the disk is full, and then with room. Says as JSON what became of it.
 */
const [, , home = ""] = process.argv;
const ballasts = ["ballast-1", "ballast-2"].map((name) => join(home, name));
for (const ballast of ballasts) writeFileSync(ballast, new Uint8Array(18 * 1024 * 1024));

const acknowledged: string[] = [];
let log = await openTestLog(home);
const refusals = [await appendUntilRefused()];
const recoveredWhileFull = await outcome(log.recover());
rmSync(ballasts[0] ?? "");
const recovered = await outcome(log.recover());
const before = acknowledged.length;
refusals.push(await appendUntilRefused());
const after = acknowledged.length;
await outcome(log.close());
const openedWhileFull = await outcome(openTestLog(home));
rmSync(ballasts[1] ?? "");
log = await openTestLog(home);
const entries = await readAll(log);
const kept = acknowledged.every((name, seq) => {
  const record = entries[seq]?.record;
  return record?.kind === "stop" && record.why === name && entries[seq]?.payload?.["name"] === name;
});
await log.close();
const result = {
  refusals,
  recoveredWhileFull,
  recovered,
  wentOn: after > before,
  openedWhileFull,
  kept,
  acknowledged: after,
};
process.stdout.write(JSON.stringify(result));

async function appendUntilRefused(): Promise<string> {
  for (;;) {
    const name = String(acknowledged.length);
    const appended = log.append(note(name), { name, text: "x".repeat(30_000) });
    const refusal = await outcome(appended);
    if (refusal !== "ok") return refusal;
    if ((await appended) !== acknowledged.length) throw new Error(`record ${name} got another number`);
    acknowledged.push(name);
  }
}
function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "ok",
    (error: unknown) => (error instanceof LogError ? error.code : String(error)),
  );
}
