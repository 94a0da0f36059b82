import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { basename, join } from "node:path";

/** A program of the tests without its types, in a folder: they are taken out once, and not by each of hundreds of agents. */
export function plainProgram(program: string, folder: string): string {
  const path = join(folder, `${basename(program, ".ts")}.mjs`);
  if (!existsSync(path)) writeFileSync(path, stripTypeScriptTypes(readFileSync(program, "utf8")), { mode: 0o644 });
  return path;
}
