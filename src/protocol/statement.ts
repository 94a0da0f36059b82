import { canonicalize } from "../kernel/canonical.ts";
import { REQUEST_NONCE, SHA256 } from "../kernel/names.ts";
import type { JsonValue } from "../kernel/json.ts";
import { toHex } from "./bytes.ts";
import {
  decode,
  integer,
  literal,
  object,
  oneOf,
  text,
  type DecodeResult,
  type Decoder,
  type Fields,
} from "./decode.ts";
import { Refusal } from "./refusal.ts";

/** What an owner signs. One shape for every authority-bearing act, told apart by `purpose`; docs/formats/statement.md. */
export const PURPOSES = [
  "enrol-owner",
  "approve-action",
  "sign-grant",
  "revoke-grant",
  "set-policy",
  "thaw-instance",
  "thaw-all",
  "lift-hold",
  "restart-agent",
  "set-clock",
  "put-home-file",
  "wipe-home",
  "set-secret",
  "rotate-secret",
  "bind-secret",
  "remove-secret",
  "set-provider",
  "set-witnesses",
  "erase-payload",
  "remove-provider",
] as const;
export type Purpose = (typeof PURPOSES)[number];

export interface Statement {
  readonly v: 1;
  readonly purpose: Purpose;
  readonly decision: "allow" | "deny";
  /** 32 lower-case hex digits: the request nonce of a held action, or one that the monitor drew. Used once. */
  readonly nonce: string;
  /** `sha256:…` of the canonical bytes of the action or document. */
  readonly subject: string;
  /** `sha256:…` of the rules in force. */
  readonly policy: string;
  /** Start id of the monitor: 32 lower-case hex digits. */
  readonly start: string;
  /** Milliseconds since 1970 UTC. */
  readonly expires: number;
  /** `ed25519:` and the first 16 hex digits of the SHA-256 of the raw public key. */
  readonly key: string;
}

/** Media type of a signed statement. It is part of what is signed, so that no signature serves another purpose. */
export const STATEMENT_TYPE = "application/vnd.aios.statement.v1+json";

/** DSSE envelope (github.com/secure-systems-lab/dsse), one signature, Ed25519. Base64 is the standard alphabet, padded. */
export interface Envelope {
  readonly payloadType: typeof STATEMENT_TYPE;
  readonly payload: string;
  readonly signatures: readonly [{ readonly keyid: string; readonly sig: string }];
}

/** Last moment that ECMAScript can name, milliseconds since 1970 UTC. */
const END_OF_TIME = 8_640_000_000_000_000;

/** Key id of an owner. */
export const KEY_ID: RegExp = /^ed25519:[0-9a-f]{16}$/;

/** What the monitor draws up; the owner adds the decision and the key. */
export type UnsignedStatement = Omit<Statement, "key" | "decision">;

const unsigned: Fields<UnsignedStatement> = {
  v: literal(1),
  purpose: oneOf(PURPOSES),
  nonce: text({ max: 32, pattern: REQUEST_NONCE, is: "a nonce" }),
  subject: text({ max: 71, pattern: SHA256, is: "a digest" }),
  policy: text({ max: 71, pattern: SHA256, is: "a digest" }),
  start: text({ max: 32, pattern: REQUEST_NONCE, is: "a start id" }),
  expires: integer({ min: 0, max: END_OF_TIME }),
};

/** Reads a statement that nobody has signed. */
export const UNSIGNED: Decoder<UnsignedStatement> = object<UnsignedStatement>(unsigned);

/** Reads a statement; the signature over it is another matter (`dsse.ts`). */
export const STATEMENT: Decoder<Statement> = object<Statement>({
  ...unsigned,
  decision: oneOf(["allow", "deny"]),
  key: text({ max: 24, pattern: KEY_ID, is: "a key id" }),
});

const signature = object({ keyid: text({ max: 24, pattern: KEY_ID, is: "a key id" }), sig: text({ max: 88 }) });

/** Reads an envelope: its shape only. */
export const ENVELOPE: Decoder<Envelope> = object<Envelope>({
  payloadType: literal(STATEMENT_TYPE),
  payload: text({ max: 4096 }),
  signatures: oneSignature,
});

/** Exactly one: with several, who signed would depend on which one a reader looks at. */
function oneSignature(
  ...[value, refusal]: Parameters<Decoder<Envelope["signatures"]>>
): ReturnType<Decoder<Envelope["signatures"]>> {
  if (!Array.isArray(value) || value.length !== 1) return refusal.expected("a list of exactly one signature", value);
  const only = signature(value[0], refusal);
  return only instanceof Refusal ? only.at(0) : [only];
}

/** Decodes a statement. */
export function decodeStatement(value: JsonValue): DecodeResult<Statement> {
  return decode(STATEMENT, value);
}

/** The one text of a statement, RFC 8785; its UTF-8 bytes are what is signed. */
export function statementText(statement: Statement): string {
  return canonicalize({ ...statement });
}

/**
 * The id of an owner's key: `ed25519:` and the first 16 hex digits of the SHA-256 of its raw 32 bytes.
 * It names a key among the enrolled ones and proves nothing; signatures are checked under the whole key.
 */
export function keyId(publicKey: Uint8Array, sha256: (data: Uint8Array) => Uint8Array): string {
  if (publicKey.length !== 32) throw new RangeError(`Cannot name a key of ${publicKey.length} bytes: Ed25519 has 32`);
  return `ed25519:${toHex(sha256(publicKey)).slice(0, 16)}`;
}
