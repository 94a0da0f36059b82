import { expect, test } from "vitest";
import { createMemoryDisk } from "../../test/fakes/memory-disk.ts";
import { decodeUtf8, encodeUtf8 } from "../protocol/bytes.ts";
import { createKnownSetting } from "./telemetry-known.ts";

const PATH = "telemetry-setting";

async function stage() {
  const disk = createMemoryDisk();
  const files = disk.open();
  await files.hold();
  const reports: string[] = [];
  const start = async (inForce: number) => {
    const known = createKnownSetting(files, { inForce, report: (words) => void reports.push(words) });
    await known.settled();
    return known;
  };
  return { disk, reports, start, kept: () => decodeUtf8(disk.bytes(PATH) ?? new Uint8Array()) };
}

test("a setting that went with the end of a log is missed from the next start on, until an owner signs another", async () => {
  const { reports, start, kept } = await stage();
  const first = await start(0);
  await first.signed(40);
  expect([first.missing(), kept()]).toEqual([null, "40\n"]);
  expect((await start(40)).missing()).toBeNull();
  expect(reports).toEqual([]);
  // The log was put back to before it, or to before the one that another had replaced.
  for (const older of [0, 12]) {
    const again = await start(older);
    expect(again.missing()).toBe(40);
    expect(reports.at(-1)).toMatch(/record 40 is not in the log any more.*\(telemetry-missing\)$/u);
  }
  const last = await start(12);
  await last.signed(20);
  expect([last.missing(), kept()]).toEqual([null, "20\n"]);
  expect((await start(20)).missing()).toBeNull();
});

test("what a crash kept from being kept is caught up with, and what is no number is none", async () => {
  const { disk, reports, start, kept } = await stage();
  await start(7);
  expect(kept()).toBe("7\n");
  disk.put(PATH, encodeUtf8("99 and more\n"));
  expect((await start(8)).missing()).toBeNull();
  expect([kept(), reports]).toEqual(["8\n", []]);
});
