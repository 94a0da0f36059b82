import type { FileOperation, StorageAnswer } from "../../sandbox/storage-wire.ts";
import { NOTE_PATH_MOST } from "../../sandbox/storage-wire.ts";
import { errnoOf } from "../libc.ts";

/** An answer, and the descriptor that goes with it. */
export interface Acted {
  readonly answer: StorageAnswer;
  readonly fd: number | null;
}

/** The kernel does it, or says what is wrong. */
export const PASS: Acted = { answer: { answer: "pass" }, fd: null };

/** The answer to a change of which `result` is what the C call gave. */
export function finish(result: number, operation: FileOperation, path: string): Acted {
  if (result < 0) return failed(result);
  return { answer: { answer: "done", note: { operation, path: shown(path) } }, fd: null };
}

/** A path for people and records: its bytes as UTF-8, not too long. */
export function shown(path: string): string {
  return Buffer.from(path, "latin1").toString("utf8").slice(0, NOTE_PATH_MOST).toWellFormed();
}

/** An error like any other, here as a negative number; nothing is recorded. */
export function failed(result: number): Acted {
  return { answer: { answer: "failed", errno: -result, refused: null }, fd: null };
}

/** It stays as it is, which is recorded, and the caller goes on as where a file system has no such thing to change. */
export function keptAsItIs(operation: FileOperation, path: string, why: string): Acted {
  return { answer: { answer: "kept", refused: { operation, path: shown(path), why } }, fd: null };
}

/** The error is the one that the wall has, so that both look the same from inside. */
export function refused(operation: FileOperation, path: string, why: string): Acted {
  const note = { operation, path: shown(path), why };
  return { answer: { answer: "failed", errno: errnoOf("EACCES"), refused: note }, fd: null };
}

/** There is no room to undo it. */
export function full(operation: FileOperation, path: string): Acted {
  return unkept(-errnoOf("EDQUOT"), operation, path);
}

/** A change that is refused and recorded, with this error, since it could not be undone. */
export function unkept(
  result: number,
  operation: FileOperation,
  path: string,
  why = "what was there before could not be kept",
): Acted {
  return { answer: { answer: "failed", errno: -result, refused: { operation, path: shown(path), why } }, fd: null };
}

/** The same, of a file that may have other names. */
export function unready(result: number, operation: FileOperation, path: string): Acted {
  return unkept(result, operation, path, "it could not be kept, or not be copied away from its other names");
}
