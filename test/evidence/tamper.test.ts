import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { LogVerdict, VerifyOptions } from "../../src/monitor/log/verify.ts";
import { openTestLog, STILL, testKeys } from "../fakes/open-log.ts";
import { readAll } from "../fakes/records.ts";
import { addCosignature, makeLog, publicCopy, verify } from "./logs.ts";
import type { MemoryDisk } from "../fakes/memory-disk.ts";
import {
  KEPT,
  listForgeries,
  listHomeForgeries,
  LONG_AGO,
  makeScene,
  NOW,
  SIZE,
  WITNESS,
  type Holding,
} from "./forgeries.ts";

/*
 * TAMPER-SHOWS, one forgery after another: each is found by a reader who holds what docs/tampering.md says, and by nobody who
 * holds less, so that what must be held is what is said and no more.
 */

const scene = await makeScene();
const forgeries = listForgeries(scene);
const payloads = await makeLog({ sizes: [20], payloads: true });
const homeForgeries = listHomeForgeries(payloads, await makeLog({ sizes: [20], payloads: true, word: "w" }));
const witnesses = { keys: [WITNESS.key], quorum: 1, since: 0 };

/** What each reader brings. */
const HOLDS: { readonly [hold in Holding]: () => Pick<VerifyOptions, "earlier" | "copy" | "witnesses"> } = {
  key: () => ({}),
  checkpoint: () => ({ earlier: [scene.log.checkpoints.get(KEPT) ?? ""] }),
  copy: () => ({ copy: publicCopy(scene.log.disk).open() }),
  witness: () => ({ witnesses }),
  fresh: () => ({ witnesses: { ...witnesses, since: NOW - 3600 } }),
};
/** What holds less than each: with that a forgery must not be found, or its row would ask for too much. */
const LESS: { readonly [hold in Holding]: readonly Holding[] } = {
  key: [],
  checkpoint: ["key"],
  copy: ["key", "checkpoint"],
  witness: ["key"],
  fresh: ["key"],
};
const hold = (disk: MemoryDisk, holding: Holding): Promise<LogVerdict> => verify(disk, HOLDS[holding]());

describe("forgeries of a log's files", () => {
  test.each(forgeries)("$name: found with $hold", async ({ make, hold: needed, at }) => {
    expect(await hold(make(), needed)).toMatchObject({ kind: "refused", at });
    for (const less of LESS[needed]) expect(await hold(make(), less), less).toMatchObject({ kind: "verified" });
  });

  test("are told from the log itself, which every reader takes", async () => {
    const disk = publicCopy(scene.log.disk);
    disk.put("cosigned", Buffer.from(addCosignature(scene.log.checkpoints.get(KEPT) ?? "", WITNESS, NOW)));
    for (const holding of Object.keys(HOLDS) as Holding[]) {
      expect(await hold(disk, holding), holding).toMatchObject({ kind: "verified", size: SIZE });
    }
    disk.put("cosigned", Buffer.from(addCosignature(scene.log.checkpoints.get(KEPT) ?? "", WITNESS, LONG_AGO)));
    expect(await hold(disk, "fresh")).toMatchObject({ kind: "refused" });
  });

  test("are at least fifty, each under a name of its own, and the page has them all", () => {
    const names = forgeries.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThanOrEqual(50);
    const page = readFileSync(new URL("../../docs/tampering.md", import.meta.url), "utf8");
    const rows = page
      .split("\n")
      .filter((row) => /^\| .* \| (?:files|key) +\|/u.test(row))
      .map((row) =>
        row
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    const listed = forgeries.map(({ name, by, hold: needed, at }) => [
      name,
      by,
      needed,
      at === null ? "—" : String(at),
    ]);
    expect(rows).toEqual([...listed, ...homeForgeries.map(({ name }) => [name, "files", "home", "—"])]);
  });
});

describe("forgeries of what lies beside the log", () => {
  const read = async ({ disk, keys }: { disk: MemoryDisk; keys: MemoryDisk }): Promise<readonly unknown[]> => {
    const log = await openTestLog("", { files: disk.open(), keys: testKeys(keys.open()), timer: STILL });
    try {
      return await readAll(log);
    } finally {
      await log.close();
    }
  };

  test.each(homeForgeries)("$name: found by the home when it reads", async ({ make }) => {
    await expect(read(make())).rejects.toMatchObject({ code: "log-damaged" });
    // Nothing of it is in the log's public files, so that its readers are none the wiser and need not be.
    expect(await verify(publicCopy(make().disk))).toMatchObject({ kind: "verified", size: 20 });
  });

  test("are told from what is there", async () => {
    expect(await read(payloads)).toHaveLength(20);
  });
});

test("the logs of the corpus are the same each time they are made", async () => {
  const again = await makeLog({ sizes: [100, KEPT, SIZE] });
  expect(again.checkpoints).toEqual(scene.log.checkpoints);
});
