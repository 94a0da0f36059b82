import { createHash, type Hash } from "node:crypto";
import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  type BigIntStats,
} from "node:fs";
import { join } from "node:path";
import { createWorkerTask, type WorkerBounds } from "../worker.ts";

/** More than any server we know needs; a folder over this is not one server's code. */
const MAX_FILES = 50_000;
/** A file that changed this recently could change again within the same tick of its change time; it is read each time. */
const SETTLED_NS = 2_000_000_000n;

/** What a worker is asked: the digest of some paths, unless their fingerprint is still the one given. */
export interface DigestRequest {
  readonly paths: readonly string[];
  readonly known: string | null;
  /** Nanoseconds since 1970 UTC. */
  readonly now: bigint;
}

/** `digest` is null when the fingerprint is the known one; `fingerprint` is null when something changed too recently. */
export type DigestAnswer =
  | { readonly kind: "done"; readonly digest: string | null; readonly fingerprint: string | null }
  | { readonly kind: "failed"; readonly message: string };

/**
 * Digests code in a thread of its own, so that thousands of files hold nobody up. What was digested before is compared by
 * inode, size and change time, which no program can set, and read again only when one of them differs.
 */
export function createCodeDigest(
  program: URL,
  environment: WorkerBounds["environment"] = {},
): (paths: readonly string[]) => Promise<string> {
  const task = createWorkerTask(program, { milliseconds: 60_000, heap: 256, environment });
  const known = new Map<string, { readonly fingerprint: string; readonly digest: string }>();
  const under = new Map<string, Promise<string>>();
  return (paths) => {
    const key = JSON.stringify(paths);
    const running = under.get(key) ?? digest(key, paths).finally(() => under.delete(key));
    under.set(key, running);
    return running;
  };

  async function digest(key: string, paths: readonly string[]): Promise<string> {
    const before = known.get(key);
    const now = BigInt(Date.now()) * 1_000_000n;
    const answer = await firstAnswer(task.run({ paths, known: before?.fingerprint ?? null, now }));
    if (answer.kind === "failed") throw new Error(answer.message);
    const found = answer.digest ?? before?.digest;
    if (found === undefined) throw new Error("Cannot pin code: the worker gave no digest");
    if (answer.fingerprint === null) known.delete(key);
    else known.set(key, { fingerprint: answer.fingerprint, digest: found });
    return found;
  }
}

async function firstAnswer(parts: AsyncIterable<unknown>): Promise<DigestAnswer> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program answers, with what `answerDigest` gives
  for await (const part of parts) return part as DigestAnswer;
  throw new Error("Cannot pin code: the worker gave no answer");
}

/** What the worker does. Never throws. */
export function answerDigest({ paths, known, now }: DigestRequest): DigestAnswer {
  try {
    const before = fingerprintCode(paths);
    if (known !== null && before.text === known) return { kind: "done", digest: null, fingerprint: known };
    const digest = digestCode(paths);
    // Looked at again: what changed while it was read must be read once more the next time.
    const after = fingerprintCode(paths);
    const settled = after.text === before.text && now - after.newest > SETTLED_NS;
    return { kind: "done", digest, fingerprint: settled ? after.text : null };
  } catch (error) {
    return { kind: "failed", message: error instanceof Error ? error.message : "Cannot pin code" };
  }
}

/**
 * The content of some files and folders as one digest: `sha256:` over the sorted names, kinds, executable bits, link
 * targets and bytes of everything below them. Links are recorded, never followed. A byte that changes changes it.
 * Throws when something cannot be read or there are more than 50,000 files.
 */
export function digestCode(paths: readonly string[]): string {
  const hash = createHash("sha256");
  visit(paths, hash, (path) => {
    const fd = openSync(path, "r");
    try {
      // The size is that of what is read: a file that grew since it was listed has its new bytes counted.
      const bytes = readFileSync(fd);
      field(hash, `file ${bytes.length} ${(fstatSync(fd).mode & 0o111) === 0 ? "-" : "x"}`);
      hash.update(bytes);
    } finally {
      closeSync(fd);
    }
  });
  return `sha256:${hash.digest("hex")}`;
}

/** The same walk over inode numbers, sizes, modes and change times instead of bytes; `newest` is the latest change. */
function fingerprintCode(paths: readonly string[]): { readonly text: string; readonly newest: bigint } {
  const hash = createHash("sha256");
  let newest = 0n;
  visit(
    paths,
    hash,
    (_path, stat) => field(hash, `${stat.dev} ${stat.ino} ${stat.size} ${stat.mode} ${stat.ctimeNs}`),
    (stat) => {
      if (stat.ctimeNs > newest) newest = stat.ctimeNs;
    },
  );
  return { text: hash.digest("hex"), newest };
}

function visit(
  paths: readonly string[],
  hash: Hash,
  file: (path: string, stat: BigIntStats) => void,
  entry: (stat: BigIntStats) => void = () => undefined,
): void {
  let left = MAX_FILES;
  const enter = (path: string): void => {
    left -= 1;
    if (left < 0) throw new Error(`Cannot pin code: more than ${MAX_FILES} files`);
    const stat = lstatSync(path, { bigint: true });
    entry(stat);
    if (stat.isSymbolicLink()) {
      field(hash, "link");
      field(hash, readlinkSync(path));
    } else if (stat.isDirectory()) {
      const names = readdirSync(path).toSorted();
      field(hash, `folder ${names.length}`);
      for (const name of names) {
        field(hash, name);
        enter(join(path, name));
      }
    } else if (stat.isFile()) file(path, stat);
    else throw new Error(`Cannot pin ${path}: it is neither a file, a folder nor a link`);
  };
  for (const path of [...paths].toSorted()) {
    field(hash, path);
    enter(path);
  }
}

/** Length first, so that no two different trees give the same bytes. */
function field(hash: Hash, text: string): void {
  const bytes = Buffer.from(text);
  hash.update(`${bytes.length}:`);
  hash.update(bytes);
}
