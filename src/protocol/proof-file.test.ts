import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8, toBase64 } from "./bytes.ts";
import { readProof, writeProof } from "./proof-file.ts";

const HASH = toBase64(new Uint8Array(32).fill(3));
const NOTE = "aios.test/log\n3\nAAAA\n\n\u2014 aios.test/log AAAA\n";
const PROOF = { v: 1, seq: 1, record: '{"seq":1}', path: [HASH, HASH], checkpoint: NOTE } as const;

describe("the file of a proof", () => {
  test("is the text of c2sp.org/tlog-proof, with the record as extra data", () => {
    expect(writeProof(PROOF)).toBe(
      `c2sp.org/tlog-proof@v1\nextra eyJzZXEiOjF9\nindex 1\n${HASH}\n${HASH}\n\naios.test/log\n3\nAAAA\n\n\u2014 aios.test/log AAAA\n`,
    );
  });

  test("gives back what was written", () => {
    fc.assert(
      fc.property(
        fc.record({
          v: fc.constant(1 as const),
          seq: fc.maxSafeNat(),
          record: fc.string({ unit: "grapheme" }).filter((text) => text.isWellFormed()),
          path: fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toBase64), { maxLength: 53 }),
          checkpoint: fc.string(),
        }),
        (proof) => {
          expect(readProof(writeProof(proof))).toEqual(proof);
        },
      ),
    );
  });

  const text = writeProof(PROOF);
  test.each([
    ["nothing", ""],
    ["another version", text.replace("@v1", "@v2")],
    ["no record", text.replace(/extra .*\n/u, "")],
    ["a record that is no base64", text.replace("extra eyJ", "extra !yJ")],
    ["a record that is no UTF-8", text.replace("eyJzZXEiOjF9", "/w==")],
    ["no index", text.replace("index 1\n", "")],
    ["an index with a zero before it", text.replace("index 1", "index 01")],
    ["an index below zero", text.replace("index 1", "index -1")],
    ["an index beyond what can be counted", text.replace("index 1", `index ${2n ** 53n}`)],
    ["a hash that is cut", text.replace(HASH, HASH.slice(4))],
    ["a path longer than any tree is high", text.replace(HASH, Array.from({ length: 60 }, () => HASH).join("\n"))],
    ["no checkpoint", text.slice(0, text.indexOf("\n\n"))],
    ["too much", text + "x".repeat(300_000)],
    ["lines that end in carriage returns", text.replaceAll("\n", "\r\n")],
  ])("is refused with %s", (_, changed) => {
    expect(changed).not.toBe(text);
    expect(readProof(changed)).toBeNull();
  });

  test("may hold the longest record there is", () => {
    const record = "x".repeat(65_535);
    expect(encodeUtf8(record)).toHaveLength(65_535);
    expect(readProof(writeProof({ ...PROOF, record }))?.record).toBe(record);
  });
});
