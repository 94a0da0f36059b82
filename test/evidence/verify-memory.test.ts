import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { writeLongLog } from "../fakes/long-log.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";

/* Verifying takes memory that does not grow with the log: an auditor's machine need not be as large as what it verifies. */

const APART = fileURLToPath(new URL("verify-apart.ts", import.meta.url));
/** A young heap of one mebibyte, so that what is not held any more is not counted either. */
const FLAGS = ["--max-semi-space-size=1", "--no-warnings"];
const [FEW, MANY] = [10_000, 100_000];
/** MiB: more than what differs from run to run (3), and less than the leaves (54) or the hashes (15) of the records more. */
const MOST = 10;

test("ten times the records are verified in the memory of the tenth, and the measure would show it if they were not", async () => {
  const folder = makeTemporaryFolder();
  const [few, many] = [await writeLongLog(folder, FEW), await writeLongLog(folder, MANY)];
  const peak = verifyApart(few, FEW);
  expect(verifyApart(many, MANY) - peak).toBeLessThan(MOST);
  expect(verifyApart(many, MANY, "keep") - peak).toBeGreaterThan(2 * MOST);
});

/** The most memory that a process had which verified a log of so many records, MiB. */
function verifyApart(folder: string, size: number, ...words: readonly string[]): number {
  const child = spawnSync(process.execPath, [...FLAGS, APART, folder, ...words], { encoding: "utf8" });
  expect(child.status, child.stderr).toBe(0);
  const { verdict, peak } = JSON.parse(child.stdout) as { readonly verdict: unknown; readonly peak: number };
  expect(verdict).toMatchObject({ kind: "verified", size });
  return peak;
}
