import { expect, test } from "vitest";
import { EVERY_KIND } from "../../test/telemetry/records.ts";
import { encodeUtf8 } from "../protocol/bytes.ts";
import { recordText } from "../protocol/record-codec.ts";
import { encodeBundle } from "../protocol/tile.ts";
import { readRecords, type ReadPublic } from "./tail.ts";

const leaves = EVERY_KIND.map((each) => encodeUtf8(recordText(each)));
const size = leaves.length;
const files =
  (given: { readonly [path: string]: Uint8Array }): ReadPublic =>
  (path) =>
    Promise.resolve(given[path] ?? null);
const path = `tile/entries/000.p/${size}`;

test("records are read from the public files, from any number on, as far as a checkpoint says", async () => {
  const read = files({ [path]: encodeBundle(leaves) });
  const found = await readRecords(read, { from: 3, size });
  expect(found).toHaveLength(size - 3);
  expect(found[0]).toEqual({ kind: "record", record: EVERY_KIND[3] });
});

test("a file that is gone, cut or damaged makes its records unreadable, each of them said", async () => {
  const bundle = encodeBundle(leaves);
  for (const given of [{}, { [path]: bundle.subarray(1) }]) {
    const found = await readRecords(files(given), { from: 0, size });
    expect(found).toHaveLength(size);
    expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set(["unreadable"]));
  }
  const swapped = encodeBundle([leaves[1] ?? new Uint8Array(), ...leaves.slice(1)]);
  const [first, second] = await readRecords(files({ [path]: swapped }), { from: 0, size });
  expect([first?.kind, second?.kind]).toEqual(["unreadable", "record"]);
});
