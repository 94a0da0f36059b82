import type { JsonObject } from "../../src/kernel/json.ts";
import type { Log } from "../../src/monitor/log/log.ts";
import { verifyLog, type LogVerdict, type VerifyOptions } from "../../src/monitor/log/verify.ts";
import type { Clock, Signer } from "../../src/platform/powers.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { cosign } from "../../src/protocol/cosignature.ts";
import { noteKeyText, splitNote, type NoteKey } from "../../src/protocol/note.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import { recordText } from "../../src/protocol/record-codec.ts";
import { writeProof } from "../../src/protocol/proof-file.ts";
import { createMemoryDisk, type MemoryDisk } from "../fakes/memory-disk.ts";
import { CRYPTO, openTestLog, ORIGIN, SIGNER, STILL, testKeys } from "../fakes/open-log.ts";
import { note } from "../fakes/records.ts";

/** A witness of a test: a key under a name, always the same for the same number. */
export interface TestWitness {
  readonly key: NoteKey;
  readonly signer: Signer;
  /** The key in its text form. */
  readonly text: string;
}

const sha256 = (data: Uint8Array): Uint8Array => CRYPTO.sha256(data);

/** The log's key in its text form. */
export const LOG_KEY: string = noteKeyText(sha256, { name: ORIGIN, publicKey: SIGNER.publicKey });

/** Makes the witness of a number below 100. */
export function testWitness(number: number): TestWitness {
  const signer = createSigner(new Uint8Array(32).fill(100 + number));
  const key = { name: `witness.test/w${number}`, publicKey: signer.publicKey };
  return { key, signer, text: noteKeyText(sha256, key, "cosignature") };
}

/** A note, or a proof with one at its end, with the cosignature of a witness added; the time in seconds since 1970 UTC. */
export function addCosignature(written: string, { key, signer }: TestWitness, time: number): string {
  const signed = written.startsWith("c2sp.org/tlog-proof") ? written.slice(written.indexOf("\n\n") + 2) : written;
  const text = splitNote(signed)?.text ?? "";
  return written + cosign(text, { key, time, sha256, sign: (message) => signer.sign(message) });
}

/** A closed log on a disk of its own, and what somebody kept of it on the way. */
export interface MadeLog {
  readonly disk: MemoryDisk;
  readonly keys: MemoryDisk;
  /** Signed checkpoints by size. */
  readonly checkpoints: ReadonlyMap<number, string>;
  /** Proof files of some records, at the log's full size. */
  readonly proofs: ReadonlyMap<number, string>;
}

/** Time stands still, so that two logs of the same words are the same up to the first that differs. */
const FROZEN: Clock = { wall: () => 1_790_000_000_000, boot: () => 0, micros: () => 0 };

/** Makes a log of records that say `word` and their number; `changed` records say something else. */
export async function makeLog(options: {
  readonly sizes: readonly number[];
  readonly word?: string;
  readonly changed?: readonly number[];
  readonly prove?: readonly number[];
  /** Whether records have payloads, all of one length. */
  readonly payloads?: boolean;
}): Promise<MadeLog> {
  const disk = createMemoryDisk();
  const keys = createMemoryDisk();
  const log = await openTestLog("", { files: disk.open(), keys: testKeys(keys.open()), timer: STILL, clock: FROZEN });
  const checkpoints = new Map<number, string>();
  for (const size of options.sizes) {
    const payload = (seq: number): JsonObject | null =>
      options.payloads === true ? { text: `payload ${String(seq).padStart(6, "0")}` } : null;
    const word = (seq: number): string => (options.changed?.includes(seq) === true ? "changed" : (options.word ?? "x"));
    const fresh = Array.from({ length: size - log.size }, (_, at) => log.size + at);
    await Promise.all(fresh.map((seq) => log.append(note(`${word(seq)} ${seq}`), payload(seq))));
    checkpoints.set(size, (await log.checkpoint()).note);
  }
  const proofs = new Map<number, string>();
  for (const seq of options.prove ?? []) proofs.set(seq, await prove(log, seq));
  await log.close();
  return { disk, keys, checkpoints, proofs };
}

/** The proof file of one record, at the log's size now. */
export async function prove(log: Log, seq: number): Promise<string> {
  const checkpoint = await log.checkpoint();
  const path = (await log.inclusion(seq, checkpoint.size)).map(toBase64);
  for await (const { record } of log.entries(seq, seq + 1)) {
    return writeProof({ v: 1, seq, record: recordText(record), path, checkpoint: checkpoint.note });
  }
  throw new Error(`there is no record ${seq}`);
}

/** What a stranger gets of a log: no journal, no payloads. */
export function publicCopy(disk: MemoryDisk): MemoryDisk {
  const copy = createMemoryDisk();
  for (const path of disk.paths()) {
    if (/^(?:checkpoint|cosigned|tile\/.*)$/.test(path)) copy.put(path, disk.bytes(path) ?? new Uint8Array());
  }
  return copy;
}

/** Verifies a log with what its reader holds besides the key. */
export function verify(
  disk: MemoryDisk,
  holds: Pick<VerifyOptions, "earlier" | "copy" | "witnesses"> = {},
): Promise<LogVerdict> {
  return verifyLog(disk.open(), { powers: CRYPTO, publicKey: SIGNER.publicKey, origin: ORIGIN, ...holds });
}
