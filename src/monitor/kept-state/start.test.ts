import { describe, expect, test } from "vitest";
import { expectWhole, keptHome, KeptHome, pause } from "../../../test/fakes/kept-home.ts";
import { ORIGIN } from "../../../test/fakes/open-log.ts";
import { plainState } from "../../../test/fakes/plain-state.ts";
import { encodeUtf8, toHex } from "../../protocol/bytes.ts";
import { SIGNED } from "../signed-records.ts";
import { isReadAgain } from "./folded.ts";
import { MAKES } from "./restore.ts";
import { sealLines } from "./sealing.ts";
import { keptPath, listKept } from "./start.ts";

describe("a start", () => {
  test("takes up the kept state, and makes what the whole log makes", async () => {
    const { home, size } = await keptHome();
    const started = await home.start();
    expect(started.kept?.size).toBe(size);
    expect(plainState(started.folded)).toEqual(plainState(home.whole()));
    expect(home.reports).toEqual([]);
  });

  test("with nothing kept folds the log, and says nothing of it", async () => {
    const home = await new KeptHome().open();
    home.fill(2);
    expectWhole(await home.start(), home);
    expect(home.reports).toEqual([]);
  });

  test("reads every record again that an owner signed, and the four of the monitor's own that make of them what they are", () => {
    const own = [...MAKES].filter((kind) => !SIGNED.has(kind));
    expect(own).toEqual(["owner-recovered", "away-ended", "restored", "secret-refreshed"]);
    expect([...MAKES, ...SIGNED.keys()].every(isReadAgain)).toBe(true);
    // Only checked: what these lift or end is in what is kept.
    expect([...SIGNED.keys()].filter((kind) => !MAKES.has(kind))).toEqual([
      "clock-set",
      "instance-thawed",
      "all-thawed",
      "hold-lifted",
      "agent-restarted",
      "home-wiped",
      "memory-erased",
      "memory-released",
      "memory-imported",
    ]);
  });
});

describe("what is not what the monitor kept is not used, the log is folded, and that is said once", () => {
  const spoiled: readonly (readonly [string, (home: KeptHome, size: number) => void | Promise<unknown>, RegExp])[] = [
    [
      "a byte flipped in the middle",
      (home, size) => flip(home, size, Math.floor(home.bytes(size).length / 2)),
      /was changed/u,
    ],
    ["a byte flipped in its head", (home, size) => flip(home, size, 40), /head|another log|was changed|records/u],
    ["its last byte gone", (home, size) => home.disk.put(keptPath(size), home.bytes(size).slice(0, -1)), /is cut/u],
    [
      "what another version wrote, in which something may be missing",
      (home, size) => home.disk.put(keptPath(size), olderOf(home.bytes(size))),
      /another version wrote it/u,
    ],
    ["an empty file", (home, size) => home.disk.put(keptPath(size), new Uint8Array()), /has no head/u],
    [
      "the file of another size under its name",
      async (home, size) => {
        const old = home.bytes(size);
        const newer = await home.keep();
        home.disk.put(keptPath(newer), old);
      },
      /it is of \d+/u,
    ],
    [
      "one that no record names",
      async (home, size) => {
        // The same lines under another salt: every byte of it is right.
        await home.forge(size, (lines) => lines);
      },
      /no record of the log names it/u,
    ],
    [
      "one of another home",
      async (home, size) => {
        const other = await keptHome();
        const bytes = await sealLines([], {
          ...other.home.ports,
          place: { origin: "aios.test/other", size, root: "0".repeat(64) },
          pause,
        });
        home.disk.put(keptPath(size), bytes);
      },
      /of another log/u,
    ],
    [
      "one of a log with other records",
      async (home, size) => {
        const place = { origin: ORIGIN, size, root: toHex(new Uint8Array(32)) };
        home.disk.put(keptPath(size), await sealLines([], { ...home.ports, place, pause }));
      },
      /other records/u,
    ],
    [
      "one of more records than there are",
      async (home) => {
        const place = { origin: ORIGIN, size: 100_000, root: toHex(new Uint8Array(32)) };
        home.disk.put(keptPath(100_000), await sealLines([], { ...home.ports, place, pause }));
        for (const size of await listKept(home.files)) if (size !== 100_000) home.disk.erase(keptPath(size));
      },
      /it is of 100000 records/u,
    ],
    [
      "one whose epoch an erasure ended",
      (home) => {
        home.gone.add(1);
      },
      /was destroyed/u,
    ],
    [
      "a tombstone dropped",
      (home, size) => home.forge(size, (lines) => lines.filter((line) => !line.startsWith('["tombstones"'))),
      /no record of the log names it/u,
    ],
  ];
  test.each(spoiled)("%s", async (_name, spoil, why) => {
    const { home, size } = await keptHome();
    await spoil(home, size);
    expectWhole(await home.start(), home);
    expect(home.reports).toHaveLength(1);
    expect(home.reports[0]).toMatch(/^reads the whole log/u);
    expect(home.reports[0]).toMatch(why);
  });
});

/** The same bytes under the name of an earlier format. */
function olderOf(bytes: Uint8Array): Uint8Array {
  const older = bytes.slice();
  older[encodeUtf8("aios state v").length] = 0x31;
  return older;
}

function flip(home: KeptHome, size: number, at: number): void {
  const bytes = home.bytes(size).slice();
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  home.disk.put(keptPath(size), bytes);
}
