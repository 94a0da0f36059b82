import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  concatBytes,
  createUtf8Scratch,
  decodeUtf8,
  encodeUtf8,
  equalBytes,
  fromBase64,
  fromHex,
  toBase64,
  toHex,
} from "./bytes.ts";

const bytes = fc.uint8Array({ maxLength: 300 });
const plain = (data: Uint8Array | null): number[] | null => (data === null ? null : [...data]);

describe("hex", () => {
  it("writes what Buffer writes and reads it back", () => {
    fc.assert(
      fc.property(bytes, (data) => {
        expect(toHex(data)).toBe(Buffer.from(data).toString("hex"));
        expect(plain(fromHex(toHex(data)))).toEqual([...data]);
      }),
    );
  });

  it("reads nothing that it would not write", () => {
    for (const text of ["0", "0g", "AB", " ab", "ab ", "0x12", "١١", "\u0130\u0130"]) expect(fromHex(text)).toBeNull();
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 8 }), (text) => {
        const read = fromHex(text);
        if (read !== null) expect(toHex(read)).toBe(text);
      }),
    );
  });
});

describe("base64", () => {
  it("writes what Buffer writes and reads it back", () => {
    fc.assert(
      fc.property(bytes, (data) => {
        expect(toBase64(data)).toBe(Buffer.from(data).toString("base64"));
        expect(plain(fromBase64(toBase64(data)))).toEqual([...data]);
      }),
    );
  });

  it("reads one spelling only", () => {
    expect(plain(fromBase64(""))).toEqual([]);
    expect(plain(fromBase64("AA=="))).toEqual([0]);
    const second = [
      "AB==",
      "AAB=",
      "AA",
      "AA=",
      "A===",
      "====",
      "=",
      "AA==AA==",
      "A A=",
      "AAA\n",
      "-_-_",
      "AAAA=",
      "AÁ==",
    ];
    for (const text of second) expect(fromBase64(text), text).toBeNull();
  });

  it("reads nothing that it would not write", () => {
    const nearly = fc.string({ unit: fc.constantFrom("A", "B", "Q", "+", "/", "=", "-", " "), maxLength: 8 });
    fc.assert(
      fc.property(nearly, (text) => {
        const read = fromBase64(text);
        const same = Buffer.from(text, "base64").toString("base64") === text;
        expect(read !== null).toBe(same);
        if (read !== null) expect(toBase64(read)).toBe(text);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("UTF-8", () => {
  it("writes what Buffer writes and reads it back", () => {
    const scratch = createUtf8Scratch();
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        fc.pre(text.isWellFormed());
        expect(plain(encodeUtf8(text))).toEqual([...Buffer.from(text, "utf8")]);
        expect(plain(scratch(text))).toEqual([...Buffer.from(text, "utf8")]);
        expect(decodeUtf8(encodeUtf8(text))).toBe(text);
      }),
    );
  });

  it("writes texts around the size of its scratch space", () => {
    const scratch = createUtf8Scratch();
    for (const text of ["a", "é", "€", "𝄞"]) {
      for (const units of [8192 / 3 - 2, 8192 / 3 + 2, 8192]) {
        const long = text.repeat(units / text.length);
        expect(Buffer.from(encodeUtf8(long)).equals(Buffer.from(long))).toBe(true);
        expect(Buffer.from(scratch(long)).equals(Buffer.from(long))).toBe(true);
      }
    }
  });

  it("refuses a lone surrogate instead of writing U+FFFD for it", () => {
    expect(() => encodeUtf8("a\ud800b")).toThrow(RangeError);
    expect(() => encodeUtf8("\udc00")).toThrow(RangeError);
    expect(() => createUtf8Scratch()("a\ud800b")).toThrow(RangeError);
  });

  it("refuses bytes that are not well-formed", () => {
    const malformed = [
      [0xff],
      [0xc0, 0x80],
      [0xe0, 0x80, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xc3],
      [0x80],
    ];
    for (const data of malformed) expect(decodeUtf8(Uint8Array.from(data))).toBeNull();
  });

  it("keeps a byte order mark as text", () => {
    expect(decodeUtf8(Uint8Array.from([0xef, 0xbb, 0xbf, 0x61]))).toBe("\ufeffa");
  });

  it("decodes only bytes that encode to themselves", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), (data) => {
        const text = decodeUtf8(data);
        if (text !== null) expect(plain(encodeUtf8(text))).toEqual([...data]);
      }),
      { numRuns: 5_000 },
    );
  });
});

it("concatenates as Buffer does", () => {
  fc.assert(
    fc.property(fc.array(bytes), (parts) => {
      expect(plain(concatBytes(parts))).toEqual(Array.from(Buffer.concat(parts)));
    }),
  );
});

it("compares as Buffer does, at every position", () => {
  fc.assert(
    fc.property(bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), (data, at, flip) => {
      expect(equalBytes(data, Uint8Array.from(data))).toBe(true);
      expect(equalBytes(data, concatBytes([data, Uint8Array.of(0)]))).toBe(false);
      if (data.length === 0) return;
      const other = Uint8Array.from(data);
      other[at % data.length] = (other[at % data.length] ?? 0) ^ flip;
      expect(equalBytes(data, other)).toBe(false);
    }),
  );
});
