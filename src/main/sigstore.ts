import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { bundleFromJSON, isBundleWithDsseEnvelope } from "@sigstore/bundle";
import { PublicKey, TrustedRoot } from "@sigstore/protobuf-specs";
import { Verifier, toSignedEntity, toTrustMaterial, type TrustMaterial } from "@sigstore/verify";
import type { VerifiedBundle, VerifyBundle } from "../extensions/provenance/judge.ts";
import { AttestationFault } from "../extensions/provenance/statement.ts";

/** Roots that were given are none. */
export class RootsFault extends Error {}

/** Sigstore's roots and the keys that npm's registry signs with, as Sigstore distributes them; replaced with a release. */
const TRUSTED = new URL("../extensions/provenance/trusted/", import.meta.url);
const FULCIO = "1.3.6.1.4.1.57264.1";

/**
 * What verifies Sigstore's bundles, without a network. `roots` is the text of a trusted_root.json that takes the place of the
 * shipped one, `keys` that of a registry's keys. Throws RootsFault.
 */
export function loadSigstore(
  roots: string | null,
  keys: string = shipped("npm-keys.json"),
): { readonly verify: VerifyBundle; readonly roots: string | null } {
  const verifier = new Verifier(readTrust(roots ?? shipped("sigstore.json"), keys), {
    ctlogThreshold: 1,
    tlogThreshold: 1,
    timestampThreshold: 1,
  });
  const digest = roots === null ? null : `sha256:${createHash("sha256").update(roots).digest("hex")}`;
  return { verify: (bundle) => verify(verifier, bundle), roots: digest };
}

function verify(verifier: Verifier, json: unknown): VerifiedBundle {
  const bundle = bundleFromJSON(json);
  if (!isBundleWithDsseEnvelope(bundle)) throw new AttestationFault("it signs no statement");
  const { identity } = verifier.verify(toSignedEntity(bundle));
  const { payload, payloadType } = bundle.content.dsseEnvelope;
  const text = new TextDecoder("utf-8", { fatal: true }).decode(payload);
  if (identity === undefined) return { payloadType, payload: text, signer: null };
  const fields = new Map(identity.oids?.map(({ oid, value }) => [oid?.id.join(".") ?? "", value]));
  const issuer = identity.extensions?.issuer ?? null;
  return { payloadType, payload: text, signer: { issuer, field: (at) => fields.get(`${FULCIO}.${at}`) ?? null } };
}

function readTrust(text: string, keys: string): TrustMaterial {
  try {
    const root = TrustedRoot.fromJSON(JSON.parse(text));
    const { mediaType, tlogs, ctlogs, certificateAuthorities } = root;
    const some = [tlogs, ctlogs, certificateAuthorities].every(({ length }) => length > 0);
    if (!some || !mediaType.startsWith("application/vnd.dev.sigstore.trustedroot"))
      throw new RootsFault("it is no trusted_root.json of Sigstore");
    return toTrustMaterial(root, readKeys(keys));
  } catch (error) {
    if (error instanceof RootsFault) throw error;
    throw new RootsFault("it cannot be read as a trusted_root.json of Sigstore", { cause: error });
  }
}

function readKeys(text: string): { readonly [hint: string]: PublicKey } {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a file of ours
  const { keys } = JSON.parse(text) as { readonly keys: readonly { keyId: string; publicKey: unknown }[] };
  return Object.fromEntries(keys.map(({ keyId, publicKey }) => [keyId, PublicKey.fromJSON(publicKey)]));
}

function shipped(name: string): string {
  return readFileSync(new URL(name, TRUSTED), "utf8");
}
