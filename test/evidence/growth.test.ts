import { beforeAll, describe, expect, test } from "vitest";
import { ORIGIN } from "../fakes/open-log.ts";
import { addCosignature, makeLog, publicCopy, testWitness, verify, type MadeLog } from "./logs.ts";

/* What a verifier says when a log is not the one that it was: what differs, and from which record on. */

const SIZES = [100, 300, 600];
let whole: MadeLog;
let forked: MadeLog;
let short: MadeLog;
beforeAll(async () => {
  whole = await makeLog({ sizes: SIZES });
  forked = await makeLog({ sizes: SIZES, changed: [222, 500] });
  short = await makeLog({ sizes: [100, 250] });
});
const earlier = (log: MadeLog, ...sizes: readonly number[]): string[] =>
  sizes.map((size) => log.checkpoints.get(size) ?? "");

describe("a log held against earlier checkpoints", () => {
  test("is verified when it grew from all of them", async () => {
    const verdict = await verify(whole.disk, { earlier: earlier(whole, ...SIZES) });
    expect(verdict).toMatchObject({ kind: "verified", size: 600, witnessed: null });
  });

  test("that is shorter than one is refused from its own end on", async () => {
    expect(await verify(short.disk, { earlier: earlier(whole, 300) })).toEqual({
      kind: "refused",
      at: 250,
      why: "the log has 250 records and had 300: it was cut or rolled back",
    });
  });

  test("that is another is refused between the last that agrees and the first that does not", async () => {
    const mixed = [...earlier(whole, 100), ...earlier(forked, 300)];
    expect(await verify(whole.disk, { earlier: mixed })).toEqual({
      kind: "refused",
      at: 100,
      why: "the log is not the one of the earlier checkpoint of 300: among the records 100 to 299 one is not what it was",
    });
    expect(await verify(whole.disk, { earlier: earlier(forked, 100) })).toMatchObject({ kind: "verified" });
    expect(await verify(whole.disk, { earlier: earlier(forked, 600) })).toMatchObject({ kind: "refused", at: 0 });
  });

  test("says of a checkpoint of another log whose it is", async () => {
    const foreign = (whole.checkpoints.get(100) ?? "").replaceAll(ORIGIN, "aios.test/other");
    expect(await verify(whole.disk, { earlier: [foreign] })).toEqual({
      kind: "refused",
      at: null,
      why: `the earlier checkpoint is of another log, aios.test/other, and not of ${ORIGIN}`,
    });
  });
});

describe("a log held against a copy", () => {
  test("is verified when it grew from it, and from itself", async () => {
    expect(await verify(whole.disk, { copy: publicCopy(whole.disk).open() })).toMatchObject({ kind: "verified" });
  });

  test("is refused from the first record on that differs", async () => {
    const verdict = await verify(forked.disk, { copy: publicCopy(whole.disk).open() });
    expect(verdict).toEqual({ kind: "refused", at: 222, why: "from here on the log is not the one that was copied" });
    const late = await makeLog({ sizes: SIZES, changed: [599] });
    expect(await verify(late.disk, { copy: whole.disk.open() })).toMatchObject({ kind: "refused", at: 599 });
  });

  test("is refused when the copy is longer", async () => {
    expect(await verify(short.disk, { copy: whole.disk.open() })).toEqual({
      kind: "refused",
      at: 250,
      why: "the log has 250 records and its copy 600: it was cut or rolled back",
    });
    expect(await verify(whole.disk, { copy: short.disk.open() })).toMatchObject({ kind: "verified" });
  });

  test("is not compared with a copy that is damaged", async () => {
    const copy = publicCopy(whole.disk);
    copy.put("tile/0/000", new Uint8Array(10));
    const verdict = await verify(whole.disk, { copy: copy.open() });
    expect(verdict).toMatchObject({ kind: "refused", at: null });
    expect(verdict.kind === "refused" && verdict.why).toMatch(/^the copy to compare with is refused itself: /);
  });
});

describe("a log of which cosignatures are demanded", () => {
  const [one, two, three] = [testWitness(1), testWitness(2), testWitness(3)];
  const demand = (quorum: number, since = 0) => ({ keys: [one.key, two.key, three.key], quorum, since });

  /** The log with a cosigned checkpoint beside its own, as the monitor keeps it. */
  function cosigned(size: number, ...times: readonly number[]) {
    const copy = publicCopy(whole.disk);
    let written = whole.checkpoints.get(size) ?? "";
    for (const [place, time] of times.entries()) {
      written = addCosignature(written, [one, two, three][place] ?? one, time);
    }
    copy.put("cosigned", Buffer.from(written));
    return copy;
  }

  test("is verified with so many, and says how far they reach", async () => {
    const verdict = await verify(cosigned(300, 50, 60), { witnesses: demand(2) });
    expect(verdict).toMatchObject({
      kind: "verified",
      size: 600,
      witnessed: {
        size: 300,
        by: [
          { witness: one.key, time: 50 },
          { witness: two.key, time: 60 },
        ],
      },
    });
  });

  test("is refused with one too few, with none, and with old ones", async () => {
    for (const [disk, since] of [
      [cosigned(300, 50), 0],
      [publicCopy(whole.disk), 0],
      [cosigned(300, 50, 60), 55],
    ] as const) {
      const verdict = await verify(disk, { witnesses: demand(2, since) });
      expect(verdict).toMatchObject({ kind: "refused" });
      expect(verdict.kind === "refused" && verdict.why).toMatch(/^no checkpoint carries the cosignatures demanded/);
    }
  });

  test("is refused when what they cosigned is another history, though the log's key signed both", async () => {
    const copy = publicCopy(whole.disk);
    copy.put("cosigned", Buffer.from(addCosignature(forked.checkpoints.get(300) ?? "", one, 50)));
    expect(await verify(copy)).toMatchObject({ kind: "verified" });
    expect(await verify(copy, { witnesses: demand(1) })).toMatchObject({ kind: "refused", at: 0 });
  });

  test("takes them from a checkpoint that its reader brings", async () => {
    const brought = addCosignature(whole.checkpoints.get(300) ?? "", two, 50);
    const verdict = await verify(whole.disk, { earlier: [brought], witnesses: demand(1) });
    expect(verdict).toMatchObject({ kind: "verified", witnessed: { size: 300 } });
  });
});
