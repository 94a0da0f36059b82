import { line, type Line } from "../showing/line.ts";
import { logSize, walkLog } from "./log-walk.ts";
import type { MonitorClient } from "./powers.ts";

/** What must be said to whoever erases: files of keys that were made with backups lie where no erasure reaches them. */
export async function tellOfKeyFiles(client: MonitorClient): Promise<readonly Line[]> {
  const made: number[] = [];
  for await (const { record } of walkLog(client, { from: 0, to: await logSize(client), kinds: ["backup-made"] }))
    if (record.kind === "backup-made" && record.keys) made.push(record.seq);
  if (made.length === 0) return [];
  const which =
    made.length === 1 ? `A file of keys was made (record ${made[0]})` : `${made.length} files of keys were made`;
  return [line(`${which}: it opens with a backup what you erase. Destroy it, and make a new one.`, "wait")];
}
