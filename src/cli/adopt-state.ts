import { parseJson } from "../kernel/json.ts";
import { decode, integer, list, object, oneOf, text, type Decoder } from "../protocol/decode.ts";
import { CliFailure } from "./failure.ts";
import type { Drafts } from "./draft-powers.ts";
import type { CliPowers } from "./powers.ts";

/** One file that an adoption changes. */
interface ChangedFile {
  /** Absolute. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
  /** Permission bits that it had. */
  readonly mode: number;
}

/** What an adoption did, so that it can be taken back. Holds digests, never values; the originals lie beside it. */
export interface AdoptedClient {
  readonly v: "1";
  /** In the order in which they were changed. */
  readonly files: readonly ChangedFile[];
}

const MANIFEST = "adopted.json";
const MOST_BYTES = 64 * 1024;
const digest = text({ max: 71, pattern: /^sha256:[0-9a-f]{64}$/, is: "a digest" });
const SHAPE: Decoder<AdoptedClient> = object<AdoptedClient>({
  v: oneOf(["1"]),
  files: list(
    object<ChangedFile>({
      path: text({ max: 4096, pattern: /^\/[^\0]*$/, is: "an absolute path" }),
      before: digest,
      after: digest,
      mode: integer({ min: 0, max: 0o777 }),
    }),
    { max: 8 },
  ),
});

/** How a file stands against what an adoption knows of it. */
export type Standing = "before" | "after" | "changed";

type Powers = Pick<CliPowers, "drafts" | "files" | "crypto">;

/** The folder for the originals of one adoption, in a home of a person: only they may enter it. */
export interface AdoptionPlace {
  readonly parent: string;
  readonly folder: string;
}

function backup(folder: string, at: number): string {
  return `${folder}/before-${at + 1}`;
}

/** What was adopted there, or null. Throws `CliFailure` `bad-configuration` for what is no such folder. */
export async function readAdopted(powers: Powers, { folder }: AdoptionPlace): Promise<AdoptedClient | null> {
  const path = `${folder}/${MANIFEST}`;
  if (!(await powers.files.exists(path))) return null;
  const parsed = parseJson(await powers.files.read(path, MOST_BYTES));
  const decoded = parsed.kind === "refused" ? null : decode(SHAPE, parsed.value);
  if (decoded?.kind === "ok") return decoded.value;
  throw CliFailure.of("bad-configuration", `${path} is not what aios adopt wrote`, "the originals lie beside it");
}

/** How each file of an adoption stands now. */
export async function standings(
  { drafts }: Pick<Powers, "drafts">,
  adopted: AdoptedClient,
): Promise<readonly Standing[]> {
  return await Promise.all(
    adopted.files.map(async ({ path, before, after }) => {
      const is = await drafts.digest(path);
      return is === before ? "before" : is === after ? "after" : "changed";
    }),
  );
}

/**
 * Writes an adoption: the originals and what brings them back are durable before the first file is changed, each in one step.
 * Whenever it is cut off, every file is whole, old or new, and `takeBack` works. What fails is taken back at once.
 */
export async function writeAdopted(
  powers: Powers,
  place: AdoptionPlace,
  changes: readonly { readonly path: string; readonly text: string; readonly before: string; readonly mode: number }[],
): Promise<void> {
  const { drafts, crypto } = powers;
  const { folder, parent } = place;
  await clearRemains(drafts, place, changes);
  if (!(await powers.files.exists(parent))) await drafts.makeFolder(parent);
  await drafts.makeFolder(folder);
  try {
    for (const [at, { path, before }] of changes.entries()) {
      await drafts.copy(path, backup(folder, at));
      if ((await drafts.digest(backup(folder, at))) !== before) throw changed(path);
    }
    const files = changes.map(({ path, before, text: now, mode }) => ({
      path,
      before,
      after: crypto.digest(now),
      mode,
    }));
    await drafts.write(`${folder}/${MANIFEST}`, `${JSON.stringify({ v: "1", files }, null, 2)}\n`);
    for (const { path, before, text: now, mode } of changes) {
      if ((await drafts.digest(path)) !== before) throw changed(path);
      await drafts.exchange(path, { text: now }, mode);
    }
  } catch (error) {
    // Where that fails too the first reason is the one that helps; what is kept stays for aios adopt --undo.
    await takeBack(powers, place, changes).catch(() => undefined);
    throw error;
  }
}

/**
 * Takes an adoption back: the originals byte for byte with their permissions, then what was kept for that. Throws
 * `CliFailure` `changed-since`, with nothing done, when a file is neither what it was nor what it became.
 */
export async function takeBack(
  powers: Powers,
  place: AdoptionPlace,
  own: readonly { readonly path: string }[],
): Promise<readonly string[]> {
  const { drafts } = powers;
  const { folder, parent } = place;
  const adopted = await readAdopted(powers, place);
  const restored: string[] = [];
  if (adopted !== null) {
    const stand = await standings(powers, adopted);
    for (const [at, { path, before }] of adopted.files.entries()) {
      if (stand[at] === "changed")
        throw changed(path, `see what: diff ${backup(folder, at)} ${path}; then put back by hand what you want of it`);
      if (stand[at] === "after" && (await drafts.digest(backup(folder, at))) !== before)
        throw changed(backup(folder, at));
    }
    for (const [at, { path, mode }] of adopted.files.entries()) {
      if (stand[at] !== "after") continue;
      await drafts.exchange(path, { file: backup(folder, at) }, mode);
      restored.push(path);
    }
  }
  for (const path of [...own, ...(adopted?.files ?? [])].map((each) => each.path)) await drafts.clearExchange(path);
  // Backups first: while the list is there, it is known what is missing.
  if (adopted === null) await clearRemains(drafts, place, own);
  else {
    for (const at of adopted.files.keys()) await drafts.remove(backup(folder, at));
    await drafts.remove(`${folder}/${MANIFEST}`);
  }
  await drafts.remove(folder);
  await drafts.remove(parent);
  return restored;
}

/** What an adoption leaves that was cut off before its list was written: copies of files that were not changed yet. */
async function clearRemains(
  drafts: Drafts,
  { folder }: AdoptionPlace,
  own: readonly { readonly path: string }[],
): Promise<void> {
  const now = new Set(await Promise.all(own.map(({ path }) => drafts.digest(path))));
  for (const name of await drafts.names(folder)) {
    const path = `${folder}/${name}`;
    // Half a copy has the name of one that is being written.
    const isHalf = /^(?:before-\d|adopted\.json)\.[0-9a-f]{16}$/u.test(name);
    const isCopy = /^before-\d$/u.test(name) && now.has(await drafts.digest(path));
    if (!isHalf && !isCopy) {
      throw CliFailure.of(
        "already-there",
        `Nothing was changed: ${path} is there, and no list says of what it is the original`,
        "compare it with your configuration, and remove it",
      );
    }
    await drafts.remove(path);
  }
  for (const { path } of own) await drafts.clearExchange(path);
  await drafts.remove(folder);
}

function changed(path: string, hint: string | null = null): CliFailure {
  return CliFailure.of("changed-since", `Nothing was changed: ${path} is not what it was`, hint);
}
