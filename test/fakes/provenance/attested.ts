import { readFileSync } from "node:fs";
import type { JsonObject } from "../../../src/kernel/json.ts";

/** Bundles over a small tarball of `@acme/notes@1.0.0`. All but that of `strangerRoot` lead to `roots`. */
export type Attested =
  | "good"
  | "otherDigest"
  | "otherPackage"
  | "otherVersion"
  | "otherRepository"
  | "otherIssuer"
  | "strangerRoot"
  /** Signed by the registry's key. */
  | "published";

/**
 * Made once with Sigstore's own `@sigstore/mock` (an authority, a log of certificates and a log of signatures in memory), whose
 * keys were thrown away.
 */
export const ATTESTED = JSON.parse(readFileSync(new URL("attestations.json", import.meta.url), "utf8")) as {
  /** In base64. */
  readonly tarball: string;
  readonly roots: JsonObject;
  readonly keys: JsonObject;
  readonly bundles: { readonly [name in Attested]: JsonObject };
};

/** What a registry answers that has these attestations. */
export function attestationsOf(...names: readonly Attested[]): string {
  const attestations = names.map((name) => ({
    predicateType:
      name === "published"
        ? "https://github.com/npm/attestation/tree/main/specs/publish/v0.1"
        : "https://slsa.dev/provenance/v1",
    bundle: ATTESTED.bundles[name],
  }));
  return JSON.stringify({ attestations });
}
