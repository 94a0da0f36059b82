import { lstatSync, readFileSync } from "node:fs";
import { PlatformError } from "../platform-error.ts";

/** Longest address, in bytes. */
const LONGEST = 2048;

/**
 * What a home says of where alerts go: lines of printable ASCII in a file of its own, or null when there is none. The file
 * must be a regular one of this user's that nobody else may write. Throws `bad-alert-address`.
 */
export function readAlertAddress(path: string): string | null {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return null;
  const refuse = (why: string): PlatformError =>
    new PlatformError(
      "bad-alert-address",
      `Cannot use "${path}": ${why}`,
      "put an https address into it, or remove it",
    );
  if (!found.isFile() || found.uid !== process.geteuid?.() || (found.mode & 0o022) !== 0) {
    throw refuse("it is no file of this user's that others may not write");
  }
  if (found.size > LONGEST) throw refuse("it is too long");
  const text = readFileSync(path, "utf8").replace(/\n$/, "");
  if (!/^[\x20-\x7e\n]+$/.test(text)) throw refuse("it is not lines of plain text");
  return text;
}
