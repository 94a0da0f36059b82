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
