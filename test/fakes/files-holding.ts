import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Files below a folder that hold some bytes. What a running monitor has put in another's place meanwhile is gone, and holds nothing. */
export function filesHolding(folder: string, bytes: string | Buffer): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => read(path)?.includes(bytes) ?? false);
}

function read(path: string): Buffer | null {
  try {
    return statSync(path).isFile() ? readFileSync(path) : null;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
