import { PlanRefused } from "../extensions/adopt/client-plan.ts";
import { CONFIGURATION_BYTES } from "../extensions/scan/configuration.ts";
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

function listOf(files: readonly ChangedFile[]): string {
  return `${JSON.stringify({ v: "1", files }, null, 2)}\n`;
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
    await drafts.write(`${folder}/${MANIFEST}`, listOf(files));
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

/** One file that was taken back. */
export interface Restored {
  readonly path: string;
  /** What came back into a file that was changed since; null: it is byte for byte what it was. */
  readonly servers: readonly string[] | null;
}

/** Puts what an adoption took out of a file into what the file is now. Throws `PlanRefused`. */
export type Return = (
  path: string,
  texts: { readonly now: string; readonly original: string },
) => { readonly text: string; readonly servers: readonly string[] };

/**
 * Takes an adoption back: the originals byte for byte with their permissions, then what was kept for that. A file that was
 * changed since is left to `put`. Throws `CliFailure` `changed-since`, with nothing done, when that does not do or is null.
 */
export async function takeBack(
  powers: Powers,
  place: AdoptionPlace,
  own: readonly { readonly path: string }[],
  put: Return | null = null,
): Promise<readonly Restored[]> {
  const { drafts } = powers;
  const { folder, parent } = place;
  const adopted = await readAdopted(powers, place);
  const restored = adopted === null ? [] : await putBack(powers, { folder, adopted, put });
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

/** All files are looked at before the first is written. Cut off between two of them, it does the rest when it is called again. */
async function putBack(
  powers: Powers,
  { folder, adopted, put }: { readonly folder: string; readonly adopted: AdoptedClient; readonly put: Return | null },
): Promise<readonly Restored[]> {
  const { drafts } = powers;
  const stand = await standings(powers, adopted);
  const merged = new Map<string, Merged>();
  for (const [at, file] of adopted.files.entries()) {
    const kept = backup(folder, at);
    if (stand[at] === "changed") merged.set(file.path, await mergeInto(powers, { file, kept, put }));
    else if (stand[at] === "after" && (await drafts.digest(kept)) !== file.before) throw changed(kept);
  }
  const restored: Restored[] = [];
  for (const [at, { path, mode }] of adopted.files.entries()) {
    const own = merged.get(path);
    if (own !== undefined) {
      if ((await drafts.digest(path)) !== own.digest) throw changed(path, "quit what writes it, then type this again");
      await drafts.exchange(path, { text: own.text }, own.mode);
      restored.push({ path, servers: own.servers });
    } else if (stand[at] === "after") {
      await drafts.exchange(path, { file: backup(folder, at) }, mode);
      restored.push({ path, servers: null });
    }
  }
  // From now on what was put together is the original: what was kept may go, in any number of steps.
  const files = adopted.files.map((file) => {
    const own = merged.get(file.path);
    return own === undefined ? file : { ...file, before: powers.crypto.digest(own.text) };
  });
  if (merged.size > 0) await drafts.replace(`${folder}/${MANIFEST}`, { text: listOf(files) });
  return restored;
}

interface Merged {
  readonly text: string;
  readonly servers: readonly string[];
  /** Of the file as it was read for this. */
  readonly digest: string;
  readonly mode: number;
}

async function mergeInto(
  powers: Powers,
  { file, kept, put }: { readonly file: ChangedFile; readonly kept: string; readonly put: Return | null },
): Promise<Merged> {
  const { path, before } = file;
  const byHand = `see what: diff ${kept} ${path}; then put back by hand what you want of it`;
  const now = await powers.drafts.inspect(path, CONFIGURATION_BYTES);
  if (now.kind === "absent") throw changed(path, `it is gone: cp ${kept} ${path}, then type this again`);
  if (now.kind === "refused" || put === null) throw changed(path, byHand);
  if ((await powers.drafts.digest(kept)) !== before) throw changed(kept);
  const original = await powers.files.read(kept, CONFIGURATION_BYTES);
  try {
    return { ...put(path, { now: now.text, original }), digest: now.digest, mode: now.mode };
  } catch (error) {
    if (!(error instanceof PlanRefused)) throw error;
    throw changed(path, `${error.message}; ${byHand}`);
  }
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
