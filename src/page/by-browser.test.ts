import { describe, expect, test } from "vitest";
import { createCrypto } from "../platform/keys/crypto.ts";
import { createSigner } from "../platform/keys/signer.ts";
import { encodeUtf8, toBase64 } from "../protocol/bytes.ts";
import { verifyProof } from "../protocol/log-proof.ts";
import { createTreeHasher, GrowingTree } from "../protocol/merkle.ts";
import { checkpointText, signNote } from "../protocol/note.ts";
import { byBrowser } from "./by-browser.ts";

/* Node has the browser's own cryptography too. */

const crypto = createCrypto();
const sha256 = (data: Uint8Array): Uint8Array => crypto.sha256(data);
const hasher = createTreeHasher(sha256);
const { publicKey, sign } = createSigner(new Uint8Array(32).fill(4));
const key = { name: "aios.test/log", publicKey };
const record = '{"seq":0,"why":"a"}';
const other = hasher.leaf(encodeUtf8("other"));
const tree = new GrowingTree(hasher);
for (const leaf of [hasher.leaf(encodeUtf8(record)), other]) tree.append(leaf);
const text = checkpointText({ origin: key.name, size: 2, root: tree.root() });
const proof = {
  v: 1,
  seq: 0,
  record,
  path: [toBase64(other)],
  checkpoint: signNote(text, { key, sha256, sign: (message) => sign(message) }),
} as const;

describe("a check with the browser's cryptography", () => {
  test.each([
    ["a proof that holds", proof],
    ["a record that was edited", { ...proof, record: '{"seq":0,"why":"b"}' }],
    ["a path to another root", { ...proof, path: [toBase64(hasher.empty)] }],
    ["a checkpoint that was edited", { ...proof, checkpoint: proof.checkpoint.replace("\n2\n", "\n3\n") }],
  ])("comes to what the same check does at once: %s", async (_, given) => {
    const at = { publicKey, origin: key.name };
    const verdict = verifyProof(given, { ...at, powers: crypto });
    expect(await byBrowser((powers) => verifyProof(given, { ...at, powers }))).toEqual(verdict);
  });

  test("throws what the check throws, and ends when the check wants ever more", async () => {
    const wrong = (): never => {
      throw new RangeError("no");
    };
    await expect(byBrowser(wrong)).rejects.toThrow(RangeError);
    let count = 0;
    const endless = byBrowser((powers) => powers.sha256(encodeUtf8(String((count += 1)))));
    await expect(endless).rejects.toThrow("more hashes");
  });
});
