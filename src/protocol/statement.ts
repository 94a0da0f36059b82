import { canonicalize } from "../kernel/canonical.ts";
import { PURPOSES, type Purpose } from "../kernel/owner-roles.ts";
import { KEY_ID, REQUEST_NONCE, SHA256 } from "../kernel/names.ts";
import { isObject, type JsonValue } from "../kernel/json.ts";
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
import { ASSERTION_FIELDS, type Assertion } from "./passkey.ts";
import { Refusal } from "./refusal.ts";
import { SECOND_CODE } from "./second-screen.ts";

export { PURPOSES, type Purpose };

/** Purposes of statements that one sentence says all of. */
export const PLAIN_PURPOSES = [
  "thaw-instance",
  "thaw-all",
  "restart-agent",
  "lift-hold",
  "revoke-grant",
  "stop-recovery",
  "release-memory",
] as const;
export type PlainPurpose = Extract<Purpose, (typeof PLAIN_PURPOSES)[number]>;

/** What an owner signs. One shape for every authority-bearing act, told apart by `purpose`; docs/formats/statement.md. */
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
  /**
   * `sha256:…` of what was shown beside the document and must still hold when the statement comes in: of an action that
   * writes a file, what lay there. Only of `approve-action`, and absent where nothing was.
   */
  readonly beside?: string;
  /**
   * The code that a terminal told the person about this action or grant (`second-screen.ts`): of `approve-action` and
   * `sign-grant` by a passkey, where an owner demands it.
   */
  readonly second?: string;
  /** Id of the key that signs: its kind and 16 hex digits (`ownerKeyId`). */
  readonly key: string;
}

/** Media type of a signed statement. It is part of what is signed, so that no signature serves another purpose. */
export const STATEMENT_TYPE = "application/vnd.aios.statement.v1+json";

/** DSSE envelope (github.com/secure-systems-lab/dsse), one signature. Base64 is the standard alphabet, padded. */
export interface Envelope {
  readonly payloadType: typeof STATEMENT_TYPE;
  readonly payload: string;
  readonly signatures: readonly [EnvelopeSignature];
}

/** Of Ed25519 over the pre-authentication encoding, or of a passkey, whose challenge is the SHA-256 of it. */
export type EnvelopeSignature =
  { readonly keyid: string; readonly sig: string } | ({ readonly keyid: string } & Assertion);

/** Last moment that ECMAScript can name, milliseconds since 1970 UTC. */
const END_OF_TIME = 8_640_000_000_000_000;

const keyIdText: Decoder<string> = text({ max: 25, pattern: KEY_ID, is: "a key id" });

/** What the monitor draws up; the owner adds the decision and the key, and the code of a second screen. */
export type UnsignedStatement = Omit<Statement, "key" | "decision" | "second">;

const unsigned: Fields<Omit<UnsignedStatement, "beside">> = {
  v: literal(1),
  purpose: oneOf(PURPOSES),
  nonce: text({ max: 32, pattern: REQUEST_NONCE, is: "a nonce" }),
  subject: text({ max: 71, pattern: SHA256, is: "a digest" }),
  policy: text({ max: 71, pattern: SHA256, is: "a digest" }),
  start: text({ max: 32, pattern: REQUEST_NONCE, is: "a start id" }),
  expires: integer({ min: 0, max: END_OF_TIME }),
};

const beside = text({ max: 71, pattern: SHA256, is: "a digest" });

/** The same with `beside`, which no other purpose has. */
const unsignedBeside: Fields<Required<UnsignedStatement>> = {
  ...unsigned,
  purpose: oneOf(["approve-action"]),
  beside,
};

/** Reads a statement that nobody has signed. */
export const UNSIGNED: Decoder<UnsignedStatement> = either(
  "beside",
  object<Omit<UnsignedStatement, "beside">>(unsigned),
  object<Required<UnsignedStatement>>(unsignedBeside),
);

const signed = { decision: oneOf(["allow", "deny"] as const), key: keyIdText };
const second = text({ max: 8, pattern: SECOND_CODE, is: "a code of a second screen" });
/** A yes with the code of a second screen; a denial takes none. */
const SECONDED = ["approve-action", "sign-grant"] as const;
const seconded = { decision: literal("allow"), key: keyIdText, second } as const;

/** Reads a statement; the signature over it is another matter (`dsse.ts`). */
export const STATEMENT: Decoder<Statement> = either(
  "second",
  either(
    "beside",
    object<Omit<Statement, "beside" | "second">>({ ...unsigned, ...signed }),
    object<Omit<Required<Statement>, "second">>({ ...unsignedBeside, ...signed }),
  ),
  either(
    "beside",
    object<Omit<Required<Statement>, "beside">>({ ...unsigned, ...seconded, purpose: oneOf(SECONDED) }),
    object<Required<Statement>>({ ...unsignedBeside, ...seconded }),
  ),
);

/** Which of two shapes a statement has, told by the field that only one has. */
function either<T>(field: "beside" | "second", plain: Decoder<T>, besides: Decoder<T>): Decoder<T> {
  return (value, refusal) =>
    isObject(value) && Object.hasOwn(value, field) ? besides(value, refusal) : plain(value, refusal);
}

const plainSignature = object({ keyid: keyIdText, sig: text({ max: 88 }) });
const passkeySignature = object({ keyid: keyIdText, ...ASSERTION_FIELDS });

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
  const first: JsonValue = value[0];
  const id = isObject(first) ? first["keyid"] : null;
  const only =
    typeof id === "string" && id.startsWith("passkey:")
      ? passkeySignature(first, refusal)
      : plainSignature(first, refusal);
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

/** The id of an owner's key of Ed25519, from its raw 32 bytes. */
export function keyId(publicKey: Uint8Array, sha256: (data: Uint8Array) => Uint8Array): string {
  if (publicKey.length !== 32) throw new RangeError(`Cannot name a key of ${publicKey.length} bytes: Ed25519 has 32`);
  return `ed25519:${toHex(sha256(publicKey)).slice(0, 16)}`;
}
