import { parseJson, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { fromBase64, toHex } from "../../protocol/bytes.ts";
import { asItems, asObject } from "../declare/json-parts.ts";

/** A package as its tarball came; `sha512` in base64. */
export interface BuiltPackage {
  readonly name: string;
  readonly version: string;
  readonly sha512: string;
}

/** An attestation does not hold, or not of this package. */
export class AttestationFault extends Error {}

/** What is attested: of what sort it is, and all that it says. */
export interface Statement {
  readonly predicateType: string;
  readonly predicate: JsonObject;
}

const TYPES: readonly (JsonValue | undefined)[] = [
  "https://in-toto.io/Statement/v1",
  "https://in-toto.io/Statement/v0.1",
];
const BOUNDS = { maxLength: 1_048_576, maxDepth: 32, maxValues: 20_000 };

/** Reads what was signed. It must be about exactly this tarball under exactly this name. Throws AttestationFault. */
export function readStatement(payload: string, built: BuiltPackage): Statement {
  const parsed = parseJson(payload, BOUNDS);
  const statement = parsed.kind === "ok" ? asObject(parsed.value) : null;
  if (statement === null || !TYPES.includes(statement["_type"]))
    throw new AttestationFault("what was signed is no in-toto statement");
  const [subject, ...others] = asItems(statement["subject"]).map((each) => asObject(each));
  if (subject === undefined || subject === null || others.length > 0)
    throw new AttestationFault("it is not about exactly one package");
  const name = `pkg:npm/${built.name.replace(/^@/u, "%40")}@${built.version}`;
  if (subject["name"] !== name) throw new AttestationFault("it is about another package or version");
  const sha512 = fromBase64(built.sha512);
  if (sha512 === null || asObject(subject["digest"])?.["sha512"] !== toHex(sha512))
    throw new AttestationFault("it is about other bytes than those that came");
  const { predicateType } = statement;
  const predicate = asObject(statement["predicate"]);
  if (typeof predicateType !== "string" || predicate === null)
    throw new AttestationFault("it does not say what it attests");
  return { predicateType, predicate };
}

/** The repository that an account of a build names itself, as an address; null when it names none. */
export function claimedRepository({ predicate }: Statement): string | null {
  const definition = asObject(predicate["buildDefinition"]);
  const workflow = asObject(asObject(definition?.["externalParameters"])?.["workflow"]);
  const repository = workflow?.["repository"];
  if (typeof repository === "string") return repository;
  const uri = asObject(asObject(predicate["invocation"])?.["configSource"])?.["uri"];
  return typeof uri === "string" ? uri.replace(/^git\+/u, "").replace(/@[^@]*$/u, "") : null;
}
