import { parseJson } from "../kernel/json.ts";
import { decode, nullable, object, oneOf, record, text, type Decoder } from "../protocol/decode.ts";
import { CliFailure } from "./failure.ts";
import type { DraftFiles } from "./adopt-files.ts";
import type { CliPowers } from "./powers.ts";

/** What an adoption wrote, so that it can be taken back. Holds digests, never values. */
export interface Manifest {
  readonly v: 1;
  /** The configuration, absolute. */
  readonly from: string;
  readonly before: string;
  /** Digest of what was put in its place, or null when it was left alone. */
  readonly after: string | null;
  /** Digests of the files by name below the folder. */
  readonly files: { readonly [name: string]: string };
}

const MANIFEST = "adopted.json";
const BACKUP = "before.json5";
const MOST_BYTES = 256 * 1024;
const digest = text({ max: 71, pattern: /^sha256:[0-9a-f]{64}$/, is: "a digest" });
const SHAPE: Decoder<Omit<Manifest, "v"> & { readonly v: "1" }> = object<Omit<Manifest, "v"> & { readonly v: "1" }>({
  v: oneOf(["1"]),
  from: text({ max: 4096, pattern: /^\/[^\0]*$/, is: "an absolute path" }),
  before: digest,
  after: nullable(digest),
  // Nothing outside of the folder can be named, since what is named is removed.
  files: record(digest, { key: /^(?:keys\/)?[a-z0-9][a-z0-9.-]{0,63}$/, max: 512 }),
});

export interface Adoption {
  readonly folder: string;
  /** The configuration, absolute, and the digest of its bytes when it was read. */
  readonly from: string;
  readonly before: string;
  readonly files: DraftFiles;
  readonly inPlace: boolean;
}

/**
 * Writes an adoption into a new folder. The original is touched last, when everything that brings it back is durable.
 * Throws `CliFailure` (`already-there`, `file-unwritable`, `changed-since`).
 */
export async function writeAdoption(powers: Pick<CliPowers, "drafts" | "crypto">, adoption: Adoption): Promise<void> {
  const { drafts, crypto } = powers;
  const { folder, from, before, files, inPlace } = adoption;
  const copy = files.get("openclaw.json") ?? "";
  await drafts.makeFolder(folder);
  if (inPlace) {
    await drafts.copy(from, `${folder}/${BACKUP}`);
    if ((await drafts.digest(`${folder}/${BACKUP}`)) !== before) throw changed(from);
  }
  const digests = [...files].map(([name, content]) => [name, crypto.digest(content)]);
  const manifest = {
    v: "1",
    from,
    before,
    after: inPlace ? crypto.digest(copy) : null,
    files: Object.fromEntries([...digests, ...(inPlace ? [[BACKUP, before]] : [])]),
  };
  await drafts.write(`${folder}/${MANIFEST}`, `${JSON.stringify(manifest, null, 2)}\n`);
  if ([...files.keys()].some((name) => name.startsWith("keys/"))) await drafts.makeFolder(`${folder}/keys`);
  for (const [name, content] of files) await drafts.write(`${folder}/${name}`, content);
  if (!inPlace) return;
  if ((await drafts.digest(from)) !== before) throw changed(from);
  await drafts.replace(from, { text: copy });
}

/** What was taken back. */
export interface Undone {
  readonly from: string;
  readonly restored: boolean;
  /** Files that were changed since and stay. */
  readonly left: readonly string[];
}

/** Takes an adoption back: the original byte for byte, then what was written and is as it was written. */
export async function undoAdoption(powers: Pick<CliPowers, "drafts" | "files">, folder: string): Promise<Undone> {
  const { drafts } = powers;
  const { from, before, after, files } = readManifest(
    await powers.files.read(`${folder}/${MANIFEST}`, MOST_BYTES),
    folder,
  );
  const restored = after !== null && (await restore(powers, { folder, from, before, after }));
  const left: string[] = [];
  for (const [name, was] of Object.entries(files)) {
    const path = `${folder}/${name}`;
    const is = await drafts.digest(path);
    if (is === was) await drafts.remove(path);
    else if (is !== null) left.push(name);
  }
  await drafts.remove(`${folder}/keys`);
  if (left.length === 0) {
    await drafts.remove(`${folder}/${MANIFEST}`);
    await drafts.remove(folder);
  }
  return { from, restored, left };
}

/** True when the original was put back, false when it is there already. Never writes over what somebody else wrote since. */
async function restore(
  { drafts }: Pick<CliPowers, "drafts">,
  { folder, from, before, after }: { folder: string; from: string; before: string; after: string },
): Promise<boolean> {
  const is = await drafts.digest(from);
  if (is === before) return false;
  const backup = `${folder}/${BACKUP}`;
  if (is !== after) throw changed(from, `what it was is in ${backup}; put it back yourself if that is right`);
  if ((await drafts.digest(backup)) !== before) throw changed(backup);
  await drafts.replace(from, { file: backup });
  return true;
}

function readManifest(content: string, folder: string): Omit<Manifest, "v"> {
  const parsed = parseJson(content);
  const decoded = parsed.kind === "refused" ? null : decode(SHAPE, parsed.value);
  if (decoded?.kind === "ok") return decoded.value;
  throw CliFailure.of("bad-configuration", `Cannot undo: ${folder}/${MANIFEST} is not what aios adopt wrote`);
}

function changed(path: string, hint: string | null = null): CliFailure {
  return CliFailure.of("changed-since", `Nothing was changed: ${path} is not what it was`, hint);
}
