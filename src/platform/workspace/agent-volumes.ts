import { closeSync, fchmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../files/atomic-file.ts";
import { makePlaces, openTree, type TreeSize } from "../files/hostile-tree.ts";
import { PlatformError } from "../platform-error.ts";
import type { VolumeAnswer, VolumeOrder } from "../files/volume-work.ts";
import { createWorkerTask, type WorkerBounds } from "../worker.ts";

/** Homes of agents on disk: a volume for each, which its agent writes, and beside it what only owners put there. */
export interface AgentVolumes {
  /** Agents that have one. */
  list(): readonly string[];
  /** What an agent keeps, in a thread; of one without a volume nothing. Rejects when it cannot be read, or takes a minute. */
  measure(
    agent: string,
    within: { readonly bytes: number; readonly entries: number; readonly namespace: number | null },
  ): Promise<TreeSize>;
  /** Bytes that are free where the volumes lie: cheap, and shows that somebody is writing. */
  free(): Promise<number>;
  /**
   * Makes the volume when there is none, and in it the places that sealed paths are mounted on; no agent may run in it.
   * Gives its host path, and what was in the way of a place and put aside. Throws the error of the file system.
   */
  prepare(agent: string, sealed: readonly string[]): { readonly host: string; readonly aside: readonly string[] };
  /** Removes everything that the agent keeps; no agent may run in it. Rejects when something stays. */
  wipe(agent: string): Promise<void>;
  /** Keeps the text of a sealed file under its digest (64 hex digits), durably. Throws the error of the file system. */
  keep(agent: string, file: { readonly digest: string; readonly text: string }): void;
  /** The text kept under a digest; null when there is none that can be read. Whoever uses it compares the digest. */
  read(agent: string, digest: string): string | null;
  /** Forgets what is kept under other digests than these. Never throws. */
  forgetOthers(agent: string, digests: readonly string[]): void;
}

/** Walks of one agent's home take at most this, milliseconds. */
const PATIENCE = 60_000;

/** @param folders where volumes and sealed files lie, each 0700 and ours; @param program `main/volume-worker.ts`. */
export function openAgentVolumes(
  folders: { readonly volumes: string; readonly sealed: string },
  program: URL,
  environment: WorkerBounds["environment"] = {},
): AgentVolumes {
  const task = createWorkerTask(program, { milliseconds: PATIENCE, heap: 128, environment });
  const volume = (agent: string): string => join(folders.volumes, agent);
  const store = (agent: string): string => join(folders.sealed, agent);

  async function order(wanted: VolumeOrder): Promise<VolumeAnswer> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program answers, with what `answerVolume` gives
    for await (const part of task.run(wanted)) return part as VolumeAnswer;
    return { kind: "failed", message: "the thread gave no answer" };
  }

  return Object.freeze({
    list: () => readdirSync(folders.volumes).toSorted(),
    async measure(agent, within) {
      if (!isFolder(volume(agent))) return { bytes: 0, entries: 0, whole: true };
      const answer = await order({ kind: "measure", path: volume(agent), ...within });
      if (answer.kind === "measured") return answer.size;
      throw new Error(answer.kind === "failed" ? answer.message : "it was not measured");
    },
    async free() {
      const { bavail, bsize } = await statfs(folders.volumes);
      return bavail * bsize;
    },
    prepare(agent, sealed) {
      const host = volume(agent);
      makeFolder(host);
      const root = openTree(host);
      try {
        fchmodSync(root, 0o700); // the agent may have changed it: it is its owner
        return { host, aside: makePlaces(root, sealed) };
      } finally {
        closeSync(root);
      }
    },
    async wipe(agent) {
      if (!isFolder(volume(agent))) return;
      const answer = await order({ kind: "empty", path: volume(agent) });
      if (answer.kind !== "emptied") throw new Error(answer.kind === "failed" ? answer.message : "it was not emptied");
    },
    keep(agent, { digest, text }) {
      makeFolder(store(agent));
      writeAtomically(join(store(agent), digest), text, { mode: 0o600, existing: "replace" });
    },
    read(agent, digest) {
      try {
        return readFileSync(join(store(agent), digest), "utf8");
      } catch {
        return null;
      }
    },
    forgetOthers(agent, digests) {
      if (!isFolder(store(agent))) return;
      for (const name of readdirSync(store(agent))) {
        if (!digests.includes(name)) rmSync(join(store(agent), name), { force: true });
      }
    },
  } satisfies AgentVolumes);
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** As every folder of a home: real and ours. Throws `home-permissions`. */
function makeFolder(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path, { mode: 0o700 });
  const found = lstatSync(path);
  if (found.isDirectory() && found.uid === process.geteuid?.()) return;
  throw new PlatformError("home-permissions", `Cannot use "${path}": it is not a folder of this user`);
}
