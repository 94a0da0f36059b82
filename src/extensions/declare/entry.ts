/** Bytes of a path in a tree. */
const MOST = 1024;

/**
 * The program that Node is to run, as an extension names it: a path below its folder with one reading, without `./` before
 * it. Null for anything else.
 */
export function asEntry(value: unknown): string | null {
  if (typeof value !== "string" || value.length > MOST || !value.isWellFormed()) return null;
  const path = value.replace(/^(?:\.\/)+/u, "");
  const plain = /^[^\p{C}\p{Zl}\p{Zp}\\]+$/u.test(path);
  return plain && path.split("/").every((name) => name !== "" && name !== "." && name !== "..") ? path : null;
}
