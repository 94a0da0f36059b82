import { chmodSync, chownSync, cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLog } from "../../src/monitor/log/open.ts";
import { createClock } from "../../src/platform/clock.ts";
import { openHome } from "../../src/platform/home.ts";
import { openLogFiles } from "../../src/platform/log/log-files.ts";
import { openMonitorKeys } from "../../src/platform/log/monitor-keys.ts";
import { createRandom } from "../../src/platform/keys/random.ts";
import { CRYPTO, STILL } from "./open-log.ts";
import { appendMany } from "./records.ts";

/** Makes the folder `to` a home as a monitor leaves it that was killed: so many records in its journal, all under its checkpoint. `work` is for the monitor. */
export async function makeKilledHome(to: string, { work, records }: { work: string; records: number }): Promise<void> {
  const home = openHome(work);
  const keys = openMonitorKeys(home.keys);
  const log = await openLog({
    files: openLogFiles(home.log),
    keys: Object.assign(keys.payloads, { files: keys.slots }),
    crypto: CRYPTO,
    random: createRandom(),
    clock: createClock(),
    timer: STILL,
    signer: keys.logSigner,
    origin: keys.logOrigin,
    start: "0".repeat(32),
  });
  // Each its own write, and so its own frame.
  for (let at = 0; at < records; at += 1) await appendMany(log, 1, at);
  await log.checkpoint();
  cpSync(work, to, { recursive: true });
  const folders = readdirSync(to, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const folder of [to, ...folders.map(({ parentPath, name }) => join(parentPath, name))]) chmodSync(folder, 0o700);
  await log.close();
}

/** Loses the last frame of a home's journal: its bytes become zeros, as a disk leaves them that lied of a write, or are cut off. */
export function loseLastFrame(home: string, how: "zeros" | "cut"): void {
  const folder = join(home, "log", "journal");
  const path = join(folder, readdirSync(folder).toSorted().at(-1) ?? "");
  const bytes = readFileSync(path);
  const at = bytes.lastIndexOf("grp1");
  if (at < 0) throw new Error(`there is no frame in ${path}`);
  if (how === "cut") truncateSync(path, at);
  else writeFileSync(path, bytes.fill(0, at));
}

/** Gives a home and what is in it to a user. */
export function giveHome(home: string, owner: { readonly uid: number; readonly gid: number }): void {
  for (const name of [".", ...readdirSync(home, { recursive: true, encoding: "utf8" })])
    chownSync(join(home, name), owner.uid, owner.gid);
}
