import { lstatSync, readFileSync } from "node:fs";
import { PlatformError } from "./platform-error.ts";

/** Longest address, in bytes. */
const LONGEST = 2048;

/**
 * The address that a home names for alerts: the one line of a file of its own, or null when there is none. The file must
 * be a regular one of this user's that nobody else may write. Throws `bad-alert-address`.
 */
export function readAlertAddress(path: string): string | null {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return null;
  const refuse = (why: string): PlatformError =>
    new PlatformError(
      "bad-alert-address",
      `Cannot use "${path}": ${why}`,
      "put one https address into it, or remove it",
    );
  if (!found.isFile() || found.uid !== process.geteuid?.() || (found.mode & 0o022) !== 0) {
    throw refuse("it is no file of this user's that others may not write");
  }
  if (found.size > LONGEST) throw refuse("it is too long");
  const text = readFileSync(path, "utf8").replace(/\n$/, "");
  if (!/^[\x21-\x7e]+$/.test(text)) throw refuse("it is not one line of an address");
  return text;
}
