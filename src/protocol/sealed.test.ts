import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCrypto } from "../platform/keys/crypto.ts";
import { openPayload, sealPayload } from "./sealed.ts";

const powers = createCrypto();
const key = new Uint8Array(32).fill(1);
const salt = new Uint8Array(16).fill(2);
const place = { origin: "aios.test/log", seq: 7 };
const seal = (text: string, other: Partial<{ salt: Uint8Array; key: Uint8Array }> = {}) =>
  sealPayload(text, { powers, key, salt, place, ...other });

describe("a sealed payload", () => {
  test("opens to the same text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 200 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        (text, fresh) => {
          const { sealed, commitment } = seal(text, { salt: fresh });
          expect(Buffer.from(openPayload(sealed, { powers, key, place, commitment }) ?? []).toString()).toBe(
            Buffer.from(fresh).toString("hex") + text,
          );
          expect(commitment.bytes).toBe(Buffer.byteLength(text));
        },
      ),
    );
  });

  test("does not open with another key, for another record or log, or with one bit changed", () => {
    const { sealed, commitment } = seal("a word");
    const good = { powers, key, place, commitment };
    expect(openPayload(sealed, good)).not.toBeNull();
    expect(openPayload(sealed, { ...good, key: new Uint8Array(32) })).toBeNull();
    expect(openPayload(sealed, { ...good, place: { ...place, seq: 8 } })).toBeNull();
    expect(openPayload(sealed, { ...good, place: { ...place, origin: "another" } })).toBeNull();
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = sealed.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(openPayload(changed, good)).toBeNull();
    }
    expect(openPayload(sealed.subarray(0, 10), good)).toBeNull();
    expect(openPayload(new Uint8Array(0), good)).toBeNull();
  });

  test("does not open when the record commits to something else", () => {
    const { sealed, commitment } = seal("a word");
    const other = seal("another");
    for (const wrong of [
      other.commitment,
      { ...commitment, bytes: 5 },
      { ...commitment, digest: "sha256:" },
      { ...commitment, digest: "" },
    ]) {
      expect(openPayload(sealed, { powers, key, place, commitment: wrong })).toBeNull();
    }
  });

  test("shows neither its text nor that two texts are equal", () => {
    const one = seal("the same word");
    const two = seal("the same word", { salt: new Uint8Array(16).fill(3) });
    expect(Buffer.from(one.sealed).includes("same")).toBe(false);
    expect(one.commitment.digest).not.toBe(two.commitment.digest);
    expect(Buffer.from(one.sealed).equals(Buffer.from(two.sealed))).toBe(false);
  });
});
