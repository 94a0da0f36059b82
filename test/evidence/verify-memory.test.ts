import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import type { LogVerifier } from "../../src/cli/powers.ts";
import { createLogVerifier } from "../../src/main/log-verifier.ts";
import { writeLongLog } from "../fakes/long-log.ts";
import { CRYPTO } from "../fakes/open-log.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { LOG_KEY } from "./logs.ts";

/* Verifying takes memory that does not grow with the log: an auditor's machine need not be as large as what it verifies. */

const APART = fileURLToPath(new URL("verify-apart.ts", import.meta.url));
/** A young heap of one mebibyte, so that what is not held any more is not counted either. */
const FLAGS = ["--max-semi-space-size=1", "--no-warnings"];
const [FEW, MANY] = [10_000, 100_000];
/** MiB: more than what differs from run to run (3), and less than the leaves (54) or the hashes (15) of the records more. */
const MOST = 10;

let few: string;
let many: string;
beforeAll(async () => {
  const folder = makeTemporaryFolder();
  [few, many] = [await writeLongLog(folder, FEW), await writeLongLog(folder, MANY)];
});

test("ten times the records are verified in the memory of the tenth, and the measure would show it if they were not", () => {
  const peak = verifyApart(few, FEW);
  // A collector that others keep from the processor lets more lie about: what one run needs, the program does not need more than.
  let more = Infinity;
  for (let run = 0; run < 3 && more >= MOST; run++) more = Math.min(more, verifyApart(many, MANY) - peak);
  expect(more).toBeLessThan(MOST);
  expect(verifyApart(many, MANY, "keep") - peak).toBeGreaterThan(2 * MOST);
});

test("several threads find what one finds, and name the first record that is wrong", async () => {
  const [one, two] = [1, 2].map((cores) =>
    createLogVerifier(CRYPTO, { read: () => Promise.reject(new Error()) }, cores),
  );
  const key = { kind: "text", text: LOG_KEY } as const;
  const verify = async (verifier: LogVerifier | undefined): Promise<unknown> =>
    await verifier?.verify({ folder: many, key, against: [], witnesses: null });
  const sound = await verify(two);
  expect(sound).toMatchObject({ kind: "verified", facts: { size: MANY } });
  expect(await verify(one)).toEqual(sound);
  // The first of these chunks is the longer one.
  for (const [bundle, at] of [
    ["tile/entries/300", 300 * 256],
    ["tile/entries/255", 255 * 256],
  ] as const) {
    rmSync(join(many, bundle));
    const refused = await verify(two);
    expect(refused).toMatchObject({ kind: "refused", at });
    expect(await verify(one)).toEqual(refused);
  }
});

/** The most memory that a process had which verified a log of so many records, MiB. */
function verifyApart(folder: string, size: number, ...words: readonly string[]): number {
  const child = spawnSync(process.execPath, [...FLAGS, APART, folder, ...words], { encoding: "utf8" });
  expect(child.status, child.stderr).toBe(0);
  const { verdict, peak } = JSON.parse(child.stdout) as { readonly verdict: unknown; readonly peak: number };
  expect(verdict).toMatchObject({ kind: "verified", size });
  return peak;
}
