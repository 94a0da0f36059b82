import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { makeLog, type MadeLog } from "../../test/evidence/logs.ts";
import { CRYPTO, ORIGIN, SIGNER } from "../../test/fakes/open-log.ts";
import { consistencyPath } from "../../test/evidence/consistency.ts";
import { parseCheckpoint, splitNote, type CheckpointBody } from "./note.ts";
import { judgeCheckpoint, readAddCheckpoint, readSeenSize, writeAddCheckpoint, type Judged } from "./witness.ts";

let log: MadeLog;
let fork: MadeLog;
beforeAll(async () => {
  log = await makeLog({ sizes: [3, 7, 8] });
  fork = await makeLog({ sizes: [3, 7, 8], changed: [1] });
});
const note = (of: MadeLog, size: number): string => of.checkpoints.get(size) ?? "";
const body = (of: MadeLog, size: number): CheckpointBody | null =>
  parseCheckpoint(splitNote(note(of, size))?.text ?? "");
const LOGS = [{ name: ORIGIN, publicKey: SIGNER.publicKey }];

function judge(
  request: { readonly old: number; readonly path?: readonly Uint8Array[]; readonly note: string },
  seen: CheckpointBody | null,
  logs = LOGS,
): Judged {
  return judgeCheckpoint({ path: [], ...request }, { logs, seen: () => seen, powers: CRYPTO });
}

describe("a witness", () => {
  test("takes the first checkpoint of a log that it looks after", () => {
    expect(judge({ old: 0, note: note(log, 3) }, null)).toMatchObject({ kind: "grown", checkpoint: { size: 3 } });
  });

  test("takes one that grew from what it saw, and the same again", async () => {
    const path = await consistencyPath(log.disk, 3, 8);
    expect(judge({ old: 3, path, note: note(log, 8) }, body(log, 3))).toMatchObject({ kind: "grown" });
    expect(judge({ old: 8, note: note(log, 8) }, body(log, 8))).toMatchObject({ kind: "grown" });
  });

  test("refuses, each by its status", async () => {
    const path = await consistencyPath(log.disk, 3, 8);
    const cases: readonly (readonly [string, Judged, number])[] = [
      ["no checkpoint", judge({ old: 0, note: "hello\n" }, null), 400],
      ["a log that it does not know", judge({ old: 0, note: note(log, 3) }, null, []), 404],
      [
        "another key",
        judge({ old: 0, note: note(log, 3) }, null, [{ name: ORIGIN, publicKey: new Uint8Array(32) }]),
        403,
      ],
      ["a changed note", judge({ old: 0, note: note(log, 3).replace("\n3\n", "\n4\n") }, null), 403],
      ["an old size beyond the new", judge({ old: 8, note: note(log, 3) }, body(log, 8)), 400],
      ["an old size that it did not see", judge({ old: 0, note: note(log, 8) }, body(log, 3)), 409],
      ["growth without a proof", judge({ old: 3, note: note(log, 8) }, body(log, 3)), 422],
      ["growth by another's proof", judge({ old: 3, path, note: note(fork, 8) }, body(log, 3)), 422],
      ["a first one with a proof", judge({ old: 0, path, note: note(log, 8) }, null), 422],
    ];
    for (const [what, judged, status] of cases) expect(judged, what).toMatchObject({ kind: "refused", status });
  });

  test("refuses a fork: by its own proof, and at the same size", async () => {
    const path = await consistencyPath(fork.disk, 3, 8);
    expect(judge({ old: 3, path, note: note(fork, 8) }, body(log, 3))).toMatchObject({ status: 422 });
    expect(judge({ old: 3, path, note: note(fork, 8) }, body(fork, 3))).toMatchObject({ kind: "grown" });
    expect(judge({ old: 8, note: note(fork, 8) }, body(log, 8))).toMatchObject({ status: 409, size: 8 });
  });

  test("says what it saw when a log was rolled back, and takes nothing", () => {
    expect(judge({ old: 3, note: note(log, 7) }, body(log, 8))).toMatchObject({ status: 409, size: 8 });
  });
});

describe("what they say", () => {
  test("is written as the specification has it, and reads back", () => {
    const hash = new Uint8Array(32).fill(255);
    const written = writeAddCheckpoint({ old: 5, path: [hash], note: "n\n\n\u2014 a AAAA\n" });
    expect(written).toBe("old 5\n//////////////////////////////////////////8=\n\nn\n\n\u2014 a AAAA\n");
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 63 }),
        fc.string(),
        (old, path, text) => {
          expect(readAddCheckpoint(writeAddCheckpoint({ old, path, note: text }))).toEqual({ old, path, note: text });
        },
      ),
    );
  });

  test.each([
    [
      "",
      "old 5",
      "old 5\n",
      "old 05\n\nn",
      "old -1\n\nn",
      "new 5\n\nn",
      "old 9007199254740993\n\nn",
      "old 5\nAAAA\n\nn",
    ],
    [`old 5\n${"//////////////////////////////////////////8=\n".repeat(64)}\nn`, `old 5\n\n${"n".repeat(70_000)}`],
  ])("is refused when it is anything else", (...bad) => {
    for (const text of bad) expect(readAddCheckpoint(text), text.slice(0, 40)).toBeNull();
  });

  test("names a size alone on a line", () => {
    expect(readSeenSize("20852014\n")).toBe(20_852_014);
    for (const bad of ["", "5", "05\n", "-5\n", "5\n\n", "5 \n", "9007199254740993\n"])
      expect(readSeenSize(bad)).toBeNull();
  });
});
