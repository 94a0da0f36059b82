import { describe, expect, test } from "vitest";
import { createCrypto } from "../platform/keys/crypto.ts";
import { createSigner } from "../platform/keys/signer.ts";
import { encodeUtf8, toBase64 } from "./bytes.ts";
import { sayPlace, verifyProof } from "./log-proof.ts";
import { createTreeHasher, GrowingTree } from "./merkle.ts";
import { checkpointText, signNote } from "./note.ts";
import type { LogProof } from "./requests.ts";

const crypto = createCrypto();
const sha256 = (data: Uint8Array): Uint8Array => crypto.sha256(data);
const hasher = createTreeHasher(sha256);
const signer = createSigner(new Uint8Array(32).fill(4));
const origin = "aios.test/log";
const options = { powers: crypto, publicKey: signer.publicKey, origin };

const records = ['{"seq":0,"why":"a"}', '{"seq":1,"why":"b"}', '{"seq":2,"why":"c"}'];
const [first, second, third] = records.map((record) => hasher.leaf(encodeUtf8(record)));

function sign(body: { origin: string; size: number; root: Uint8Array }, name = origin): string {
  const key = { name, publicKey: signer.publicKey };
  return signNote(checkpointText(body), { key, sha256, sign: (message) => signer.sign(message) });
}
function rootOf(...leaves: readonly (Uint8Array | undefined)[]): Uint8Array {
  const tree = new GrowingTree(hasher);
  for (const leaf of leaves) tree.append(leaf ?? hasher.empty);
  return tree.root();
}
const root = rootOf(first, second, third);
/** Of the second record in a tree of three: its left neighbour, then the third. */
const proof: LogProof = {
  v: 1,
  seq: 1,
  record: records[1] ?? "",
  path: [first, third].map((hash) => toBase64(hash ?? hasher.empty)),
  checkpoint: sign({ origin, size: 3, root }),
};

describe("a proof of one record", () => {
  test("verifies with nothing but the key and the name of the log", () => {
    expect(verifyProof(proof, options)).toEqual({ kind: "verified", checkpoint: { origin, size: 3, root } });
  });

  test.each<[string, Partial<LogProof>]>([
    ["another record", { record: records[2] ?? "" }],
    ["an edited record", { record: '{"seq":1,"why":"B"}' }],
    ["another place", { seq: 2 }],
    ["a place before the first", { seq: -1 }],
    ["a place past the end", { seq: 3 }],
    ["no path", { path: [] }],
    ["a path with a step too many", { path: [...proof.path, proof.path[0] ?? ""] }],
    ["a path in another order", { path: proof.path.toReversed() }],
    ["a path of something that is no hash", { path: ["AAAA", proof.path[1] ?? ""] }],
    ["a path that is no base64", { path: ["!", proof.path[1] ?? ""] }],
    ["a record with a lone surrogate", { record: '{"seq":1,"why":"\ud800"}' }],
    ["a record that is no JSON", { record: "seq 1" }],
    ["a checkpoint of a smaller tree", { checkpoint: sign({ origin, size: 2, root }) }],
    ["a checkpoint of a larger tree", { checkpoint: sign({ origin, size: 6, root }) }],
    ["a checkpoint of another root", { checkpoint: sign({ origin, size: 3, root: rootOf(first, second) }) }],
    ["a checkpoint that names another log", { checkpoint: sign({ origin: "another", size: 3, root }) }],
    ["a checkpoint signed under another name", { checkpoint: sign({ origin, size: 3, root }, "another") }],
    ["a checkpoint changed after signing", { checkpoint: proof.checkpoint.replace("\n3\n", "\n2\n") }],
    ["no checkpoint", { checkpoint: "" }],
  ])("is refused with %s", (_, change) => {
    expect(verifyProof({ ...proof, ...change }, options).kind).toBe("refused");
  });

  test("is refused under another key or for another log", () => {
    const other = createSigner(new Uint8Array(32).fill(5)).publicKey;
    expect(verifyProof(proof, { ...options, publicKey: other }).kind).toBe("refused");
    expect(verifyProof(proof, { ...options, origin: "another" }).kind).toBe("refused");
  });

  // The tree would bear this out: a leaf of another place is a leaf. Only the record's own number shows the move.
  test("is refused when a signed tree holds the record at a place that is not its own", () => {
    const moved = rootOf(second, first);
    const checkpoint = sign({ origin, size: 2, root: moved });
    const path = [toBase64(first ?? hasher.empty)];
    expect(verifyProof({ ...proof, seq: 0, path, checkpoint }, options).kind).toBe("refused");
    const right = sign({ origin, size: 2, root: rootOf(first, second) });
    expect(verifyProof({ ...proof, path, checkpoint: right }, options).kind).toBe("verified");
  });
});

test("a leaf says its place only as a number in an object", () => {
  expect(sayPlace('{"seq":7}', 7)).toBe(true);
  for (const leaf of ['{"seq":"7"}', '{"seq":8}', "{}", "[7]", "7", "null", "", "{", '{"seq":[7]}']) {
    expect(sayPlace(leaf, 7), leaf).toBe(false);
  }
});
