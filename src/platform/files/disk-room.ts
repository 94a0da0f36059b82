import { closeSync, constants, fsyncSync, openSync, readdirSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { mountOf, type Mount } from "./mounted-at.ts";

/** What the disk of a folder takes. `bytes`: room for this user. */
export type DiskRoom =
  | { readonly kind: "room" | "full"; readonly bytes: number }
  /** `mount`: where it is mounted and from what, as far as that can be told, and the home that lies on it as a whole. */
  | { readonly kind: "read-only"; readonly mount: MountOfLog | null }
  /** A log was here, and its journal is not: its disk is not there, or somebody removed it. */
  | { readonly kind: "out" }
  /** It neither took what was written nor refused it, in the time that it was given. */
  | { readonly kind: "silent"; readonly seconds: number }
  /** Any other error number by its name. */
  | { readonly kind: "unwritable"; readonly why: string };

export interface MountOfLog extends Pick<Mount, "at" | "source"> {
  /** The home, when all of it is on that disk and not the log alone; else null. */
  readonly home: string | null;
}

/** About what a segment of the log and its tiles take. */
const PROBE_BYTES = 64 * 1024;

/**
 * Writes a little in a folder and removes it again: the only sure answer, where quotas and mounts have a say. Waits as long as the
 * disk does, and cannot be ended meanwhile: whoever must not wait has another process do it.
 */
export function lookAtDisk(folder: string): Exclude<DiskRoom, { readonly kind: "silent" | "out" }> {
  const path = join(folder, `room-${process.pid}`);
  try {
    const { bavail, bsize } = statfsSync(folder);
    try {
      const file = openSync(
        path,
        constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
        0o600,
      );
      try {
        const written = writeSync(file, Buffer.alloc(PROBE_BYTES));
        fsyncSync(file);
        return { kind: written === PROBE_BYTES ? "room" : "full", bytes: bavail * bsize };
      } finally {
        closeSync(file);
        rmSync(path, { force: true });
      }
    } catch (error) {
      const why = codeOf(error);
      if (why === "ENOSPC" || why === "EDQUOT") return { kind: "full", bytes: bavail * bsize };
      return why === "EROFS" ? { kind: "read-only", mount: null } : { kind: "unwritable", why };
    }
  } catch (error) {
    return { kind: "unwritable", why: codeOf(error) };
  }
}

/** The same of a home's log, which has keys elsewhere in the home from its first record on, and a journal. */
export function lookAtLogDisk(home: string): Exclude<DiskRoom, { readonly kind: "silent" }> {
  const log = join(home, "log");
  const wasWritten = namesIn(join(home, "keys", "payload-slots")).length > 0;
  if (wasWritten && namesIn(join(log, "journal")).length === 0) return { kind: "out" };
  const found = lookAtDisk(log);
  return found.kind === "read-only" ? { ...found, mount: findMount(home, log) } : found;
}

function findMount(home: string, log: string): MountOfLog | null {
  const found = mountOf(log);
  if (found === null) return null;
  const { at, source } = found;
  return { at, source, home: mountOf(home)?.at === at ? home : null };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
