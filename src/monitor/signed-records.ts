import { canonicalize } from "../kernel/canonical.ts";
import { isObject, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { decode } from "../protocol/decode.ts";
import { verifyEnvelope } from "../protocol/dsse.ts";
import { decodeOwner, ownerKeyId } from "../protocol/owner-key.ts";
import type { LogRecord, RecordKind } from "../protocol/record.ts";
import { ENVELOPE, type Purpose } from "../protocol/statement.ts";
import type { Crypto } from "../platform/powers.ts";
import { StateFault } from "./reducer.ts";
import { isForSigner, keyOfSigner } from "./signers.ts";
import type { State } from "./state.ts";

/** Records that add authority, and the purpose their statement must have. */
export const SIGNED: ReadonlyMap<RecordKind, Purpose> = new Map([
  ["owner-enrolled", "enrol-owner"],
  ["owner-removed", "remove-owner"],
  ["recovery-set", "set-recovery"],
  ["recovery-begun", "recover-owner"],
  ["recovery-stopped", "stop-recovery"],
  ["grant-signed", "sign-grant"],
  ["grant-revoked", "revoke-grant"],
  ["policy-set", "set-policy"],
  ["clock-set", "set-clock"],
  ["secret-set", "set-secret"],
  ["secret-rotated", "rotate-secret"],
  ["secret-bound", "bind-secret"],
  ["secret-removed", "remove-secret"],
  ["provider-set", "set-provider"],
  ["provider-removed", "remove-provider"],
  ["witnesses-set", "set-witnesses"],
  ["telemetry-set", "set-telemetry"],
  ["second-screen-set", "set-second-screen"],
  ["publishers-set", "set-publishers"],
  ["retention-set", "set-retention"],
  ["payload-erased", "erase-payload"],
  ["instance-thawed", "thaw-instance"],
  ["all-thawed", "thaw-all"],
  ["hold-lifted", "lift-hold"],
  ["away-begun", "go-away"],
  ["agent-restarted", "restart-agent"],
  ["home-put", "put-home-file"],
  ["home-wiped", "wipe-home"],
  ["memory-frozen", "freeze-memory"],
  ["memory-erased", "erase-memory"],
  ["memory-budget-set", "set-memory-budget"],
  ["memory-released", "release-memory"],
  ["memory-imported", "import-memory"],
]);

/**
 * Checks, at every start, that what adds authority in the log is signed by an owner over exactly that document: who can
 * write the home can break the log, and still cannot grant (NO-SELF-WIDENING). Throws StateFault.
 */
export function checkSigned(
  record: LogRecord,
  { payload, state, crypto }: { readonly payload: JsonObject | null; readonly state: State; readonly crypto: Crypto },
): void {
  const purpose = SIGNED.get(record.kind);
  if (purpose === undefined || !("key" in record)) return;
  // The texts of a snapshot can be erased, and the signature over them goes too. Who had that done must have signed it (journal.ts).
  if (record.kind === "memory-frozen" && record.payload !== null && payload === null) return;
  const { key } = record;
  const document = payload?.["document"];
  const envelope = decode(ENVELOPE, payload?.["envelope"] ?? null);
  if (envelope.kind !== "ok") throw new StateFault(record.seq, `it holds no envelope: ${envelope.message}`);
  const verified = verifyEnvelope(envelope.value, {
    findKey: (id) => (id === key ? keyOfSigner(id, { state, document: document ?? null, crypto }) : null),
    at: null,
    crypto,
  });
  if (verified.kind !== "ok") throw new StateFault(record.seq, `its statement does not verify (${verified.code})`);
  const { statement } = verified;
  if (statement.purpose !== purpose || statement.decision !== "allow") {
    throw new StateFault(record.seq, `its statement was signed for ${statement.purpose}`);
  }
  if (!isForSigner(statement, state)) {
    throw new StateFault(record.seq, `${statement.key} may not sign for ${statement.purpose}`);
  }
  if (document === undefined || statement.subject !== crypto.digest(canonicalize(document))) {
    throw new StateFault(record.seq, "its statement was signed over something else");
  }
  // Of the others the state takes what it needs from the document; what was put stands in the record alone.
  if (record.kind === "payload-erased" && (!isObject(document) || document["record"] !== record.record)) {
    throw new StateFault(record.seq, "it tells of another record than the one that was signed");
  }
  if (record.kind === "retention-set" && !isSame(document, { days: { ...record.days } })) {
    throw new StateFault(record.seq, "it tells of other rules than those that were signed");
  }
  if (record.kind === "recovery-stopped" && (!isObject(document) || document["record"] !== record.record)) {
    throw new StateFault(record.seq, "it stops another recovery than the one that was signed");
  }
  if (record.kind === "owner-enrolled" || record.kind === "owner-removed" || record.kind === "recovery-begun") {
    if (ownerIn(document, crypto) !== record.owner)
      throw new StateFault(record.seq, "it tells of another owner than the one that was signed");
  }
  if (record.kind === "home-put" && !tellsOf(record, document, crypto)) {
    throw new StateFault(record.seq, "it tells of another file than the one that was signed");
  }
}

function isSame(one: JsonValue, other: JsonValue): boolean {
  return canonicalize(one) === canonicalize(other);
}

function tellsOf(record: Extract<LogRecord, { kind: "home-put" }>, document: JsonValue, crypto: Crypto): boolean {
  if (!isObject(document) || typeof document["text"] !== "string") return false;
  const { agent, path, digest } = record;
  return document["agent"] === agent && document["path"] === path && crypto.digest(document["text"]) === digest;
}

/** Id of the key that a document enrols, or removes. */
function ownerIn(document: JsonValue, crypto: Crypto): string | null {
  const owner = isObject(document) ? document["owner"] : null;
  if (typeof owner === "string") return owner;
  const decoded = decodeOwner(document);
  return decoded.kind === "ok" ? ownerKeyId(decoded.value.key, crypto.sha256) : null;
}
