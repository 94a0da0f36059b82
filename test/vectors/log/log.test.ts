import { createDecipheriv, createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeVectors } from "./make.ts";

interface Vectors {
  readonly origin: string;
  readonly key: string;
  readonly leaves: readonly string[];
  readonly files: { readonly [path: string]: string };
  readonly roots: readonly string[];
  readonly payload: {
    readonly key: string;
    readonly salt: string;
    readonly text: string;
    readonly sealed: string;
    readonly commitment: { readonly digest: string; readonly bytes: number };
  };
}
const text = readFileSync(join(import.meta.dirname, "log.json"), "utf8");
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own file
const vectors = JSON.parse(text) as Vectors;
const sha256 = (...parts: readonly (Buffer | string)[]): Buffer => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

test("the code gives exactly these vectors", () => {
  expect(`${JSON.stringify(makeVectors(), null, 2)}\n`).toBe(text);
});

// What follows uses nothing of this project: it reads the files as a stranger would, from the specifications.
test("a stranger finds the root of the leaves in the checkpoint, signed by the key", () => {
  const [a = "", b = "", c = "", d = "", e = ""] = vectors.leaves.map((leaf) => sha256(Buffer.of(0), leaf).toString("hex"));
  expect(vectors.files["tile/0/000.p/5"]).toBe([a, b, c, d, e].join(""));
  const node = (left: string, right: string): string =>
    sha256(Buffer.of(1), Buffer.from(left, "hex"), Buffer.from(right, "hex")).toString("hex");
  const root = node(node(node(a, b), node(c, d)), e);
  expect(vectors.roots[5]).toBe(root);

  const note = vectors.files["checkpoint"] ?? "";
  const [body = "", signature = ""] = note.split("\n\n");
  expect(body).toBe(`${vectors.origin}\n5\n${Buffer.from(root, "hex").toString("base64")}`);
  const publicKey = Buffer.from(vectors.key.split("+").slice(2).join("+"), "base64").subarray(1);
  const signed = Buffer.from(signature.trim().split(" ")[2] ?? "", "base64");
  expect(signed.subarray(0, 4)).toEqual(sha256(`${vectors.origin}\n`, Buffer.of(1), publicKey).subarray(0, 4));
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), publicKey]);
  const imported = createPublicKey({ key: spki, format: "der", type: "spki" });
  expect(verify(null, Buffer.from(`${body}\n`), imported, signed.subarray(4))).toBe(true);
  expect(verify(null, Buffer.from(`${body}x\n`), imported, signed.subarray(4))).toBe(false);
});

test("a stranger who has the key of a payload opens it, and it is what the record commits to", () => {
  const { key, salt, sealed, commitment, text: payload } = vectors.payload;
  const bytes = Buffer.from(sealed, "hex");
  const nonce = Buffer.from(commitment.digest.slice("sha256:".length), "hex").subarray(0, 12);
  const decipher = createDecipheriv("aes-256-gcm", Buffer.from(key, "hex"), nonce, { authTagLength: 16 });
  decipher.setAAD(Buffer.from(`aios payload v1\n${vectors.origin}\n2\n`));
  decipher.setAuthTag(bytes.subarray(-16));
  const plain = Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]);
  expect(plain.toString()).toBe(salt + payload);
  expect(commitment).toEqual({ digest: `sha256:${sha256(plain).toString("hex")}`, bytes: Buffer.byteLength(payload) });
  expect(JSON.parse(vectors.leaves[2] ?? "")).toMatchObject({ payload: commitment });
});
