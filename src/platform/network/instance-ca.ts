import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import {
  bitString,
  BOOLEAN,
  der,
  objectId,
  OCTET_STRING,
  SEQUENCE,
  SET,
  unsigned,
  utcTime,
  UTF8_STRING,
} from "./der.ts";

const DAY = 86_400_000;
const CA_LIFE = 3650 * DAY;
const LEAF_LIFE = 397 * DAY;
/** A leaf is made anew after this, long before it ends. */
const LEAF_FRESH = 30 * DAY;
/** Names whose certificates are kept. */
const KEPT = 256;

const ECDSA_SHA256 = der(SEQUENCE, objectId("1.2.840.10045.4.3.2"));

/** A server certificate with its key, PEM. */
export interface Leaf {
  readonly key: string;
  readonly cert: string;
}

/**
 * The authority of one instance: a key that is made in its face, never leaves it, and that nobody but that instance's own
 * agent trusts, so that the face can be the server that the agent's TLS ends at (RFC 5280).
 */
export interface InstanceCa {
  /** The authority's certificate, PEM: what the agent trusts. */
  readonly certificate: string;
  /** A certificate for one host name. */
  leafFor(host: string): Leaf;
}

/** Makes an authority. `now` is milliseconds since 1970 UTC. */
export function createInstanceCa(now: () => number): InstanceCa {
  const ca = generateKeyPairSync("ec", { namedCurve: "P-256" });
  // One key for all leaves: they are all this process's.
  const leafKey = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = nameOf(`AIOS instance ${randomBytes(8).toString("hex")}`);
  const keyId = keyIdOf(ca.publicKey);
  const made = now();
  const certificate = makeCertificate({
    issuer: name,
    subject: name,
    key: ca.publicKey,
    signer: ca.privateKey,
    from: made - DAY,
    to: made + CA_LIFE,
    extensions: [
      extension("2.5.29.19", der(SEQUENCE, der(BOOLEAN, Buffer.of(0xff)), unsigned(Buffer.of(0))), true),
      // keyCertSign, cRLSign
      extension("2.5.29.15", bitString(Buffer.of(0b0000_0110), 1), true),
      extension("2.5.29.14", der(OCTET_STRING, keyId)),
    ],
  });
  const key = leafKey.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const leaves = new Map<string, { readonly at: number; readonly leaf: Leaf }>();
  return Object.freeze({
    certificate,
    leafFor: (host: string) => {
      const kept = leaves.get(host);
      const at = now();
      if (kept !== undefined && Math.abs(at - kept.at) < LEAF_FRESH) return kept.leaf;
      const cert = makeCertificate({
        issuer: name,
        subject: nameOf(host.slice(0, 64)),
        key: leafKey.publicKey,
        signer: ca.privateKey,
        from: at - DAY,
        to: at + LEAF_LIFE,
        extensions: [
          extension("2.5.29.19", der(SEQUENCE), true),
          // digitalSignature
          extension("2.5.29.15", bitString(Buffer.of(0b1000_0000), 7), true),
          // serverAuth
          extension("2.5.29.37", der(SEQUENCE, objectId("1.3.6.1.5.5.7.3.1"))),
          // dNSName
          extension("2.5.29.17", der(SEQUENCE, der(0x82, Buffer.from(host)))),
          extension("2.5.29.14", der(OCTET_STRING, keyIdOf(leafKey.publicKey))),
          extension("2.5.29.35", der(SEQUENCE, der(0x80, keyId))),
        ],
      });
      const leaf = { key, cert };
      leaves.delete(host);
      leaves.set(host, { at, leaf });
      for (const oldest of leaves.keys()) {
        if (leaves.size <= KEPT) break;
        leaves.delete(oldest);
      }
      return leaf;
    },
  });
}

interface CertificateParts {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly key: KeyObject;
  readonly signer: KeyObject;
  readonly from: number;
  readonly to: number;
  readonly extensions: readonly Buffer[];
}

function makeCertificate(parts: CertificateParts): string {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // positive, and never shorter than it looks
  const body = der(
    SEQUENCE,
    der(0xa0, unsigned(Buffer.of(2))), // version 3
    unsigned(serial),
    ECDSA_SHA256,
    parts.issuer,
    der(SEQUENCE, utcTime(parts.from), utcTime(parts.to)),
    parts.subject,
    publicKeyInfo(parts.key),
    der(0xa3, der(SEQUENCE, ...parts.extensions)),
  );
  const whole = der(SEQUENCE, body, ECDSA_SHA256, bitString(sign("sha256", body, parts.signer)));
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function nameOf(text: string): Buffer {
  return der(SEQUENCE, der(SET, der(SEQUENCE, objectId("2.5.4.3"), der(UTF8_STRING, Buffer.from(text)))));
}

function extension(id: string, value: Buffer, critical: boolean = false): Buffer {
  const flag = critical ? [der(BOOLEAN, Buffer.of(0xff))] : [];
  return der(SEQUENCE, objectId(id), ...flag, der(OCTET_STRING, value));
}

function publicKeyInfo(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

/** A name for a key, by which a chain is built (RFC 5280 section 4.2.1.2). */
function keyIdOf(key: KeyObject): Buffer {
  return createHash("sha256").update(publicKeyInfo(key)).digest().subarray(0, 20);
}
