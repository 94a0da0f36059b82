import { join } from "node:path";
import { readFileSync } from "node:fs";
import { CliFailure } from "../cli/failure.ts";
import type { LogKeySource, LogVerifier, Verified } from "../cli/powers.ts";
import { verifyLog } from "../monitor/log/verify.ts";
import { openLogReader } from "../platform/log-files.ts";
import type { Crypto } from "../platform/powers.ts";
import { createSigner } from "../platform/signer.ts";
import { decodeUtf8, fromBase64, toHex } from "../protocol/bytes.ts";
import { verifyProof } from "../protocol/log-proof.ts";
import { noteKeyText, type NoteKey } from "../protocol/note.ts";
import { readProof } from "../protocol/proof-file.ts";

/** Verifies logs and proofs in this process, from files alone. */
export function createLogVerifier(crypto: Crypto): LogVerifier {
  const sha256 = (data: Uint8Array): Uint8Array => crypto.sha256(data);
  const powers = { sha256, verify: crypto.verify.bind(crypto) };

  async function findKey(source: LogKeySource): Promise<NoteKey> {
    if (source.kind === "text") return readKeyText(source.text, sha256);
    const note = await openLogReader(logFolder(source.home)).read("checkpoint");
    const [name = ""] = (note === null ? "" : (decodeUtf8(note) ?? "")).split("\n");
    return { name, publicKey: readPublicKey(source.home) };
  }

  return {
    folder: logFolder,
    async verify({ folder: path, key: source, earlier }): Promise<Verified> {
      const key = await findKey(source);
      const options = { powers, publicKey: key.publicKey, origin: key.name };
      const verdict = await verifyLog(openLogReader(path), earlier === null ? options : { ...options, earlier });
      if (verdict.kind === "refused") {
        return { kind: "refused", code: "log-refused", at: verdict.at, why: verdict.why };
      }
      const facts = {
        origin: key.name,
        size: verdict.size,
        root: toHex(verdict.root),
        key: noteKeyText(sha256, key),
        grownFromEarlier: earlier !== null,
        payloads: "not-read",
      };
      const lines = [
        `${facts.size} records`,
        `root ${facts.root}`,
        `key  ${facts.key}`,
        "payloads, which may be erased, were not read",
      ];
      return {
        kind: "verified",
        facts,
        lines: earlier === null ? lines : [...lines, "grown from the earlier checkpoint"],
      };
    },
    async check({ text: written, key: source }): Promise<Verified> {
      const proof = readProof(written);
      if (proof === null) return { kind: "refused", code: "malformed", at: null, why: "it is not a proof" };
      const key = await findKey(source);
      const verdict = verifyProof(proof, { powers, publicKey: key.publicKey, origin: key.name });
      if (verdict.kind === "refused") return { kind: "refused", code: "proof-refused", at: null, why: verdict.why };
      const { origin, size } = verdict.checkpoint;
      return {
        kind: "verified",
        facts: { origin, size, seq: proof.seq, record: proof.record },
        lines: [`record ${proof.seq} of the log at size ${size}`, proof.record],
      };
    },
  };
}

function logFolder(home: string): string {
  return join(home, "log");
}

/** The public half of a home's log key. Whoever may read the file is the home's owner, who may see it. */
function readPublicKey(home: string): Uint8Array {
  try {
    const seed = readFileSync(join(home, "keys", "log-signing"));
    const { publicKey } = createSigner(seed);
    seed.fill(0);
    return publicKey;
  } catch {
    throw CliFailure.of(
      "no-home",
      `There is no log key in ${home}`,
      "name the home with --home, or the key with --key",
    );
  }
}

/** A note key in its text form; its id must fit, so that a mistyped key is told from a refused log. */
function readKeyText(written: string, sha256: (data: Uint8Array) => Uint8Array): NoteKey {
  const match = /^(?<name>[!-*,-~]{1,255})\+[0-9a-f]{8}\+(?<key>[A-Za-z0-9+/=]{44})$/u.exec(written);
  const bytes = fromBase64(match?.groups?.["key"] ?? "");
  const key = { name: match?.groups?.["name"] ?? "", publicKey: bytes?.subarray(1) ?? new Uint8Array() };
  if (bytes?.length !== 33 || bytes[0] !== 1 || noteKeyText(sha256, key) !== written) {
    throw CliFailure.of(
      "usage",
      `"${written}" is not the key of a log`,
      "it looks like name+01234567+AbCd...=, as aios log verify prints it",
    );
  }
  return key;
}
