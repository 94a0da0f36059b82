import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { CliFailure } from "../cli/failure.ts";
import type { Drafts, OwnFile } from "../cli/draft-powers.ts";
import { writeAtomically } from "../platform/files/atomic-file.ts";
import type { Crypto } from "../platform/powers.ts";

const OWN_FILE = 0o600;
const SHARED_FILE = 0o644;

/** Writes as the person who runs the command line. Bytes are copied, never read as text and written again. */
export function createDrafts(crypto: Pick<Crypto, "digest">): Drafts {
  return {
    makeFolder: (path) => write(path, () => mkdirSync(path, { mode: 0o700 })),
    write: (path, text) => write(path, () => writeAtomically(path, text, { mode: OWN_FILE, existing: "fail" })),
    publish: (path, text) => write(path, () => writeAtomically(path, text, { mode: SHARED_FILE, existing: "fail" })),
    pour: (path, parts) => pour(path, parts),
    copy: (from, to) => write(to, () => writeAtomically(to, readFileSync(from), { mode: OWN_FILE, existing: "fail" })),
    replace: (path, by) =>
      write(path, () => {
        const real = realpathSync(path);
        const bytes = "text" in by ? by.text : readFileSync(by.file);
        writeAtomically(real, bytes, { mode: statSync(real).mode & 0o777, existing: "replace" });
      }),
    inspect: (path, most) => write(path, () => inspectOwn(path, { most, crypto })),
    exchange: (path, by, mode) =>
      write(path, () => exchange(path, "text" in by ? by.text : readFileSync(by.file), mode)),
    clearExchange: (path) => write(path, () => rmSync(freshName(path), { force: true })),
    names: (folder) => write(folder, () => (existsSync(folder) ? readdirSync(folder).toSorted() : [])),
    digest: (path) =>
      write(path, () =>
        statSync(path, { throwIfNoEntry: false })?.isFile() === true ? crypto.digest(readFileSync(path)) : null,
      ),
    remove: (path) => write(path, () => remove(path)),
  };
}

/** A name that nobody else gives: what is cut off leaves it, and is found by it. */
function freshName(path: string): string {
  return `${path}.aios-adopt`;
}

function exchange(path: string, bytes: string | Uint8Array, mode: number): void {
  const { gid: group } = lstatSync(path);
  rmSync(freshName(path), { force: true });
  writeAtomically(path, bytes, { mode, existing: "replace", exactly: { group }, fresh: freshName(path) });
}

function refused(code: Extract<OwnFile, { kind: "refused" }>["code"], why: string, hint: string): OwnFile {
  return { kind: "refused", code, why, hint };
}

function inspectOwn(
  path: string,
  { most, crypto }: { readonly most: number; readonly crypto: Pick<Crypto, "digest"> },
): OwnFile {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return { kind: "absent" };
  if (found.isSymbolicLink())
    return refused("bad-configuration", "it is a link", "put a copy of what it leads to in its place, and try again");
  if (!found.isFile()) return refused("bad-configuration", "it is no file", "see what lies there: ls -l");
  if (found.nlink > 1)
    return refused(
      "bad-configuration",
      "it has another name elsewhere",
      "put a copy of it in its place, and try again",
    );
  if (found.uid !== process.geteuid?.())
    return refused("file-unwritable", "it belongs to another user", "run this command as that user");
  if ((found.mode & 0o200) === 0 || !isWritable(path) || !isWritable(dirname(path)))
    return refused("file-unwritable", "it or its folder is not writable", "see why: ls -ld of both");
  if (found.size > most) return refused("file-too-large", `it has ${found.size} bytes`, `at most ${most} are read`);
  const bytes = readFileSync(path);
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { kind: "file", text, digest: crypto.digest(bytes), mode: found.mode & 0o777 };
  } catch {
    return refused("file-unreadable", "it is not UTF-8 text", "save it as UTF-8");
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
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
