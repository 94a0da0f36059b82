import { fromBase64, toBase64 } from "./bytes.ts";
import type { ProofPowers } from "./log-proof.ts";
import { createTreeHasher, HASH_BYTES } from "./merkle.ts";
import { verifyConsistency } from "./merkle-proof.ts";
import { openNote, parseCheckpoint, splitNote, type CheckpointBody, type NoteKey } from "./note.ts";

/** What a log and a witness say to each other: `add-checkpoint` of c2sp.org/tlog-witness. Pure; nothing is kept here. */

const OLD = /^old (?<size>0|[1-9][0-9]{0,15})$/;
const SIZE = /^(?<size>0|[1-9][0-9]{0,15})\n$/;
const MAX_PATH = 63;
/** Most characters of a request: the path, and a note with a hundred signatures. */
export const MAX_WITNESS_REQUEST: number = 64 * 1024;

/** A checkpoint, and the proof that it grew from what the witness saw last. */
export interface AddCheckpoint {
  /** Size that the witness saw last, 0 when it saw nothing. */
  readonly old: number;
  readonly path: readonly Uint8Array[];
  /** The signed note. */
  readonly note: string;
}

/** The body of a request. */
export function writeAddCheckpoint({ old, path, note }: AddCheckpoint): string {
  return `old ${old}\n${path.map((hash) => `${toBase64(hash)}\n`).join("")}\n${note}`;
}

/** Reads the body of a request, or gives null when it is none. */
export function readAddCheckpoint(body: string): AddCheckpoint | null {
  const end = body.indexOf("\n\n");
  if (body.length > MAX_WITNESS_REQUEST || end < 0) return null;
  const [first = "", ...lines] = body.slice(0, end).split("\n");
  const old = Number(OLD.exec(first)?.groups?.["size"] ?? Number.NaN);
  if (!Number.isSafeInteger(old) || lines.length > MAX_PATH) return null;
  const path: Uint8Array[] = [];
  for (const line of lines) {
    const hash = fromBase64(line);
    if (hash?.length !== HASH_BYTES) return null;
    path.push(hash);
  }
  return { old, path, note: body.slice(end + 2) };
}

/** What a witness answers, in the specification's statuses; `size` is what it saw last where that is the matter. */
export type WitnessRefusal =
  | { readonly status: 400 | 403 | 404 | 422; readonly why: string }
  | { readonly status: 409; readonly size: number; readonly why: string };

/** What a witness makes of a checkpoint. */
export type Judged =
  | { readonly kind: "grown"; readonly checkpoint: CheckpointBody; readonly text: string; readonly note: string }
  | ({ readonly kind: "refused" } & WitnessRefusal);

/**
 * Whether a witness may cosign a checkpoint: a log that it knows signed it, and it grew from the one that it saw last.
 * The caller keeps the new one durably before it answers, and judges one checkpoint of a log at a time: otherwise two
 * requests could each be measured by the old size, and the later answer roll the earlier back.
 */
export function judgeCheckpoint(
  { old, path, note }: AddCheckpoint,
  options: {
    /** The logs that the witness looks after, by their keys. */
    readonly logs: readonly NoteKey[];
    /** The checkpoint of an origin that it saw last; null for none. */
    seen(origin: string): CheckpointBody | null;
    readonly powers: ProofPowers;
  },
): Judged {
  const { logs, powers } = options;
  const parts = splitNote(note);
  const claimed = parseCheckpoint(parts?.text ?? "");
  if (parts === null || claimed === null) return refused(400, "this is no checkpoint");
  const keys = logs.filter(({ name }) => name === claimed.origin);
  if (keys.length === 0) return refused(404, "this witness does not look after that log");
  const sha256 = (data: Uint8Array): Uint8Array => powers.sha256(data);
  const verify = (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
    powers.verify(key, message, signature);
  if (!keys.some((key) => openNote(note, { key, sha256, verify }) !== null)) {
    return refused(403, "no key of that log signed this");
  }
  if (old > claimed.size) return refused(400, "the old size is larger than the checkpoint's");
  const seen = options.seen(claimed.origin);
  const size = seen?.size ?? 0;
  if (old !== size) return { kind: "refused", status: 409, size, why: "the old size is not what was seen last" };
  const hasher = createTreeHasher(sha256);
  const fromRoot = seen?.root ?? hasher.empty;
  if (old > 0 && old === claimed.size && toBase64(fromRoot) !== toBase64(claimed.root)) {
    return { kind: "refused", status: 409, size, why: "another root was seen at this size: the log was forked" };
  }
  const claim = { from: old, to: claimed.size, path, fromRoot, toRoot: claimed.root };
  if (!verifyConsistency(hasher, claim)) return refused(422, "it is not shown to have grown from what was seen last");
  return { kind: "grown", checkpoint: claimed, text: parts.text, note };
}

/** The size in the answer to a request that named another: what the witness saw last. Null when it says none. */
export function readSeenSize(answer: string): number | null {
  const size = Number(SIZE.exec(answer)?.groups?.["size"] ?? Number.NaN);
  return Number.isSafeInteger(size) ? size : null;
}

function refused(status: 400 | 403 | 404 | 422, why: string): Judged {
  return { kind: "refused", status, why };
}
