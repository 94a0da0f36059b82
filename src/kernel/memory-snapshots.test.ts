import { expect, test } from "vitest";
import { MemorySnapshots } from "./memory-snapshots.ts";

const SOUL = { agent: "worker", name: "soul" } as const;
const version = (number: number) => ({
  ...SOUL,
  version: number,
  digest: `sha256:${"0".repeat(64)}`,
  record: number * 10,
});

test("an older version of a snapshot never comes back", () => {
  const snapshots = new MemorySnapshots();
  expect(snapshots.freeze(version(2))).toBeNull();
  expect(snapshots.freeze(version(2))).toBe("version 2 is not above 2");
  expect(snapshots.freeze(version(1))).toBe("version 1 is not above 2");
  expect(snapshots.newest(SOUL)?.version).toBe(2);
  expect(snapshots.freeze(version(3))).toBeNull();
  expect(snapshots.given("worker").map((each) => each.version)).toEqual([3]);
  expect(snapshots.given("other")).toEqual([]);
});

test("what is withheld or was erased is given to nobody, and its version stays below the next one", () => {
  const snapshots = new MemorySnapshots();
  snapshots.freeze(version(1));
  snapshots.withhold();
  expect([snapshots.given(null), snapshots.floor(SOUL), snapshots.standing(version(1))]).toEqual([[], 1, "withheld"]);
  expect(snapshots.freeze(version(1))).toBe("version 1 is not above 1");
  snapshots.freeze(version(2));
  expect(snapshots.given(null)).toEqual([version(2)]);
  expect(snapshots.erase(20)).toBe(true);
  expect([snapshots.given(null), snapshots.floor(SOUL), snapshots.standing(version(2))]).toEqual([[], 2, "erased"]);
  // The text of an older version is in the log until that record's is erased too.
  expect(snapshots.kept()).toEqual([version(1)]);
  expect(snapshots.erase(7)).toBe(false);
});
