import { ROLES, type Role } from "../kernel/owner-roles.ts";
import { parseHttpUrl } from "../kernel/hosts.ts";
import { canonicalize } from "../kernel/canonical.ts";
import type { JsonValue } from "../kernel/json.ts";
import { CREDENTIAL_ID, OWNER_NAME } from "../kernel/names.ts";
import { fromBase64, toHex } from "./bytes.ts";
import { readCoseKey } from "./cose-key.ts";
import {
  decode,
  integer,
  literal,
  names,
  object,
  oneOf,
  refine,
  text,
  union,
  type DecodeResult,
  type Decoder,
} from "./decode.ts";

/** A passkey (WebAuthn), and where it is good: there alone (docs/formats/statement.md). */
export interface Passkey {
  readonly kind: "passkey";
  /** Id of the credential, base64url without padding. */
  readonly credential: string;
  /** Base64 of the COSE_Key, as the authenticator encoded it. */
  readonly publicKey: string;
  /** The relying party: the host of the origin. */
  readonly rpId: string;
  readonly origin: string;
  /** Its sign count when it was made; 0 for one that does not count. */
  readonly count: number;
}

/** The public key of an owner. */
export type OwnerKey = { readonly kind: "ed25519"; readonly publicKey: string } | Passkey;

/** An owner as another owner signs for them. */
export interface OwnerDocument {
  readonly name: string;
  /** In the order of `ROLES`, at least one. */
  readonly roles: readonly Role[];
  readonly key: OwnerKey;
}

/** Longest id of a credential in base64url: WebAuthn allows 1023 bytes. */
const LONGEST_ID = 1364;
/** A COSE key of RSA with 4096 bits, and less, in base64. */
const LONGEST_KEY = 720;
const MOST_COUNT = 2 ** 32 - 1;

const ed25519Key: Decoder<string> = refine(text({ max: 44 }), (written) =>
  fromBase64(written)?.length === 32 ? null : "is not 32 bytes in base64",
);
const coseKey: Decoder<string> = refine(text({ max: LONGEST_KEY }), (written) => {
  const bytes = fromBase64(written);
  return bytes !== null && readCoseKey(bytes)?.length === bytes.length ? null : "is not a key of ES256, EdDSA or RS256";
});
const origin: Decoder<string> = refine(text({ max: 300 }), (written) =>
  originHost(written) === null ? "is not an origin" : null,
);

/** Reads an owner's key. */
export const OWNER_KEY: Decoder<OwnerKey> = union<OwnerKey, "kind">("kind", {
  ed25519: object<Extract<OwnerKey, { kind: "ed25519" }>>({ kind: literal("ed25519"), publicKey: ed25519Key }),
  passkey: refine(
    object<Passkey>({
      kind: literal("passkey"),
      credential: text({ min: 2, max: LONGEST_ID, pattern: CREDENTIAL_ID, is: "the id of a credential" }),
      publicKey: coseKey,
      rpId: text({ min: 1, max: 253 }),
      origin,
      count: integer({ min: 0, max: MOST_COUNT }),
    }),
    // WebAuthn would allow a parent domain, which any sibling could use as well.
    (passkey) => (originHost(passkey.origin) === passkey.rpId ? null : "names another relying party than its origin"),
  ),
});

export const ownerName: Decoder<string> = text({ max: 63, pattern: OWNER_NAME, is: "the name of an owner" });
/** Roles of an owner, at least one, each once and in their order. */
export const ownerRoles: Decoder<readonly Role[]> = refine(
  names(oneOf(ROLES), { min: 1, max: ROLES.length }),
  (roles) => (roles.join() === ROLES.filter((role) => roles.includes(role)).join() ? null : "are not in their order"),
);

/** Reads an owner to be enrolled. */
export const OWNER_DOCUMENT: Decoder<OwnerDocument> = object<OwnerDocument>({
  name: ownerName,
  roles: ownerRoles,
  key: OWNER_KEY,
});

/** Reads the document of an `enrol-owner` or a `recover-owner`. */
export function decodeOwner(value: JsonValue): DecodeResult<OwnerDocument> {
  return decode(OWNER_DOCUMENT, value);
}

/** Host of an origin as a browser writes it, or null when the text is none. */
function originHost(written: string): string | null {
  const url = parseHttpUrl(written);
  if (url === null || url.path !== "") return null;
  // A browser leaves the usual port away, and no address can be a relying party.
  const usual = url.port === (url.scheme === "https" ? 443 : 80);
  return usual || /^[[0-9]/.test(url.host.split(".").at(-1) ?? "") ? null : url.host;
}

/** Raw bytes of a key: 32 of Ed25519, or the COSE_Key. */
export function keyBytes(key: OwnerKey): Uint8Array {
  const bytes = fromBase64(key.publicKey);
  if (bytes === null) throw new RangeError("Cannot take the bytes of a key that was not decoded");
  return bytes;
}

/**
 * The id of an owner's key: its kind and the first 16 hex digits of the SHA-256 of its bytes. It names a key among the
 * enrolled ones and proves nothing; signatures are checked under the whole key.
 */
export function ownerKeyId(key: OwnerKey, sha256: (data: Uint8Array) => Uint8Array): string {
  return `${key.kind}:${toHex(sha256(keyBytes(key))).slice(0, 16)}`;
}

/** The text of a key whose digest people compare on two screens before it is enrolled: all that is enrolled of it. */
export function ownerKeyText(key: OwnerKey): string {
  return canonicalize({ ...key });
}
