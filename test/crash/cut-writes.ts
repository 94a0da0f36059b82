import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/*
 * Stands between a program and its file system: from a change of it on that is named by its number, either nothing happens any more,
 * as for a process that was killed there, or nothing finds room any more. To be imported before whatever it stands in front of.
 */

/** `killed`: no change from there on, not even a removal. `full`: what needs room fails, what makes room does not. */
export type Cut = "killed" | "full";

const ROOM = ["write", "writeSync", "link", "linkSync", "mkdir", "mkdirSync", "rename", "renameSync"] as const;
const FREE = ["rm", "rmSync", "rmdir", "rmdirSync", "unlink", "unlinkSync"] as const;
const SYNC = ["fsync", "fsyncSync", "fdatasync", "fdatasyncSync"] as const;
const OPEN = ["open", "openSync"] as const;

let count = 0;
let cut: { readonly how: Cut; readonly at: number } | null = null;

/** Counts changes from 0 again, and cuts from change `at` on; null cuts nothing. */
export function cutWrites(next: typeof cut): void {
  count = 0;
  cut = next;
}

/** Changes so far, those included that did not happen. */
export function writesSoFar(): number {
  return count;
}

/** The error of a change that does not happen, or null. */
function faultOf(needsRoom: boolean): Error | null {
  count += 1;
  if (cut === null || count <= cut.at) return null;
  if (cut.how === "killed") return Object.assign(new Error("EIO: killed"), { code: "EIO" });
  return needsRoom ? Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" }) : null;
}

type Call = (...words: readonly unknown[]) => unknown;

function isWriting(name: string, words: readonly unknown[]): boolean {
  if (!OPEN.some((each) => each === name)) return true;
  return typeof words[1] === "number" && (words[1] & fs.constants.O_CREAT) !== 0;
}

function guard(
  owner: Record<string, Call>,
  name: string,
  kind: { readonly room: boolean; readonly promised: boolean },
) {
  const real = owner[name];
  if (real === undefined) throw new Error(`there is no ${name}`);
  const guarded = (...words: readonly unknown[]): unknown => {
    const fault = isWriting(name, words) ? faultOf(kind.room) : null;
    if (fault === null) return real(...words);
    if (kind.promised) return Promise.reject(fault);
    if (name.endsWith("Sync")) throw fault;
    const done = words.at(-1);
    if (typeof done === "function") process.nextTick(done, fault);
    return undefined;
  };
  // What `promisify` knows of a function is among its own properties.
  Object.defineProperties(guarded, Object.getOwnPropertyDescriptors(real));
  owner[name] = guarded;
}

const calls = fs as unknown as Record<string, Call>; // the functions of a module, by name
const promised = fs.promises as unknown as Record<string, Call>; // the same
for (const name of [...ROOM, ...OPEN]) guard(calls, name, { room: true, promised: false });
for (const name of [...FREE, ...SYNC]) guard(calls, name, { room: false, promised: false });
for (const name of ["mkdir", "rename", "link"]) guard(promised, name, { room: true, promised: true });
for (const name of ["rm", "rmdir", "unlink"]) guard(promised, name, { room: false, promised: true });
syncBuiltinESMExports();
