import type { ReasonCode } from "../kernel/codes.ts";
import { parseJson } from "../kernel/json.ts";
import { decodeUtf8, encodeUtf8, fromBase64, toBase64 } from "./bytes.ts";
import { keyBytes, type OwnerKey } from "./owner-key.ts";
import { pae } from "./pae.ts";
import { verifyAssertion, type PasskeyPowers } from "./passkey.ts";
import { decodeStatement, STATEMENT_TYPE, statementText, type Envelope, type Statement } from "./statement.ts";

export { pae } from "./pae.ts";

/** Why an envelope does not verify: those of the kernel's reason codes that can be told from the envelope alone. */
export type EnvelopeCode = Extract<ReasonCode, "malformed" | "not-canonical" | "wrong-purpose" | "bad-signature">;

/** The statement that an envelope proves, or why it proves none. */
export type Verified =
  /** `count`: the sign count of the passkey that signed, null under another kind of key. */
  | { readonly kind: "ok"; readonly statement: Statement; readonly count: number | null }
  | { readonly kind: "refused"; readonly code: EnvelopeCode; readonly message: string };

/** What checking a signature takes; `verify` is Ed25519 over raw keys (RFC 8032) and never throws. */
export interface EnvelopeKeys {
  /** The key of an enrolled owner, or null when there is none with this id. */
  findKey(keyid: string): OwnerKey | null;
  /** Where a passkey must have signed: the origin of the console that runs, or null for what was taken in already. */
  readonly at: string | null;
  readonly crypto: PasskeyPowers & {
    verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  };
}

/** Signs a statement. The signer's key must be the one that the statement names; `verifyEnvelope` refuses any other. */
export function sealEnvelope(statement: Statement, signer: { sign(message: Uint8Array): Uint8Array }): Envelope {
  const payload = encodeUtf8(statementText(statement));
  const signature = signer.sign(pae(STATEMENT_TYPE, payload));
  return {
    payloadType: STATEMENT_TYPE,
    payload: toBase64(payload),
    signatures: [{ keyid: statement.key, sig: toBase64(signature) }],
  };
}

/**
 * Checks an envelope and gives the statement in it. The payload is parsed only once its signature has verified, and must
 * be the canonical bytes of the statement: one signature never stands for two texts (SHOWN-SIGNED-RUN).
 * Nonce, subject, policy, start and expiry are for the caller, who knows what was asked.
 */
export function verifyEnvelope(envelope: Envelope, keys: EnvelopeKeys): Verified {
  const [signature, ...others] = envelope.signatures;
  // The decoder has seen to the type and the one signature already; here they decide, so they are looked at here.
  const type: string = envelope.payloadType;
  if (type !== STATEMENT_TYPE) return refuse("wrong-purpose", "the envelope holds no statement of this system");
  if (others.length > 0) return refuse("malformed", "the envelope does not hold exactly one signature");
  const payload = fromBase64(envelope.payload);
  const sig = fromBase64(signature.sig);
  if (payload === null || sig === null) return refuse("malformed", "payload or signature is not strict base64");
  const key = keys.findKey(signature.keyid);
  if (key === null) return refuse("bad-signature", "no owner is enrolled with the key that signed");
  const message = pae(STATEMENT_TYPE, payload);
  if ("clientData" in signature) {
    if (key.kind !== "passkey") return refuse("bad-signature", "the signature is a passkey's, the key is not");
    const asserted = verifyAssertion(key, { assertion: signature, message, at: keys.at }, keys.crypto);
    if (asserted.kind === "refused") return refuse("bad-signature", asserted.message);
    return readPayload(payload, { keyid: signature.keyid, count: asserted.count });
  }
  if (key.kind !== "ed25519") return refuse("bad-signature", "the key is a passkey, the signature is not");
  if (sig.length !== 64) return refuse("bad-signature", `the signature has ${sig.length} bytes, Ed25519 has 64`);
  if (!keys.crypto.verify(keyBytes(key), message, sig)) {
    return refuse("bad-signature", "the signature does not verify");
  }
  return readPayload(payload, { keyid: signature.keyid, count: null });
}

function readPayload(
  payload: Uint8Array,
  { keyid, count }: { readonly keyid: string; readonly count: number | null },
): Verified {
  const text = decodeUtf8(payload);
  if (text === null) return refuse("malformed", "the payload is not UTF-8");
  const parsed = parseJson(text, { maxLength: 4096, maxDepth: 2, maxValues: 32 });
  if (parsed.kind === "refused") return refuse("malformed", `the payload is refused: ${parsed.message}`);
  const decoded = decodeStatement(parsed.value);
  if (decoded.kind === "refused") {
    return refuse("malformed", `the payload is no statement: ${decoded.path} ${decoded.message}`);
  }
  if (statementText(decoded.value) !== text) return refuse("not-canonical", "the payload is not in canonical form");
  if (decoded.value.key !== keyid)
    return refuse("bad-signature", "the statement names another key than the one that signed");
  return { kind: "ok", statement: decoded.value, count };
}

function refuse(code: EnvelopeCode, message: string): Verified {
  return { kind: "refused", code, message };
}
