import { canonicalize } from "../kernel/canonical.ts";
import { encodeUtf8, fromBase64 } from "../protocol/bytes.ts";
import { verifyProof, type ProofVerdict } from "../protocol/log-proof.ts";
import { createTreeHasher } from "../protocol/merkle.ts";
import { verifyConsistency } from "../protocol/merkle-proof.ts";
import { checkpointText, parseCheckpoint, readNoteKey, type CheckpointBody } from "../protocol/note.ts";
import type { LogRecord } from "../protocol/record.ts";
import type { LogProof } from "../protocol/requests.ts";
import { SALT_DIGITS } from "../protocol/sealed.ts";
import { ask, Refused } from "./api.ts";
import { byBrowser } from "./by-browser.ts";
import { recall, remember } from "./seen-log.ts";
import { digestOf } from "./sha256.ts";

/*
 * Records are checked here, by the code that `aios log check` uses, with the hashes and signatures of this browser. What the
 * monitor says is believed only as far as it leads to a checkpoint that the log's key signed, and that has grown from the
 * last one that this browser verified (TAMPER-SHOWS).
 */

/** What came of it: the checkpoint, and the size of the one that was verified here before; or what does not fit. */
export type Checked =
  | { readonly kind: "verified"; readonly size: number; readonly key: string; readonly before: number | null }
  | { readonly kind: "refused"; readonly why: string };

/** Checks that a record that is shown stands at its place in the log. Throws Refused when the monitor gives no proof. */
export async function checkRecord(record: LogRecord): Promise<{ readonly proof: LogProof; readonly checked: Checked }> {
  const [{ proof }, { key }] = await Promise.all([ask("log-prove", { seq: record.seq }), ask("checkpoint", {})]);
  return { proof, checked: await checkProof(record, { proof, key }) };
}

async function checkProof(
  record: LogRecord,
  { proof, key }: { readonly proof: LogProof; readonly key: string },
): Promise<Checked> {
  const known = recall("log-key");
  if (known !== null && known !== key)
    return refused(`the log's key is ${key}, and this browser has known it as ${known}`);
  if (proof.record !== canonicalize({ ...record })) return refused("the proof is of another record than the one shown");
  const verdict = await byBrowser((powers): ProofVerdict => {
    const read = readNoteKey((data) => powers.sha256(data), key);
    if (read === null) return refused("the monitor gives no key that can be read");
    return verifyProof(proof, { powers, publicKey: read.publicKey, origin: read.name });
  });
  if (verdict.kind === "refused") return verdict;
  const { checkpoint } = verdict;
  const before = readSeen();
  const grown = before === null ? null : await whyNotGrown(before, checkpoint);
  if (grown !== null) return refused(grown);
  remember("log-key", key);
  if (before === null || checkpoint.size > before.size) remember("log-checkpoint", checkpointText(checkpoint));
  return { kind: "verified", size: checkpoint.size, key, before: before?.size ?? null };
}

/**
 * The text of a payload that the record commits to, or why what is given is none; null when nobody opens it, since its key was
 * destroyed or it is too large for one answer. Throws Refused.
 */
export async function openPayload({
  seq,
  payload,
}: LogRecord): Promise<
  { readonly kind: "fits"; readonly text: string } | { readonly kind: "refused"; readonly why: string } | null
> {
  const { entries } = await ask("log-disclose", { from: seq, to: seq + 1, size: seq + 1 });
  const salted = entries[0]?.salted ?? null;
  if (payload === null || salted === null) return null;
  const bytes = encodeUtf8(salted).length - SALT_DIGITS;
  return (await digestOf(salted)) === payload.digest && bytes === payload.bytes
    ? { kind: "fits", text: salted.slice(SALT_DIGITS) }
    : refused("what is given as sealed beside it is not what the record commits to");
}

/** Why a checkpoint is of no log that has grown from the earlier one, or that it has grown into; null when it is. */
async function whyNotGrown(seen: CheckpointBody, now: CheckpointBody): Promise<string | null> {
  const [older, newer] = seen.size <= now.size ? [seen, now] : [now, seen];
  const answer = await ask("log-grown", { from: older.size, to: newer.size }).catch((error: unknown) => {
    if (error instanceof Refused && error.code === "bad-request") return null;
    throw error;
  });
  if (answer === null) return `this browser has verified ${newer.size} records of it, and now it has fewer: it was cut`;
  const hashes = answer.path.map(fromBase64);
  const grown = await byBrowser((powers) =>
    verifyConsistency(
      createTreeHasher((data) => powers.sha256(data)),
      {
        from: older.size,
        to: newer.size,
        path: hashes.filter((hash) => hash !== null),
        fromRoot: older.root,
        toRoot: newer.root,
      },
    ),
  );
  return grown && seen.origin === now.origin
    ? null
    : `this is not the log that this browser verified at ${seen.size} records: it was changed, cut or replaced since`;
}

/** The checkpoint that was verified here last; what this browser kept and cannot read is none. */
function readSeen(): CheckpointBody | null {
  return parseCheckpoint(recall("log-checkpoint") ?? "");
}

function refused(why: string): { readonly kind: "refused"; readonly why: string } {
  return { kind: "refused", why };
}
