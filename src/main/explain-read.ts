const READ_FAULTS: ReadonlyMap<unknown, string> = new Map([
  ["ENOENT", "it does not exist"],
  ["ENOTDIR", "it does not exist"],
  ["EISDIR", "it is a folder"],
  ["EACCES", "you may not read it"],
  ["ELOOP", "it is behind links that lead in a circle"],
  ["ENAMETOOLONG", "its name is too long"],
  ["ENXIO", "it is no file"],
  ["ERR_ENCODING_INVALID_ENCODED_DATA", "it is not UTF-8 text"],
]);

/** Why something that a person named cannot be read, in words. */
export function explainRead(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : error;
  return READ_FAULTS.get(code) ?? String(code);
}
