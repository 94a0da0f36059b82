import { isObject, parseJson, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { concatBytes, decodeUtf8, encodeUtf8, equalBytes, fromBase64, toBase64 } from "./bytes.ts";
import { CONSOLE_LABEL } from "./console-entry.ts";
import { readCoseKey, type CoseKey } from "./cose-key.ts";
import { text, type Decoder, type Fields } from "./decode.ts";
import { keyBytes, type Passkey } from "./owner-key.ts";
import { pae } from "./pae.ts";

// WebAuthn level 3, as far as it is needed: no attestation is asked for and no extension, so what a browser hands over
// has one form and is read without a CBOR parser (docs/decisions/owners.md).

/** Media types of what a passkey signs besides statements. In the challenge, so that none stands for another. */
export const SIGN_IN_TYPE = "application/vnd.aios.sign-in.v1+json";
export const ENROLMENT_TYPE = "application/vnd.aios.enrolment.v1+json";

/** What an authenticator and the browser before it give for `navigator.credentials.get`, each in base64. */
export interface Assertion {
  readonly sig: string;
  readonly authenticatorData: string;
  readonly clientData: string;
}

/** The same for `navigator.credentials.create`: what it signs there proves nothing to us. */
export interface Registration {
  readonly authenticatorData: string;
  readonly clientData: string;
}

/** What checking takes. `verifyCose` never throws: what cannot be verified is false. */
export interface PasskeyPowers {
  sha256(data: Uint8Array): Uint8Array;
  verifyCose(key: CoseKey, message: Uint8Array, signature: Uint8Array): boolean;
}

type Refused = { readonly kind: "refused"; readonly message: string };
/** The sign count that an assertion shows. */
export type Asserted = { readonly kind: "ok"; readonly count: number } | Refused;
export type Registered = { readonly kind: "ok"; readonly key: Passkey } | Refused;

/** Longest client data and authenticator data, characters of base64. */
const LONGEST_CLIENT_DATA = 4096;
const LONGEST_AUTHENTICATOR_DATA = 2816;

const authenticatorData: Decoder<string> = text({ max: LONGEST_AUTHENTICATOR_DATA });
const clientData: Decoder<string> = text({ max: LONGEST_CLIENT_DATA });
/** Fields of an assertion; a signature of RSA with 4096 bits is the longest. */
export const ASSERTION_FIELDS: Fields<Assertion> = { sig: text({ max: 684 }), authenticatorData, clientData };
export const REGISTRATION_FIELDS: Fields<Registration> = { authenticatorData, clientData };

// Authenticator data (section 6.1): SHA-256 of the relying party id, flags, sign count; then the new credential.
const RP_ID_BYTES = 32;
const HEAD_BYTES = 37;
const AAGUID_BYTES = 16;
const PRESENT = 0x01;
const VERIFIED = 0x04;
const BACKED_UP = 0x10;
const CAN_BE_BACKED_UP = 0x08;
const HAS_CREDENTIAL = 0x40;
const HAS_EXTENSIONS = 0x80;
const KNOWN_FLAGS = PRESENT | VERIFIED | BACKED_UP | CAN_BE_BACKED_UP | HAS_CREDENTIAL | HAS_EXTENSIONS;
/** `{"credProtect": 1 to 3}`, which a browser asks security keys for unasked; the level is the byte after it. */
const CRED_PROTECT = concatBytes([Uint8Array.of(0xa1, 0x6b), encodeUtf8("credProtect")]);

/** What a person signs in with, or enrols a passkey with: one text of the monitor's, signed or answered once. */
export function challengeOf(type: typeof SIGN_IN_TYPE | typeof ENROLMENT_TYPE, said: string): Uint8Array<ArrayBuffer> {
  return pae(type, encodeUtf8(said));
}

/**
 * Whether a passkey made this assertion over these bytes: the challenge is their SHA-256. Strict: the exact origin, no
 * frame of another, presence and verification of the user, no data besides. The sign count is for the caller to compare.
 * @param at the origin of the console that runs, to which it must have been given; null, for what was taken in already: any
 * that a console of the passkey's home has had.
 */
export function verifyAssertion(
  passkey: Passkey,
  {
    assertion,
    message,
    at,
  }: { readonly assertion: Assertion; readonly message: Uint8Array; readonly at: string | null },
  powers: PasskeyPowers,
): Asserted {
  const parts = readParts(assertion);
  const signature = fromBase64(assertion.sig);
  const cose = readCoseKey(keyBytes(passkey));
  if (parts === null || signature === null || cose === null) return refuse("the assertion is not strict base64");
  const problem =
    clientProblem(
      parts.client,
      { type: "webauthn.get", message, isAt: (said) => isOrigin(said, passkey, at) },
      powers,
    ) ?? headProblem(parts.authenticator, { rpId: passkey.rpId, asked: 0 }, powers);
  if (problem !== null) return refuse(problem);
  if (parts.authenticator.length !== HEAD_BYTES) return refuse("the authenticator data has bytes besides");
  const signed = concatBytes([parts.authenticator, powers.sha256(parts.client)]);
  if (!powers.verifyCose(cose.key, signed, signature)) return refuse("the signature does not verify");
  return { kind: "ok", count: countIn(parts.authenticator) };
}

/**
 * The passkey that a browser made for these bytes at this relying party. Nothing vouches for it but whoever enrols it.
 * @param at `origin` of the home, to which the passkey is bound; `at`: of the console that runs, where it must have been made.
 */
export function readRegistration(
  registration: Registration,
  at: { readonly message: Uint8Array; readonly rpId: string; readonly origin: string; readonly at: string },
  powers: Pick<PasskeyPowers, "sha256">,
): Registered {
  const parts = readParts(registration);
  if (parts === null) return refuse("the registration is not strict base64");
  const { authenticator, client } = parts;
  const problem =
    clientProblem(client, { type: "webauthn.create", message: at.message, isAt: (said) => said === at.at }, powers) ??
    headProblem(authenticator, { rpId: at.rpId, asked: HAS_CREDENTIAL }, powers);
  if (problem !== null) return refuse(problem);
  const idAt = HEAD_BYTES + AAGUID_BYTES + 2;
  const length = ((authenticator[idAt - 2] ?? 0) << 8) | (authenticator[idAt - 1] ?? 0);
  const id = authenticator.subarray(idAt, idAt + length);
  if (id.length !== length || length === 0 || length > 1023) return refuse("the id of the credential is cut off");
  const cose = readCoseKey(authenticator.subarray(idAt + length));
  if (cose === null) return refuse("the key is not one of ES256, EdDSA or RS256");
  const keyAt = idAt + length;
  const rest = authenticator.subarray(keyAt + cose.length);
  const extended = ((authenticator[RP_ID_BYTES] ?? 0) & HAS_EXTENSIONS) !== 0;
  if (extended ? !isCredProtect(rest) : rest.length > 0) return refuse("the authenticator data has bytes besides");
  return {
    kind: "ok",
    key: {
      kind: "passkey",
      credential: unpadded(id),
      publicKey: toBase64(authenticator.subarray(keyAt, keyAt + cose.length)),
      rpId: at.rpId,
      origin: at.origin,
      count: countIn(authenticator),
    },
  };
}

function readParts(given: Registration): { readonly authenticator: Uint8Array; readonly client: Uint8Array } | null {
  const authenticator = fromBase64(given.authenticatorData);
  const client = fromBase64(given.clientData);
  return authenticator === null || client === null ? null : { authenticator, client };
}

/**
 * What is wrong with the client data (section 5.8.1), or null. Members that are not known are let be, as the standard
 * says, and Chromium adds one at random so that nobody compares with a template; those that say where it was made are not.
 */
function clientProblem(
  bytes: Uint8Array,
  wanted: { readonly type: string; readonly message: Uint8Array; isAt(origin: JsonValue | undefined): boolean },
  { sha256 }: Pick<PasskeyPowers, "sha256">,
): string | null {
  const said = readClientData(bytes);
  if (said === null) return "the client data is not one JSON object";
  if (said["type"] !== wanted.type) return `the client data is not of type ${wanted.type}`;
  if (said["challenge"] !== unpadded(sha256(wanted.message))) return "it answers another challenge";
  if (!wanted.isAt(said["origin"])) return "it was made at another origin";
  const crossed = said["crossOrigin"] !== undefined && said["crossOrigin"] !== false;
  return crossed || said["topOrigin"] !== undefined ? "it was made in a frame of another origin" : null;
}

/** Whether a browser gave it to the console: to the one that runs, or to any that the passkey's home has had. */
function isOrigin(said: JsonValue | undefined, { origin }: Passkey, at: string | null): boolean {
  if (at !== null) return said === at;
  if (said === origin) return true; // consoles were found at it before they had names of their own
  const [scheme = "", place = ""] = origin.split("://");
  const [begin, end] = [`${scheme}://`, `.${place}`];
  if (typeof said !== "string" || !said.startsWith(begin) || !said.endsWith(end)) return false;
  return CONSOLE_LABEL.test(said.slice(begin.length, -end.length));
}

function readClientData(bytes: Uint8Array): JsonObject | null {
  const json = decodeUtf8(bytes);
  if (json === null) return null;
  const parsed = parseJson(json, { maxLength: LONGEST_CLIENT_DATA, maxDepth: 3, maxValues: 32 });
  return parsed.kind === "ok" && isObject(parsed.value) ? parsed.value : null;
}

/** What is wrong with relying party and flags, or null; `asked`: whether a new credential must be there. */
function headProblem(
  bytes: Uint8Array,
  { rpId, asked }: { readonly rpId: string; readonly asked: 0 | typeof HAS_CREDENTIAL },
  { sha256 }: Pick<PasskeyPowers, "sha256">,
): string | null {
  if (bytes.length < HEAD_BYTES) return "the authenticator data is cut off";
  if (!equalBytes(bytes.subarray(0, RP_ID_BYTES), sha256(encodeUtf8(rpId)))) return "it is of another relying party";
  const flags = bytes[RP_ID_BYTES] ?? 0;
  if ((flags & PRESENT) === 0) return "nobody was present";
  if ((flags & VERIFIED) === 0) return "the user was not verified";
  if ((flags & ~KNOWN_FLAGS) !== 0) return "it has flags that mean nothing";
  if ((flags & BACKED_UP) !== 0 && (flags & CAN_BE_BACKED_UP) === 0) return "its flags contradict each other";
  if ((flags & HAS_CREDENTIAL) !== asked) return asked === 0 ? "it has a credential besides" : "it has no credential";
  return asked === 0 && (flags & HAS_EXTENSIONS) !== 0 ? "it has extensions that nobody asked for" : null;
}

function countIn(bytes: Uint8Array): number {
  return bytes.subarray(RP_ID_BYTES + 1, HEAD_BYTES).reduce((sum, byte) => sum * 256 + byte, 0);
}

/** The sign count that an assertion shows, unverified; 0 where there is none. */
export function signCountOf(assertion: Pick<Assertion, "authenticatorData">): number {
  const bytes = fromBase64(assertion.authenticatorData);
  return bytes === null || bytes.length < HEAD_BYTES ? 0 : countIn(bytes);
}

function isCredProtect(rest: Uint8Array): boolean {
  const level = rest[CRED_PROTECT.length] ?? 0;
  const head = rest.subarray(0, CRED_PROTECT.length);
  return rest.length === CRED_PROTECT.length + 1 && equalBytes(head, CRED_PROTECT) && level >= 1 && level <= 3;
}

/** Base64url without padding, as challenges stand in client data. */
function unpadded(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function refuse(message: string): Refused {
  return { kind: "refused", message };
}
