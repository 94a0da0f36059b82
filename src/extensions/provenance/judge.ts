import { parseJson, type JsonObject } from "../../kernel/json.ts";
import type { Provenance } from "../../protocol/provenance.ts";
import { asObject } from "../declare/json-parts.ts";
import { asLine } from "../declare/line.ts";
import { AttestationFault, claimedRepository, readStatement, type BuiltPackage, type Statement } from "./statement.ts";

/** Whoever signed by a certificate: who vouched for them, and what else stands in it. */
export interface Signer {
  readonly issuer: string | null;
  /** Bytes of an extension of the certificate, by its number below Fulcio's (1.3.6.1.4.1.57264.1). */
  field(number: number): Uint8Array | null;
}

/** A bundle whose signature, certificate and entry in a log hold; `signer` is null for one signed by a known key. */
export interface VerifiedBundle {
  readonly payloadType: string;
  readonly payload: string;
  readonly signer: Signer | null;
}

/** Throws when anything of a bundle does not hold. */
export type VerifyBundle = (bundle: JsonObject) => VerifiedBundle;

const BOUNDS = { maxLength: 1_048_576, maxDepth: 32, maxValues: 50_000 };
const MOST = 16;
const BUILDS: readonly string[] = ["https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"];
const PUBLISHES = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1";
const GITHUB = "https://token.actions.githubusercontent.com";
/** Services that build for others and vouch for what stands in their certificates, by what they are called. */
const SERVICES: ReadonlyMap<string | null, string> = new Map([
  [GITHUB, "GitHub Actions"],
  ["https://gitlab.com", "GitLab"],
]);
/** Fields of Fulcio's certificates. */
const OID = { sha: 3, repositoryName: 5, signer: 9, runner: 11, repository: 12, commit: 13, config: 18 } as const;

/**
 * Judges all attestations that a registry has of one package; null when there are none. Every one of them must hold: whoever
 * adds one that does not has something to hide, whatever the others say. `verify` throws for a bundle that does not.
 */
export function judgeAttestations(
  text: string,
  built: BuiltPackage,
  { verify, roots }: { readonly verify: VerifyBundle; readonly roots: string | null },
): Provenance | null {
  try {
    let found: Provenance | null = null;
    for (const { bundle, predicateType } of readAttestations(text)) {
      const { payloadType, payload, signer } = verify(bundle);
      if (payloadType !== "application/vnd.in-toto+json") throw new AttestationFault("it signs no in-toto statement");
      const statement = readStatement(payload, built);
      if (statement.predicateType !== predicateType)
        throw new AttestationFault("it attests something else than the registry says");
      if (BUILDS.includes(predicateType)) {
        // Each is read, also behind one that holds.
        const build = readBuild(statement, signer, roots);
        found ??= build;
        // A key is the registry's. It says who published what, and nothing of a build.
      } else if (signer === null) expectPublished(statement, built);
    }
    return found;
  } catch (error) {
    const why = error instanceof Error ? error.message : "it cannot be read";
    return { kind: "refused", why: asLine(why, 512) ?? "it cannot be read" };
  }
}

function readAttestations(text: string): readonly { readonly bundle: JsonObject; readonly predicateType: string }[] {
  const parsed = parseJson(text, BOUNDS);
  const all = parsed.kind === "ok" ? asObject(parsed.value)?.["attestations"] : undefined;
  if (!Array.isArray(all) || all.length > MOST)
    throw new AttestationFault("what the registry has as attestations is no list of a few");
  return all.map((each) => {
    const attestation = asObject(each);
    const bundle = asObject(attestation?.["bundle"]);
    const predicateType = attestation?.["predicateType"];
    if (bundle === null || typeof predicateType !== "string") throw new AttestationFault("it is no attestation");
    return { bundle, predicateType };
  });
}

/** All that is told of a build is from the certificate; what the build wrote of its source must agree with that. */
function readBuild(statement: Statement, signer: Signer | null, roots: string | null): Provenance {
  if (signer === null) throw new AttestationFault("its account of a build is signed by a key, and not by who built it");
  const service = SERVICES.get(signer.issuer);
  if (service === undefined)
    throw new AttestationFault(
      `who built it is vouched for by ${signer.issuer ?? "nobody"}, which is no known service`,
    );
  const read = (number: number): string | null => utf8(signer.field(number));
  const old = signer.issuer === GITHUB ? latin(signer.field(OID.repositoryName)) : null;
  const repository = read(OID.repository) ?? (old === null ? null : `https://github.com/${old}`);
  const commit = read(OID.commit) ?? latin(signer.field(OID.sha));
  const by = read(OID.signer) ?? read(OID.config);
  if (repository === null || commit === null || by === null)
    throw new AttestationFault("its certificate does not say what was built from where");
  const claimed = claimedRepository(statement);
  if (claimed !== null && claimed !== repository)
    throw new AttestationFault(`it says that it was built from ${claimed}, and its certificate says ${repository}`);
  const runner = read(OID.runner);
  return {
    kind: "verified",
    repository: told(repository),
    workflow: told(read(OID.config) ?? by),
    commit: told(commit),
    builder: told(`${service}${runner === null ? "" : `, ${runner}`}, ${by}`),
    roots,
  };
}

function expectPublished({ predicateType, predicate }: Statement, { name, version }: BuiltPackage): void {
  if (predicateType === PUBLISHES && predicate["name"] === name && predicate["version"] === version) return;
  throw new AttestationFault("the registry's key signed something else than that it published this");
}

function told(text: string): string {
  const line = asLine(text, 512);
  if (line !== null) return line;
  throw new AttestationFault("its certificate has an empty field");
}

/** A UTF8String of DER that is all there is. */
function utf8(bytes: Uint8Array | null): string | null {
  if (bytes?.[0] !== 0x0c) return null;
  const short = bytes[1] ?? 0x80;
  const [start, length] = short < 0x80 ? [2, short] : short === 0x81 ? [3, bytes[2] ?? 0] : [0, -1];
  return start + length === bytes.length ? latin(bytes.subarray(start)) : null;
}

/** Addresses and digests are ASCII; whatever is not becomes what it is not. */
function latin(bytes: Uint8Array | null): string | null {
  return bytes === null || bytes.length > 512 ? null : String.fromCharCode(...bytes);
}
