import { isArray, isObject, parseJson, type JsonObject, type JsonValue } from "../../kernel/json.ts";

/** Versions of a package that are known to be malicious. */
export interface BadPackage {
  readonly id: string;
  /** Exact versions; with no ranges and no versions, all of them. */
  readonly versions: readonly string[];
  readonly ranges: readonly { readonly from: string; readonly until: string | null }[];
}

/** What is known to be malicious: packages by ecosystem and name (`npm/left-pad`), and files by SHA-256. */
export interface Advisories {
  readonly packages: ReadonlyMap<string, readonly BadPackage[]>;
  readonly digests: ReadonlyMap<string, string>;
}

/** What is shipped: few, each known from the public record. A file of OSV's malicious packages adds the rest. */
const SHIPPED: Advisories = {
  packages: new Map([
    // Copied every mail to a stranger (Koi Security, September 2025).
    ["npm/postmark-mcp", [{ id: "postmark-mcp-bcc", versions: [], ranges: [{ from: "1.0.16", until: null }] }]],
    // Stole wallets by way of event-stream (November 2018).
    ["npm/flatmap-stream", [{ id: "event-stream-2018", versions: ["0.1.1"], ranges: [] }]],
  ]),
  digests: new Map(),
};

export type ReadAdvisories =
  | { readonly kind: "ok"; readonly advisories: Advisories }
  | { readonly kind: "refused"; readonly line: number; readonly why: string };

const BOUNDS = { maxLength: 8 * 1024 * 1024, maxDepth: 32, maxValues: 500_000 };

/**
 * Reads a file of advisories: one JSON value in each line, an OSV entry (schema 1.x; of it `id` and `affected` are read, the
 * rest may stand there) or `{"id":…,"sha256":…}` for a file. A line that is neither is refused: a list that is read in part
 * would pass for a whole one.
 */
export function readAdvisories(text: string): ReadAdvisories {
  const packages = new Map<string, BadPackage[]>([...SHIPPED.packages].map(([name, all]) => [name, [...all]]));
  const digests = new Map(SHIPPED.digests);
  for (const [at, line] of text.split(/\r?\n/u).entries()) {
    if (line.trim() === "") continue;
    const parsed = parseJson(line, BOUNDS);
    const refused = (why: string): ReadAdvisories => ({ kind: "refused", line: at + 1, why });
    if (parsed.kind === "refused") return refused(parsed.message);
    const entry = parsed.value;
    if (!isObject(entry)) return refused("it is no object");
    const id = entry["id"];
    if (typeof id !== "string" || id === "") return refused("it has no id");
    const digest = entry["sha256"];
    if (digest !== undefined) {
      if (typeof digest !== "string" || !/^[0-9a-f]{64}$/u.test(digest))
        return refused("its sha256 is no digest in lower-case hex");
      digests.set(digest, id);
      continue;
    }
    const affected = entry["affected"] ?? null;
    if (!isArray(affected)) return refused("it has neither affected packages nor a sha256");
    for (const each of affected) {
      const bad = readAffected(id, each);
      if (bad === null) return refused("one of its affected packages has no name");
      packages.set(bad.key, [...(packages.get(bad.key) ?? []), bad.bad]);
    }
  }
  return { kind: "ok", advisories: { packages, digests } };
}

export function shippedAdvisories(): Advisories {
  return SHIPPED;
}

function readAffected(id: string, value: JsonValue): { readonly key: string; readonly bad: BadPackage } | null {
  const of = isObject(value) ? value["package"] : null;
  if (!isObject(value) || of === null || of === undefined || !isObject(of)) return null;
  const { ecosystem, name } = of;
  if (typeof ecosystem !== "string" || typeof name !== "string") return null;
  const listed = value["versions"] ?? [];
  const versions = isArray(listed) ? listed.filter((each) => typeof each === "string") : [];
  const ranges = value["ranges"] ?? [];
  return {
    key: `${ecosystem.toLowerCase()}/${name}`,
    bad: { id, versions, ranges: isArray(ranges) ? ranges.filter(isObject).flatMap(readRange) : [] },
  };
}

function readRange(range: JsonObject): BadPackage["ranges"] {
  const events = range["events"] ?? null;
  if (!isArray(events)) return [];
  const found: { from: string; until: string | null }[] = [];
  for (const event of events.filter(isObject)) {
    const { introduced, fixed } = event;
    if (typeof introduced === "string") found.push({ from: introduced, until: null });
    const open = found.at(-1);
    if (typeof fixed === "string" && open !== undefined) open.until = fixed;
  }
  return found;
}

/** The advisory that a version falls under, or a version that a dependency's range may come to; null when none is known. */
export function findAdvisory(
  advisories: Advisories,
  { name, wanted }: { readonly name: string; readonly wanted: string },
): string | null {
  const bad = advisories.packages.get(`npm/${name}`) ?? [];
  return bad.find((each) => concerns(each, wanted))?.id ?? null;
}

/**
 * Exact versions are met by exactly them: a range that could come to a version that was withdrawn is in half of all packages.
 * An open range of bad versions is met by what may lie in it.
 */
function concerns({ versions, ranges }: BadPackage, wanted: string): boolean {
  if (versions.length === 0 && ranges.length === 0) return true;
  const range = /^(\^|~|>=)?v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].*)?$/u.exec(wanted.trim());
  // Whatever is no plain range (`*`, `latest`, `1.x`, an address) may come to the newest version.
  if (range === null) return ranges.some(({ until }) => until === null);
  const [, sign = "", ...numbers] = range;
  const least = numbers.map(Number);
  if (versions.some((version) => compare(numbersOf(version), least) === 0)) return true;
  return ranges.some(({ from, until }) => {
    if (compare(least, numbersOf(from)) < 0)
      return until === null && sign !== "" && (sign === ">=" || numbersOf(from)[0] === least[0]);
    return until === null || compare(least, numbersOf(until)) < 0;
  });
}

function numbersOf(version: string): readonly number[] {
  return version
    .replace(/[-+].*$/u, "")
    .split(".")
    .map((part) => Number.parseInt(part, 10) || 0);
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (let at = 0; at < 3; at++) {
    const difference = (one[at] ?? 0) - (other[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
