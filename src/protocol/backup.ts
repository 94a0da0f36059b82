import { canonicalize } from "../kernel/canonical.ts";
import { parseJson, type JsonBounds } from "../kernel/json.ts";
import { asJson } from "./as-json.ts";
import { decode, list, literal, object, text, type Decoder } from "./decode.ts";
import { count, digest, moment } from "./fields.ts";

/** What a backup holds: docs/formats/backup.md. */
export interface BackupManifest {
  readonly v: 1;
  readonly kind: "aios-backup";
  /** Name of the log. */
  readonly origin: string;
  /** Records of the log. */
  readonly size: number;
  /** Milliseconds since 1970 UTC. */
  readonly made: number;
  /** In the order of their paths, none twice. */
  readonly files: readonly BackupFile[];
}

/** A file of a backup: where it is, below the backup and below the home, and what is in it. */
export interface BackupFile {
  readonly path: string;
  readonly bytes: number;
  readonly digest: string;
}

/** Most characters of a manifest: of a log of a hundred million records. */
export const MAX_MANIFEST_CHARACTERS: number = 128 * 1024 * 1024;
/** Plain names below the folders that a backup has: nothing leads out of it, and nothing into another folder of a home. */
const PATH = /^(?:(?:log|secrets|sealed)(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}){1,8}|alert-address)$/;
const MOST_FILES = 1_000_000;
const BOUNDS: JsonBounds = { maxLength: MAX_MANIFEST_CHARACTERS, maxDepth: 4, maxValues: 4 * MOST_FILES + 16 };

const MANIFEST: Decoder<BackupManifest> = object<BackupManifest>({
  v: literal(1),
  kind: literal("aios-backup"),
  origin: text({ max: 255 }),
  size: count,
  made: moment,
  files: list(
    object<BackupFile>({ path: text({ max: 1024, pattern: PATH, is: "a path of a backup" }), bytes: count, digest }),
    { max: MOST_FILES },
  ),
});

/** The one text of a manifest. */
export function writeManifest(manifest: BackupManifest): string {
  return `${canonicalize(asJson(manifest))}\n`;
}

/** Reads a manifest, or gives null when it is none, or not as it was written. */
export function readManifest(written: string): BackupManifest | null {
  const parsed = parseJson(written.endsWith("\n") ? written.slice(0, -1) : "", BOUNDS);
  const read = parsed.kind === "ok" ? decode(MANIFEST, parsed.value) : null;
  if (read?.kind !== "ok" || writeManifest(read.value) !== written) return null;
  const { files } = read.value;
  return files.every(({ path }, at) => path > (files[at - 1]?.path ?? "")) ? read.value : null;
}
