import { canonicalize } from "../../../src/kernel/canonical.ts";
import { createCrypto } from "../../../src/platform/keys/crypto.ts";
import { createSigner } from "../../../src/platform/keys/signer.ts";
import { asJson } from "../../../src/protocol/as-json.ts";
import { encodeUtf8, toBase64, toHex } from "../../../src/protocol/bytes.ts";
import { createTreeHasher, foldNodes, GrowingTree } from "../../../src/protocol/merkle.ts";
import { consistencyRanges, inclusionRanges } from "../../../src/protocol/merkle-proof.ts";
import { checkpointText, noteKeyText, signNote } from "../../../src/protocol/note.ts";
import { sealPayload } from "../../../src/protocol/sealed.ts";
import { encodeBundle } from "../../../src/protocol/tile.ts";

const ORIGIN = "aios.example/log";
const SIZE = 5;

/** The vectors of `log.json`, computed again: five records, their bundle, tile, roots, checkpoint, proofs and one payload. */
export function makeVectors(): unknown {
  const crypto = createCrypto();
  const sha256 = (data: Uint8Array): Uint8Array => crypto.sha256(data);
  const hasher = createTreeHasher(sha256);
  const signer = createSigner(new Uint8Array(32).fill(1));
  const key = { name: ORIGIN, publicKey: signer.publicKey };
  const payload = sealPayload(canonicalize({ tool: "read", path: "/workspace/ä.txt" }), {
    powers: crypto,
    key: new Uint8Array(32).fill(2),
    salt: new Uint8Array(16).fill(3),
    place: { origin: ORIGIN, seq: 2 },
  });
  const leaves = Array.from({ length: SIZE }, (_, seq) => {
    const committed = seq === 2 ? payload.commitment : null;
    const record = { v: 1, seq, at: 1_790_000_000_000 + seq, start: "0".repeat(32), payload: committed, kind: "stop", why: `número ${seq}` };
    return canonicalize(asJson(record));
  });
  const hashes = leaves.map((leaf) => hasher.leaf(encodeUtf8(leaf)));
  const rootOf = (start: number, end: number): Uint8Array => {
    const tree = new GrowingTree(hasher);
    for (const hash of hashes.slice(start, end)) tree.append(hash);
    return end === start ? foldNodes(hasher, []) : tree.root();
  };
  const hex = (ranges: readonly { start: number; end: number }[]): readonly string[] =>
    ranges.map(({ start, end }) => toHex(rootOf(start, end)));
  const root = rootOf(0, SIZE);
  return {
    origin: ORIGIN,
    seed: toHex(new Uint8Array(32).fill(1)),
    key: noteKeyText(sha256, key),
    leaves,
    files: {
      [`tile/entries/000.p/${SIZE}`]: toBase64(encodeBundle(leaves.map((leaf) => encodeUtf8(leaf)))),
      [`tile/0/000.p/${SIZE}`]: hashes.map((hash) => toHex(hash)).join(""),
      checkpoint: signNote(checkpointText({ origin: ORIGIN, size: SIZE, root }), { key, sha256, sign: (message) => signer.sign(message) }),
    },
    roots: Array.from({ length: SIZE + 1 }, (_, size) => toHex(rootOf(0, size))),
    inclusion: leaves.map((_, seq) => hex(inclusionRanges(seq, SIZE))),
    consistency: Array.from({ length: SIZE + 1 }, (_, from) => hex(consistencyRanges(from, SIZE))),
    payload: {
      key: toHex(new Uint8Array(32).fill(2)),
      salt: toHex(new Uint8Array(16).fill(3)),
      text: canonicalize({ tool: "read", path: "/workspace/ä.txt" }),
      sealed: toHex(payload.sealed),
      commitment: payload.commitment,
    },
  };
}
