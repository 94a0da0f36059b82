import { canonicalize } from "../kernel/canonical.ts";
import { parseJson, type JsonBounds, type JsonValue } from "../kernel/json.ts";
import { isEntryText } from "../kernel/memory.ts";
import { utf8Length } from "../kernel/utf8.ts";
import { asJson } from "./as-json.ts";
import { encodeUtf8, toHex } from "./bytes.ts";
import { decode, list, literal, object, oneOf, text, type Decoder } from "./decode.ts";
import { agentName, count, moment } from "./fields.ts";
import { leadsTo, openCheckpoint, type ProofPowers } from "./log-proof.ts";
import { CONTENT, type Content } from "./memory-content.ts";
import type { CheckpointBody } from "./note.ts";
import { decodeRecord } from "./record-codec.ts";
import type { LogRecord } from "./record.ts";
import { SALT_DIGITS } from "./sealed.ts";

// Entries of one plane as a file of JSON lines that a stranger can check: docs/formats/memory.md.

/** Planes whose entries can leave their home so; what is frozen is in an owner's own files. */
export const EXPORTED_PLANES = ["append-only", "ephemeral"] as const;
export type ExportedPlane = (typeof EXPORTED_PLANES)[number];

/** Most characters of a file, and most entries in it: more than a plane with the budget that it begins with. */
export const MAX_EXPORT_CHARACTERS: number = 64 * 1024 * 1024;
export const MAX_EXPORT_ENTRIES = 10_000;

/** The first line. */
export interface ExportHead {
  readonly v: 1;
  readonly kind: "aios-memory";
  readonly agent: string;
  readonly plane: ExportedPlane;
  /** Milliseconds since 1970 UTC, by the exporting home's clock. */
  readonly made: number;
  /** How many lines follow. */
  readonly entries: number;
  /** A signed note of the log; every path below leads to its root. */
  readonly checkpoint: string;
}

/** Every other line: an entry, by its record and what that commits to. In the order of the log. */
export interface ExportLine {
  readonly seq: number;
  /** The leaf: RFC 8785 text of the record `memory-kept`. */
  readonly record: string;
  /** Base64 hashes of the RFC 6962 audit path. */
  readonly path: readonly string[];
  /** Salt in hex and RFC 8785 text of the content, whose SHA-256 the record has as `digest`. */
  readonly salted: string;
}

/** An entry that was proved. */
export interface ProvedEntry {
  readonly record: Extract<LogRecord, { readonly kind: "memory-kept" }>;
  readonly content: Content;
  readonly salted: string;
}

export type ExportVerdict =
  | {
      readonly kind: "verified";
      readonly checkpoint: CheckpointBody;
      readonly head: ExportHead;
      readonly entries: readonly ProvedEntry[];
    }
  | { readonly kind: "refused"; readonly why: string };

const HEAD: Decoder<ExportHead> = object<ExportHead>({
  v: literal(1),
  kind: literal("aios-memory"),
  agent: agentName,
  plane: oneOf(EXPORTED_PLANES),
  made: moment,
  entries: count,
  checkpoint: text({ max: 65_536 }),
});

/** A tree of 2^53 records has so many levels; base64 of a hash has 44 characters. */
const PATH = list(text({ max: 44 }), { max: 53 });
export const EXPORT_LINE: Decoder<ExportLine> = object<ExportLine>({
  seq: count,
  record: text({ max: 65_536 }),
  path: PATH,
  salted: text({ max: 1_048_576 }),
});

const BOUNDS: JsonBounds = { maxLength: 4_194_304, maxDepth: 8, maxValues: 1000 };
const SALT = /^[0-9a-f]{32}$/;

/** Whether a file says of itself that it holds entries of memory. */
export function isExport(file: string): boolean {
  return file.startsWith("{");
}

/** The file. */
export function writeExport(head: ExportHead, lines: readonly ExportLine[]): string {
  return [head, ...lines].map((each) => `${canonicalize(asJson(each))}\n`).join("");
}

/** Content by its salt and text, or null when this is none: it has one encoding, and its text is one that could be kept. */
export function readSalted(salted: string): Content | null {
  if (!SALT.test(salted.slice(0, SALT_DIGITS))) return null;
  const written = salted.slice(SALT_DIGITS);
  const parsed = readJson(written);
  const decoded = parsed === null ? null : decode(CONTENT, parsed);
  if (decoded?.kind !== "ok" || canonicalize(asJson(decoded.value)) !== written) return null;
  const { plane, expires, text: said } = decoded.value;
  return plane !== "frozen" && (plane === "ephemeral") === (expires !== null) && isEntryText(said)
    ? decoded.value
    : null;
}

/** What a record commits to: `sha256:` and hex of the SHA-256 of salt and text. */
export function saltedDigest(salted: string, powers: Pick<ProofPowers, "sha256">): string {
  return `sha256:${toHex(powers.sha256(encodeUtf8(salted)))}`;
}

/**
 * Checks, with nothing but the log's public key, that every entry of a file stood in that log at its place and is what its
 * record commits to (TAMPER-SHOWS). That no entry was left out it cannot say.
 */
export function verifyExport(
  file: string,
  options: { readonly powers: ProofPowers; readonly publicKey: Uint8Array; readonly origin: string },
): ExportVerdict {
  if (file.length > MAX_EXPORT_CHARACTERS) return refused(`it has more than ${MAX_EXPORT_CHARACTERS} characters`);
  const [first = "", ...lines] = file.split("\n");
  const head = readLine(HEAD, first);
  if (head === null) return refused("its first line is none of an export of memory");
  if (lines.pop() !== "" || lines.length !== head.entries)
    return refused(`it was cut: it has ${lines.length} whole lines of ${head.entries}`);
  if (lines.length > MAX_EXPORT_ENTRIES) return refused(`it has more than ${MAX_EXPORT_ENTRIES} entries`);
  const opened = openCheckpoint(head.checkpoint, options);
  if (opened.kind === "refused") return opened;
  const { checkpoint } = opened;
  const entries: ProvedEntry[] = [];
  let last = -1;
  for (const [at, written] of lines.entries()) {
    const line = readLine(EXPORT_LINE, written);
    if (line === null) return refused(`line ${at + 2} is none`);
    if (line.seq <= last) return refused(`record ${line.seq} is there twice, or out of order`);
    last = line.seq;
    const entry = readEntry(line, { head, powers: options.powers });
    if (typeof entry === "string") return refused(`record ${line.seq} ${entry}`);
    const leads = leadsTo(checkpoint, line, options.powers);
    if (leads.kind === "refused") return leads;
    entries.push(entry);
  }
  return { kind: "verified", checkpoint, head, entries };
}

/** The entry that a line has, or what its record is not. */
function readEntry(
  { record: leaf, salted }: ExportLine,
  { head, powers }: { readonly head: ExportHead; readonly powers: Pick<ProofPowers, "sha256"> },
): ProvedEntry | string {
  const parsed = readJson(leaf);
  const decoded = parsed === null ? null : decodeRecord(parsed);
  if (decoded?.kind !== "ok" || decoded.value.kind !== "memory-kept") return "is none of an entry of memory";
  const record = decoded.value;
  if (record.agent !== head.agent || record.plane !== head.plane) return "is of another plane";
  if (saltedDigest(salted, powers) !== record.digest) return "commits to another content";
  const content = readSalted(salted);
  if (content === null) return "commits to something that is no entry";
  return isOf(content, record) ? { record, content, salted } : "tells otherwise of its entry than the content does";
}

function isOf(
  content: Content,
  { agent, plane, by, instance, labels, expires, bytes }: ProvedEntry["record"],
): boolean {
  const { agent: whose, plane: where, expires: end, by: who, instance: from, labels: brought, text: said } = content;
  return (
    canonicalize([whose, where, end, who, from, brought, utf8Length(said)]) ===
    canonicalize([agent, plane, expires, by, instance, labels, bytes])
  );
}

function readLine<T>(decoder: Decoder<T>, line: string): T | null {
  const parsed = readJson(line);
  const decoded = parsed === null ? null : decode(decoder, parsed);
  return decoded?.kind === "ok" ? decoded.value : null;
}

function readJson(written: string): JsonValue {
  const parsed = parseJson(written, BOUNDS);
  return parsed.kind === "ok" ? parsed.value : null;
}

function refused(why: string): ExportVerdict {
  return { kind: "refused", why };
}
