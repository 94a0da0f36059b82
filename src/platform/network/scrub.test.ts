import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createScrubber } from "./scrub.ts";

const VALUE = 'sk-Ab/9+%x"&=_~Zz01';
const plain = Buffer.from(VALUE);

/** What comes through when the bytes come in these pieces. */
async function through(pieces: readonly Buffer[], value: string = VALUE): Promise<string> {
  return text(Readable.from(pieces).pipe(createScrubber(value).stream()));
}

/** Cuts a text at every place of a list. */
function cut(whole: string, places: readonly number[]): readonly Buffer[] {
  const bytes = Buffer.from(whole, "latin1");
  const at = [...new Set([0, ...places.map((place) => place % (bytes.length + 1)), bytes.length])].toSorted(
    (a, b) => a - b,
  );
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

const WAYS: readonly (readonly [string, string])[] = [
  ["plain", VALUE],
  ["in capitals", VALUE.toUpperCase()],
  ["percent-encoded", encodeURIComponent(VALUE)],
  ["percent-encoded throughout, lower case", [...plain].map((byte) => `%${byte.toString(16)}`).join("")],
  ["as JSON", JSON.stringify(VALUE).slice(1, -1)],
  ["as JSON with escaped slashes", JSON.stringify(VALUE).slice(1, -1).replaceAll("/", "\\/")],
  ["as JSON with escapes", [...plain].map((byte) => `\\u00${byte.toString(16).padStart(2, "0")}`).join("")],
  ["as JSON in JSON", JSON.stringify(JSON.stringify(VALUE).slice(1, -1)).slice(1, -1)],
  ["as JSON in JSON with escapes", [...plain].map((byte) => `\\\\u00${byte.toString(16).padStart(2, "0")}`).join("")],
  ["percent-encoded twice", encodeURIComponent(encodeURIComponent(VALUE))],
  ["percent-encoded twice throughout", [...plain].map((byte) => `%25${byte.toString(16)}`).join("")],
  ["as HTML in HTML", [...plain].map((byte) => `&amp;#${byte};`).join("")],
  ["as HTML", VALUE.replaceAll("&", "&amp;").replaceAll('"', "&quot;")],
  ["as HTML with numbers", [...plain].map((byte) => `&#${byte};`).join("")],
  ["as HTML with hexadecimal numbers", [...plain].map((byte) => `&#x${byte.toString(16)};`).join("")],
  ["in hexadecimal", plain.toString("hex")],
  ["in hexadecimal capitals", plain.toString("hex").toUpperCase()],
];

test.each(WAYS)("takes a value out that is written %s, wherever the pieces end", async (_, written) => {
  const whole = `{"error":"invalid key ${written} for you"}`;
  for (let at = 0; at < whole.length; at++) {
    const left = await through(cut(whole, [at]));
    expect(left.length).toBe(whole.length);
    expect(left).toMatch(/^\{"error":"invalid key \*+ for you"\}$/);
  }
  expect(
    await through(
      cut(
        whole,
        Array.from({ length: whole.length }, (_each, index) => index),
      ),
    ),
  ).not.toContain(written);
});

const LONG = "sk-0123456789abcdefghijklmnopqrstuvwxyz";

test("attack: a value that is cut short is taken out, in every way that it may be written, wherever the pieces end", async () => {
  for (const length of [20, 30, LONG.length - 1]) {
    const short = LONG.slice(0, length);
    for (const written of [
      short,
      Array.from(short, (letter) => `%${letter.charCodeAt(0).toString(16)}`).join(""),
      Buffer.from(short).toString("hex"),
      Buffer.from(short).toString("base64"),
    ]) {
      for (const whole of [`key ${written}... is invalid`, `key ${written}`]) {
        for (const places of [[], [8], [14, 15, 30], Array.from(whole, (_letter, at) => at)]) {
          const left = await through(cut(whole, places), LONG);
          expect(left.length).toBe(whole.length);
          expect(left).toMatch(/^key \*{19,}/);
          expect(left.includes(written.slice(-8))).toBe(false);
        }
      }
    }
  }
});

test("twin: less than half of it stands, and a value that is short is taken out whole only", async () => {
  const less = LONG.slice(0, 19);
  expect(await through(cut(`see ${less}_ or ${less}`, [3, 9]), LONG)).toBe(`see ${less}_ or ${less}`);
  expect(await through(cut("sk-Ab/9+% and sk-Ab/9+%x", [4]))).toBe("sk-Ab/9+% and sk-Ab/9+%x");
  // Of a very long one it is a fixed length.
  const key = "k".repeat(10) + "0123456789".repeat(100);
  expect(await through(cut(`${key.slice(0, 64)}!`, []), key)).toBe(`${"*".repeat(64)}!`);
  expect(await through(cut(`${key.slice(0, 63)}!`, []), key)).toBe(`${key.slice(0, 63)}!`);
});

test.each([0, 1, 2])("takes it out of base64 at alignment %i, broken into lines too", async (lead) => {
  const longer = "sk-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/==";
  const bytes = Buffer.from(`${"u".repeat(lead)}${longer}tail`);
  for (const written of [
    bytes.toString("base64"),
    bytes.toString("base64url"),
    bytes.toString("base64").replace(/.{20}/g, "$&\r\n"),
  ]) {
    const left = await through(cut(written, [7, 8, 30]), longer);
    expect(Buffer.from(left, "base64").toString()).not.toContain(longer.slice(4, 12));
    // No character is left that has a bit of it, and every other is.
    const [begin, end] = [Math.floor((lead * 8) / 6), Math.ceil(((lead + longer.length) * 8) / 6)];
    const letters = Array.from(written.replace(/[\r\n]/g, ""));
    const masked = letters.map((letter, at) => (at >= begin && at < end ? "*" : letter)).join("");
    const collapse = (words: string): string => words.replace(/[\r\n]/g, "").replace(/\*+/g, "*");
    expect(collapse(left)).toBe(collapse(masked));
  }
});

test.each([
  ["JSON", "\\n"],
  ["JSON, with both characters of a break", "\\r\\n"],
  ["JSON in JSON", "\\\\n"],
  ["JSON, by number", "\\u000a"],
  ["an address", "%0A"],
  ["YAML", "\n      "],
])("attack: takes it out of base64 in lines in %s, wherever the pieces end", async (_, separator) => {
  const bytes = Buffer.from(`the file begins, ${LONG}; and goes on for some lines more, to its end`);
  const lines = bytes.toString("base64").match(/.{1,20}/g) ?? [];
  const written = `{"content":"${lines.join(separator)}${separator}"}`;
  // Where a character of base64 stands, and those that have a bit of the value.
  const placeOf = (letter: number): number => 12 + letter + Math.floor(letter / 20) * separator.length;
  const lead = "the file begins, ".length;
  const begin = placeOf(Math.floor((lead * 8) / 6));
  const end = placeOf(Math.ceil(((lead + LONG.length) * 8) / 6) - 1) + 1;
  const masked = written.slice(0, begin) + "*".repeat(end - begin) + written.slice(end);
  for (let at = 0; at < written.length; at++) expect(await through(cut(written, [at]), LONG)).toBe(masked);
});

test("attack: takes a key of several lines out of JSON", async () => {
  const key = "-----BEGIN KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v\nVpguoRK9JLsLMREScVpezJp\n-----END KEY-----\n";
  const left = await through(cut(JSON.stringify({ key }), [30]), key);
  expect(left).toMatch(/^\{"key":"\*+"\}$/);
});

test("attack: is done in the end with a value and a body that can be read in many ways", async () => {
  // Each pair of these is one or two characters: going through one reading after the other would never end.
  const value = "\\".repeat(64);
  expect(await through([Buffer.from(`${"\\".repeat(63)}y`)], value)).toBe(`${"*".repeat(63)}y`);
  expect(await through([Buffer.from("\\".repeat(128))], value)).toBe("*".repeat(128));
});

test("leaves everything else byte by byte", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 400 }),
      fc.array(fc.nat(400), { maxLength: 8 }),
      async (bytes, places) => {
        const whole = Buffer.from(bytes).toString("latin1");
        const pieces = cut(whole, places);
        const left: Buffer[] = [];
        for await (const piece of Readable.from(pieces).pipe(
          createScrubber("a value that no such bytes hold").stream(),
        ))
          left.push(piece as Buffer);
        expect(Buffer.concat(left).equals(Buffer.from(bytes))).toBe(true);
      },
    ),
    { numRuns: 200 },
  );
});

test("finds it however the pieces fall, with its own beginnings before it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...WAYS),
      fc.array(fc.nat(200), { maxLength: 12 }),
      fc.nat(8),
      async ([, written], places, begun) => {
        const whole = `${VALUE.slice(0, begun)}%${written}${written}&`;
        const left = await through(cut(whole, places));
        expect(left).not.toContain(written);
        expect(left.length).toBe(whole.length);
      },
    ),
  );
});

test("hands on at once what cannot be the beginning of it", async () => {
  const stream = createScrubber(VALUE).stream();
  stream.write(Buffer.from("data: {}\n\n"));
  expect(String(stream.read())).toBe("data: {}\n\n");
  stream.write(Buffer.from("it begins sk-Ab"));
  expect(String(stream.read())).toBe("it begins ");
  stream.write(Buffer.from("out "));
  expect(String(stream.read())).toBe("sk-About ");
  // A letter may be the edge of it in base64: it waits for the next.
  stream.write(Buffer.from("it"));
  expect(String(stream.read())).toBe("i");
  stream.write(Buffer.from(" is"));
  expect(String(stream.read())).toMatch(/^t is?$/);
});

test("takes out every value that it was made of, from short texts too", () => {
  const scrubber = createScrubber("first-value", "other-value");
  expect(scrubber.text("Bearer first-value, other-value")).toBe("Bearer ***********, ***********");
});
