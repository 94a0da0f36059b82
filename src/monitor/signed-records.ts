import { canonicalize } from "../kernel/canonical.ts";
import { isObject, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { fromBase64 } from "../protocol/bytes.ts";
import { decode } from "../protocol/decode.ts";
import { verifyEnvelope } from "../protocol/dsse.ts";
import type { LogRecord, RecordKind } from "../protocol/record.ts";
import { ENVELOPE, keyId, type Purpose } from "../protocol/statement.ts";
import type { Crypto } from "../platform/powers.ts";
import { StateFault } from "./reducer.ts";
import type { State } from "./state.ts";

/** Records that add authority, and the purpose their statement must have. */
const SIGNED: ReadonlyMap<RecordKind, Purpose> = new Map([
  ["owner-enrolled", "enrol-owner"],
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
  ["payload-erased", "erase-payload"],
  ["instance-thawed", "thaw-instance"],
  ["all-thawed", "thaw-all"],
  ["hold-lifted", "lift-hold"],
  ["agent-restarted", "restart-agent"],
  ["home-put", "put-home-file"],
  ["home-wiped", "wipe-home"],
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
  const { key } = record;
  const document = payload?.["document"];
  const envelope = decode(ENVELOPE, payload?.["envelope"] ?? null);
  if (envelope.kind !== "ok") throw new StateFault(record.seq, `it holds no envelope: ${envelope.message}`);
  const verified = verifyEnvelope(envelope.value, {
    findKey: (id) =>
      id === key ? (state.owners.get(id)?.publicKey ?? firstKey(id, { state, document, crypto })) : null,
    verify: crypto.verify,
  });
  if (verified.kind !== "ok") throw new StateFault(record.seq, `its statement does not verify (${verified.code})`);
  const { statement } = verified;
  if (statement.purpose !== purpose || statement.decision !== "allow") {
    throw new StateFault(record.seq, `its statement was signed for ${statement.purpose}`);
  }
  if (document === undefined || statement.subject !== crypto.digest(canonicalize(document))) {
    throw new StateFault(record.seq, "its statement was signed over something else");
  }
  // Of the others the state takes what it needs from the document; what was put stands in the record alone.
  if (record.kind === "payload-erased" && (!isObject(document) || document["record"] !== record.record)) {
    throw new StateFault(record.seq, "it tells of another record than the one that was signed");
  }
  if (record.kind === "home-put" && !tellsOf(record, document, crypto)) {
    throw new StateFault(record.seq, "it tells of another file than the one that was signed");
  }
}

function tellsOf(record: Extract<LogRecord, { kind: "home-put" }>, document: JsonValue, crypto: Crypto): boolean {
  if (!isObject(document) || typeof document["text"] !== "string") return false;
  const { agent, path, digest } = record;
  return document["agent"] === agent && document["path"] === path && crypto.digest(document["text"]) === digest;
}

function firstKey(
  id: string,
  {
    state,
    document,
    crypto,
  }: { readonly state: State; readonly document: JsonValue | undefined; readonly crypto: Crypto },
): Uint8Array | null {
  if (state.owners.size > 0 || document === undefined) return null;
  const text = isObject(document) ? document["publicKey"] : null;
  const raw = typeof text === "string" ? fromBase64(text) : null;
  return raw !== null && keyId(raw, crypto.sha256) === id ? raw : null;
}
