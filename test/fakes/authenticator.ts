import { createHash, generateKeyPairSync, randomBytes, sign, type JsonWebKey, type KeyObject } from "node:crypto";
import { encodeCoseKey, type CoseKey } from "../../src/protocol/cose-key.ts";
import type { Assertion, Registration } from "../../src/protocol/passkey.ts";

/** What a dishonest browser or authenticator does differently. */
export interface Odd {
  readonly type?: string;
  readonly origin?: string;
  readonly rpId?: string;
  readonly challenge?: Uint8Array;
  /** Members of the client data besides; they stand last. */
  readonly more?: object;
  /** The client data as it is to be, whatever else was said. */
  readonly client?: string;
  readonly flags?: number;
  readonly count?: number;
  /** Bytes after the authenticator data. */
  readonly tail?: Uint8Array;
}

/** An authenticator in software: one passkey, made of node:crypto and bytes alone, so that it shares nothing with what it tests. */
export interface Authenticator {
  /** Base64url. */
  readonly credential: string;
  readonly id: Uint8Array;
  readonly cose: Uint8Array;
  /** The sign count that it has shown. */
  count: number;
  /** `navigator.credentials.create` over the SHA-256 of these bytes. */
  register(message: Uint8Array, odd?: Odd): Registration;
  /** `navigator.credentials.get` over the SHA-256 of these bytes. */
  assert(message: Uint8Array, odd?: Odd): Assertion;
}

export const [UP, UV, BE, BS, AT, ED] = [0x01, 0x04, 0x08, 0x10, 0x40, 0x80] as const;
const AAGUID = new Uint8Array(16);

const sha256 = (data: Uint8Array | string): Buffer => createHash("sha256").update(data).digest();
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

export function createAuthenticator(
  at: { readonly rpId: string; readonly origin: string },
  alg: CoseKey["alg"] = "ES256",
): Authenticator {
  const { publicKey, privateKey } = makeKey(alg);
  const id = new Uint8Array(randomBytes(32));
  const cose = encodeCoseKey(coseOf(publicKey, alg));

  const clientData = (type: string, message: Uint8Array, odd: Odd): Buffer => {
    const said = {
      type: odd.type ?? type,
      challenge: Buffer.from(odd.challenge ?? sha256(message)).toString("base64url"),
      origin: odd.origin ?? at.origin,
      crossOrigin: false,
      ...odd.more,
    };
    return Buffer.from(odd.client ?? JSON.stringify(said));
  };
  const authData = (flags: number, odd: Odd, rest: Uint8Array): Buffer => {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(odd.count ?? ++made.count);
    const head = Buffer.concat([sha256(odd.rpId ?? at.rpId), Buffer.of(odd.flags ?? flags), count]);
    return Buffer.concat([head, rest, odd.tail ?? Buffer.alloc(0)]);
  };

  const made: Authenticator = {
    credential: Buffer.from(id).toString("base64url"),
    id,
    cose,
    count: 0,
    register(message, odd = {}) {
      const length = Buffer.of(id.length >> 8, id.length & 255);
      const data = authData(UP | UV | AT, odd, Buffer.concat([AAGUID, length, id, cose]));
      return { authenticatorData: base64(data), clientData: base64(clientData("webauthn.create", message, odd)) };
    },
    assert(message, odd = {}) {
      const client = clientData("webauthn.get", message, odd);
      const data = authData(UP | UV, odd, Buffer.alloc(0));
      const sig = sign(alg === "EdDSA" ? null : "sha256", Buffer.concat([data, sha256(client)]), privateKey);
      return { sig: base64(sig), authenticatorData: base64(data), clientData: base64(client) };
    },
  };
  return made;
}

function makeKey(alg: CoseKey["alg"]): { publicKey: KeyObject; privateKey: KeyObject } {
  if (alg === "ES256") return generateKeyPairSync("ec", { namedCurve: "P-256" });
  return alg === "EdDSA" ? generateKeyPairSync("ed25519") : generateKeyPairSync("rsa", { modulusLength: 2048 });
}

function coseOf(key: KeyObject, alg: CoseKey["alg"]): CoseKey {
  const jwk: JsonWebKey = key.export({ format: "jwk" });
  const part = (name: "x" | "y" | "n"): Uint8Array => new Uint8Array(Buffer.from(String(jwk[name]), "base64url"));
  if (alg === "ES256") return { alg, x: part("x"), y: part("y") };
  return alg === "EdDSA" ? { alg, x: part("x") } : { alg, n: part("n") };
}
