import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCrypto } from "./crypto.ts";
import { openDirectGcm } from "./direct-gcm.ts";
import { nodeGcm } from "./gcm.ts";
import { createSigner } from "./signer.ts";

const crypto = createCrypto();
const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("SHA-256", () => {
  it("gives the value of FIPS 180-4 for text and for the same bytes", () => {
    const expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(Buffer.from(crypto.sha256("abc")).toString("hex")).toBe(expected);
    expect(crypto.digest("abc")).toBe(`sha256:${expected}`);
    expect(crypto.digest(utf8("abc"))).toBe(`sha256:${expected}`);
    expect(crypto.digest("")).toBe("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });
});

describe("Ed25519", () => {
  // RFC 8032, 7.1, test 2.
  const publicKey = fromHex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const message = fromHex("72");
  const signature = fromHex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  );

  it("accepts the signature of the standard, again and again", () => {
    for (let round = 0; round < 3; round++) expect(crypto.verify(publicKey, message, signature)).toBe(true);
  });

  it("refuses every signature with one bit changed", () => {
    for (let bit = 0; bit < 512; bit++) {
      const changed = signature.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(crypto.verify(publicKey, message, changed)).toBe(false);
    }
  });

  it("refuses another message and another key", () => {
    expect(crypto.verify(publicKey, fromHex("73"), signature)).toBe(false);
    expect(crypto.verify(createSigner(new Uint8Array(32)).publicKey, message, signature)).toBe(false);
  });

  it("refuses a signature whose scalar is not reduced (malleability, RFC 8032 5.1.7)", () => {
    const order = fromHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    const changed = signature.slice();
    let carry = 0;
    for (let place = 0; place < 32; place++) {
      const sum = (changed[32 + place] ?? 0) + (order[place] ?? 0) + carry;
      changed[32 + place] = sum & 0xff;
      carry = sum >> 8;
    }
    expect(crypto.verify(publicKey, message, changed)).toBe(false);
  });

  it("says false, and does not throw, for keys and signatures of a wrong length or off the curve", () => {
    for (const length of [0, 31, 33, 64]) expect(crypto.verify(new Uint8Array(length), message, signature)).toBe(false);
    for (const length of [0, 63, 65]) expect(crypto.verify(publicKey, message, new Uint8Array(length))).toBe(false);
    expect(crypto.verify(new Uint8Array(32).fill(0xff), message, signature)).toBe(false);
  });

  it("still tells keys apart after more of them than it remembers", () => {
    for (let number = 0; number < 200; number++) {
      const signer = createSigner(crypto.sha256(`key ${number}`));
      expect(crypto.verify(signer.publicKey, message, signer.sign(message))).toBe(true);
      expect(crypto.verify(signer.publicKey, message, signature)).toBe(false);
    }
    expect(crypto.verify(publicKey, message, signature)).toBe(true);
  });
});

describe.each([
  ["by Node's own interface", nodeGcm],
  ["called directly", openDirectGcm()],
])("AES-256-GCM %s", (_way, gcm) => {
  if (gcm === null) throw new Error("the OpenSSL of this Node cannot be called");
  const made = createCrypto(gcm);
  const key = made.sha256("key");
  const nonce = new Uint8Array(12).fill(7);
  const associated = utf8("record 7");

  it("gives the value of the GCM specification (test case 14)", () => {
    const sealed = made.seal(new Uint8Array(32), new Uint8Array(12), new Uint8Array(16), new Uint8Array());
    expect(Buffer.from(sealed).toString("hex")).toBe(
      "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
    );
  });

  it("opens what it sealed, empty and long", () => {
    for (const size of [0, 1, 15, 16, 17, 100_000]) {
      const plain = new Uint8Array(size).fill(size & 0xff);
      const sealed = made.seal(key, nonce, plain, associated);
      expect(sealed.length).toBe(size + 16);
      expect(made.open(key, nonce, sealed, associated)).toEqual(plain);
    }
  });

  it("throws when any byte, the key, the nonce or the associated data changed", () => {
    const sealed = made.seal(key, nonce, utf8("secret"), associated);
    for (let place = 0; place < sealed.length; place++) {
      const changed = sealed.slice();
      changed[place] = (changed[place] ?? 0) ^ 1;
      expect(() => made.open(key, nonce, changed, associated)).toThrow();
    }
    expect(() => made.open(made.sha256("other"), nonce, sealed, associated)).toThrow();
    expect(() => made.open(key, new Uint8Array(12), sealed, associated)).toThrow();
    expect(() => made.open(key, nonce, sealed, utf8("record 8"))).toThrow();
    expect(() => made.open(key, nonce, sealed.subarray(0, sealed.length - 1), associated)).toThrow();
    expect(() => made.open(key, nonce, sealed.subarray(0, 15), associated)).toThrow(RangeError);
  });

  it("refuses a key or a nonce of another length", () => {
    expect(() => made.seal(key.subarray(0, 16), nonce, utf8("x"), associated)).toThrow(RangeError);
    expect(() => made.seal(key, new Uint8Array(16), utf8("x"), associated)).toThrow(RangeError);
    expect(() => made.open(key, new Uint8Array(8), new Uint8Array(16), associated)).toThrow(RangeError);
  });

  it("leaves what it read as it was, and its own neighbours too", () => {
    const [keyThen, nonceThen, plain] = [key.slice(), nonce.slice(), utf8("the same")];
    const first = made.seal(key, nonce, plain, associated);
    const kept = first.slice();
    const others = Array.from({ length: 300 }, (_, size) => made.seal(key, nonce, new Uint8Array(size), associated));
    expect(first).toEqual(kept);
    for (const [size, sealed] of others.entries()) expect(made.open(key, nonce, sealed, associated).length).toBe(size);
    expect([key, nonce, plain]).toEqual([keyThen, nonceThen, utf8("the same")]);
  });

  it("seals and opens as before after something that it refused", () => {
    const sealed = made.seal(key, nonce, utf8("secret"), associated).slice();
    expect(() => made.open(key, nonce, sealed, utf8("record 8"))).toThrow();
    expect(made.seal(key, nonce, utf8("secret"), associated)).toEqual(sealed);
    expect(made.open(key, nonce, sealed, associated)).toEqual(utf8("secret"));
  });
});

describe("both ways to AES-256-GCM", () => {
  it("write the same bytes, and each opens what the other sealed", () => {
    const [node, direct] = [createCrypto(nodeGcm), createCrypto(openDirectGcm() ?? undefined)];
    const bytes = fc.uint8Array({ maxLength: 5000 });
    const exactly = (length: number): fc.Arbitrary<Uint8Array> =>
      fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(exactly(32), exactly(12), bytes, bytes, (key, nonce, plain, associated) => {
        const sealed = direct.seal(key, nonce, plain, associated);
        expect(sealed).toEqual(node.seal(key, nonce, plain, associated));
        expect(node.open(key, nonce, sealed, associated)).toEqual(plain);
        expect(direct.open(key, nonce, sealed, associated)).toEqual(plain);
      }),
    );
  });
});
