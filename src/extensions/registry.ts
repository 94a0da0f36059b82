import { parseHttpUrl, type HttpUrl } from "../kernel/hosts.ts";
import { parseJson } from "../kernel/json.ts";
import type { FetchCode } from "../protocol/extension-order.ts";
import { asObject } from "./declare/json-parts.ts";

/** A version of a package. */
export interface PackageVersion {
  readonly name: string;
  readonly version: string;
}

/** Where the tarball is, and what it must be. */
export type RegistryVersion =
  | { readonly kind: "found"; readonly tarball: HttpUrl; readonly sha512: string }
  | { readonly kind: "refused"; readonly code: FetchCode; readonly message: string };

const BOUNDS = { maxLength: 4_194_304, maxDepth: 64, maxValues: 500_000 };
const SHA512 = /^[A-Za-z0-9+/]{86}==$/u;

/** Where a registry says what a version of a package is. Throws RangeError for a registry that is no address. */
export function packageAddress(registry: string, { name, version }: PackageVersion): HttpUrl {
  const place = parseHttpUrl(registry);
  if (place === null) throw new RangeError(`"${registry}" is no registry`);
  return { ...place, path: `${place.path}/${name.replace("/", "%2f")}/${encodeURIComponent(version)}` };
}

/** Where a registry has what was attested of a version. Throws RangeError for a registry that is no address. */
export function attestationsAddress(registry: string, { name, version }: PackageVersion): HttpUrl {
  const place = parseHttpUrl(registry);
  if (place === null) throw new RangeError(`"${registry}" is no registry`);
  return {
    ...place,
    path: `${place.path}/-/npm/v1/attestations/${name.replace("/", "%2f")}@${encodeURIComponent(version)}`,
  };
}

/**
 * Reads what a registry says of one version. It must be that version, lie at the same registry, and have a SHA-512 of its
 * own: an older sum can be had for other bytes, too.
 */
export function readVersion(text: string, asked: PackageVersion & { readonly registry: string }): RegistryVersion {
  const parsed = parseJson(text, BOUNDS);
  const document = parsed.kind === "ok" ? asObject(parsed.value) : null;
  if (document === null) return refused("fetch-unreachable", "what it answers is no strict JSON object");
  if (document["name"] !== asked.name || document["version"] !== asked.version)
    return refused("fetch-unknown", `it answers with another package than ${asked.name}@${asked.version}`);
  const dist = asObject(document["dist"]);
  const tarball = typeof dist?.["tarball"] === "string" ? parseHttpUrl(dist["tarball"]) : null;
  const at = parseHttpUrl(asked.registry);
  if (
    tarball === null ||
    at === null ||
    tarball.scheme !== at.scheme ||
    tarball.host !== at.host ||
    tarball.port !== at.port
  )
    return refused("fetch-elsewhere", "its package lies at another place than the registry");
  const sums = typeof dist?.["integrity"] === "string" ? dist["integrity"].split(/\s+/u) : [];
  const strong = sums.filter((sum) => sum.startsWith("sha512-")).map((sum) => sum.slice("sha512-".length));
  const [sha512] = strong;
  if (sha512 === undefined || strong.length > 1 || !SHA512.test(sha512))
    return refused("fetch-integrity", "it gives no one SHA-512 of its package");
  return { kind: "found", tarball, sha512 };
}

function refused(code: FetchCode, message: string): RegistryVersion {
  return { kind: "refused", code, message };
}
