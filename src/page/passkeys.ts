import { fromBase64, toBase64 } from "../protocol/bytes.ts";
import type { OwnerRequests } from "../protocol/owner-requests.ts";
import { challengeOf, ENROLMENT_TYPE, type Assertion, type Registration } from "../protocol/passkey.ts";
import { sha256 } from "./sha256.ts";

/** Those that could be asked, and where. */
type Party = OwnerRequests["passkey-party"]["ok"];

/** How long a person may take, milliseconds. */
const TIMEOUT_MS = 120_000;
/** COSE: ES256, EdDSA, RS256. */
const ALGORITHMS = [-7, -8, -257];

/**
 * Has one of these passkeys sign a message: its SHA-256 is the challenge (WebAuthn). The browser asks the person, always.
 * Throws DOMException when they say no, or none of the passkeys is here.
 * @returns the id of the key that signed, too.
 */
export async function signBy(
  { rpId, credentials }: Pick<Party, "rpId" | "credentials">,
  message: Uint8Array<ArrayBuffer>,
): Promise<Assertion & { readonly key: string }> {
  const made = await navigator.credentials.get({
    publicKey: {
      challenge: await sha256(message),
      rpId,
      allowCredentials: credentials.map(({ credential }) => ({ type: "public-key", id: fromUnpadded(credential) })),
      userVerification: "required",
      timeout: TIMEOUT_MS,
    },
  });
  const key = credentials.find(({ credential }) => credential === made?.id)?.key;
  if (!(made instanceof PublicKeyCredential) || key === undefined) throw new Error("No passkey of this home signed.");
  const { response } = made;
  if (!(response instanceof AuthenticatorAssertionResponse)) throw new Error("The browser answered something else.");
  return {
    key,
    sig: inBase64(response.signature),
    authenticatorData: inBase64(response.authenticatorData),
    clientData: inBase64(response.clientDataJSON),
  };
}

/** Makes a passkey for an invitation. No attestation and no extensions: docs/decisions/owners.md. */
export async function makePasskey(opened: OwnerRequests["enrolment-open"]["ok"]): Promise<Registration> {
  const { text, rpId, name, user } = opened;
  const made = await navigator.credentials.create({
    publicKey: {
      challenge: await sha256(challengeOf(ENROLMENT_TYPE, text)),
      rp: { id: rpId, name: "AIOS" },
      user: { id: bytesOf(user), name, displayName: name },
      pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
      attestation: "none",
      authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
      timeout: TIMEOUT_MS,
    },
  });
  const response = made instanceof PublicKeyCredential ? made.response : null;
  if (!(response instanceof AuthenticatorAttestationResponse)) throw new Error("The browser made no passkey.");
  return {
    authenticatorData: inBase64(response.getAuthenticatorData()),
    clientData: inBase64(response.clientDataJSON),
  };
}

function inBase64(buffer: ArrayBuffer): string {
  return toBase64(new Uint8Array(buffer));
}

/** Base64url without padding, as credentials are named. */
function fromUnpadded(text: string): Uint8Array<ArrayBuffer> {
  const padded = text.padEnd(Math.ceil(text.length / 4) * 4, "=");
  return bytesOf(padded.replaceAll("-", "+").replaceAll("_", "/"));
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const bytes = fromBase64(base64);
  if (bytes === null) throw new Error("The console said what is no base64.");
  return new Uint8Array(bytes);
}
