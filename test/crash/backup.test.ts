import { execFile } from "node:child_process";
import { join } from "node:path";
import { env } from "node:process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";

/** `npm run proof:backup` cuts at every change of a file; here some are taken, so that it takes seconds. */
const EVERY = env["AIOS_BACKUP_CUTS"] === "all" ? 1 : 29;

test(
  "a backup and a restore that are killed, or find no room, leave a whole one or none; a full disk is called so, and nothing is left of it",
  { timeout: 900_000 },
  async () => {
    const command = [join(import.meta.dirname, "cut-backups.ts"), makeTemporaryFolder(), String(EVERY)];
    const { stdout } = await promisify(execFile)(process.execPath, command);
    const { wrong, cuts } = JSON.parse(stdout);
    expect(wrong).toEqual([]);
    expect(Math.min(cuts.killed, cuts.full)).toBeGreaterThanOrEqual(Math.floor(150 / EVERY));
  },
);
