import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { syncFolder, writeAtomically } from "./atomic-file.ts";
import { findFile } from "./found-file.ts";
import type { SealedTree } from "./sealed-tree.ts";
import type { VolumeAnswer, VolumeOrder } from "./volume-work.ts";
import { createWorkerTask, type WorkerBounds } from "../worker.ts";

/** A folder in which one extension is made ready; host paths. */
export interface Staging {
  readonly folder: string;
  /** Where it is unpacked. */
  readonly tree: string;
  /** Where what was fetched is put, as the file `package`. */
  readonly fetched: string;
}

/** Extensions on disk, each under the digest of all that it is. What is here does nothing, and says nothing of trust. */
export interface ExtensionStore {
  stage(): Staging;
  /** Removes what was not kept. */
  drop(staging: Staging): Promise<void>;
  /** Makes what was unpacked read-only and durable, and reads all of it. Rejects when it is not only files and folders. */
  seal(staging: Staging): Promise<SealedTree>;
  /** Puts a sealed tree, of an endpoint an empty one, and its manifest under an id. What is there is replaced. */
  keep(id: string, kept: { readonly staging: Staging; readonly manifest: string }): Promise<void>;
  /** Its manifest as it lies there; null when there is none. Whoever uses it compares its digest. */
  manifest(id: string): string | null;
  /** Text of a file at the top of its tree; null when there is none, or no UTF-8 text of at most so many bytes. Whoever uses it compares its digest. */
  text(id: string, file: { readonly name: string; readonly most: number }): Promise<string | null>;
  /** Where its tree lies; a host path. */
  treeOf(id: string): string;
  /** Reads every byte of a tree. Rejects when it is gone, or not only files and folders. */
  read(id: string): Promise<SealedTree>;
  remove(id: string): Promise<void>;
  /** Removes everything else: what a stop of the monitor left half done. */
  keepOnly(ids: ReadonlySet<string>): Promise<void>;
}

/** A quarter of a gibibyte is sealed in seconds; a machine that is busy takes longer. */
const PATIENCE = 300_000;
const PREFIX = "sha256:";

/** @param folder 0700 and ours; @param program `main/volume-worker.ts`. */
export function openExtensionStore(
  folder: string,
  program: URL,
  environment: WorkerBounds["environment"] = {},
): ExtensionStore {
  const task = createWorkerTask(program, { milliseconds: PATIENCE, heap: 256, environment });
  const placeOf = (id: string): string => join(folder, id.slice(PREFIX.length));

  async function order(kind: "seal" | "read" | "clear", path: string): Promise<VolumeAnswer> {
    const wanted: VolumeOrder = { kind, path };
    for await (const part of task.run(wanted)) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program answers, with what `answerVolume` gives
      const answer = part as VolumeAnswer;
      if (answer.kind === "failed") throw new Error(answer.message);
      return answer;
    }
    throw new Error("the thread gave no answer");
  }
  async function readAs(kind: "seal" | "read", path: string): Promise<SealedTree> {
    const answer = await order(kind, path);
    if (answer.kind !== "tree") throw new Error("the thread gave another answer");
    return answer.tree;
  }
  async function removeAll(path: string): Promise<void> {
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return rmSync(path, { force: true });
    await order("clear", path);
    rmdirSync(path);
  }

  return Object.freeze({
    stage() {
      const staging = join(folder, `staging-${randomBytes(16).toString("hex")}`);
      const made = { folder: staging, tree: join(staging, "tree"), fetched: join(staging, "fetched") };
      for (const path of [staging, made.tree, made.fetched]) mkdirSync(path, { mode: 0o700 });
      return made;
    },
    drop: (staging) => removeAll(staging.folder),
    seal: (staging) => readAs("seal", staging.tree),
    async keep(id, { staging, manifest }) {
      rmSync(staging.fetched, { recursive: true, force: true });
      writeAtomically(join(staging.folder, "manifest.json"), manifest, { mode: 0o400, existing: "fail" });
      await removeAll(placeOf(id));
      renameSync(staging.folder, placeOf(id));
      syncFolder(folder);
    },
    manifest(id) {
      try {
        return readFileSync(join(placeOf(id), "manifest.json"), "utf8");
      } catch {
        return null;
      }
    },
    async text(id, { name, most }) {
      const found = await findFile(join(placeOf(id), "tree"), { names: [name], most });
      return found.kind === "file" ? found.text : null;
    },
    treeOf: (id) => join(placeOf(id), "tree"),
    read: (id) => readAs("read", join(placeOf(id), "tree")),
    remove: (id) => removeAll(placeOf(id)),
    async keepOnly(ids) {
      const kept = new Set([...ids].map((id) => id.slice(PREFIX.length)));
      for (const name of readdirSync(folder)) if (!kept.has(name)) await removeAll(join(folder, name));
    },
  } satisfies ExtensionStore);
}
