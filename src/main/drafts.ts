import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { CliFailure } from "../cli/failure.ts";
import type { Drafts } from "../cli/powers.ts";
import { writeAtomically } from "../platform/atomic-file.ts";
import type { Crypto } from "../platform/powers.ts";

const OWN_FILE = 0o600;

/** Writes as the person who runs the command line. Bytes are copied, never read as text and written again. */
export function createDrafts(crypto: Pick<Crypto, "digest">): Drafts {
  return {
    makeFolder: (path) => write(path, () => mkdirSync(path, { mode: 0o700 })),
    write: (path, text) => write(path, () => writeAtomically(path, text, { mode: OWN_FILE, existing: "fail" })),
    pour: (path, parts) => pour(path, parts),
    copy: (from, to) => write(to, () => writeAtomically(to, readFileSync(from), { mode: OWN_FILE, existing: "fail" })),
    replace: (path, by) =>
      write(path, () => {
        const real = realpathSync(path);
        const bytes = "text" in by ? by.text : readFileSync(by.file);
        writeAtomically(real, bytes, { mode: statSync(real).mode & 0o777, existing: "replace" });
      }),
    digest: (path) => write(path, () => (existsSync(path) ? crypto.digest(readFileSync(path)) : null)),
    remove: (path) => write(path, () => remove(path)),
  };
}

async function pour(path: string, parts: AsyncIterable<string>): Promise<void> {
  const file = await write(path, () => openSync(path, "wx", OWN_FILE));
  try {
    for await (const part of parts) await write(path, () => writeWhole(file, Buffer.from(part)));
    await write(path, () => fsyncSync(file));
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
}

function remove(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (!found.isDirectory()) {
    rmSync(path);
    return true;
  }
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOTEMPTY") return false;
    throw error;
  }
}

function write<T>(path: string, act: () => T): Promise<T> {
  try {
    return Promise.resolve(act());
  } catch (error) {
    const code = codeOf(error);
    if (code === null) throw error;
    return Promise.reject(
      code === "EEXIST"
        ? CliFailure.of("already-there", `Cannot make ${path}: something is there already`, "name another place")
        : CliFailure.of("file-unwritable", `Cannot write ${path}: ${code}`),
    );
  }
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}
