import { expect, it } from "vitest";
import { createCrypto } from "./crypto.ts";
import { createSigner } from "./signer.ts";

const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));

it("gives the key and the signature of RFC 8032, 7.1, test 3", () => {
  const signer = createSigner(fromHex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"));
  expect(Buffer.from(signer.publicKey).toString("hex")).toBe(
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
  );
  expect(Buffer.from(signer.sign(fromHex("af82"))).toString("hex")).toBe(
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  );
});

it("makes signatures that verify, and only over what was signed", () => {
  const signer = createSigner(new Uint8Array(32).fill(9));
  const message = new TextEncoder().encode("approve");
  const signature = signer.sign(message);
  expect(createCrypto().verify(signer.publicKey, message, signature)).toBe(true);
  expect(createCrypto().verify(signer.publicKey, new TextEncoder().encode("approvf"), signature)).toBe(false);
});

it("does not depend on the seed's bytes after it was made, and shows nothing of them", () => {
  const seed = new Uint8Array(32).fill(5);
  const signer = createSigner(seed);
  const before = signer.sign(new Uint8Array(1));
  seed.fill(0);
  expect(signer.sign(new Uint8Array(1))).toEqual(before);
  expect(Object.keys(signer)).toEqual(["publicKey", "sign"]);
});

it("refuses a seed of another length", () => {
  for (const length of [0, 31, 33, 64]) expect(() => createSigner(new Uint8Array(length))).toThrow(RangeError);
});
