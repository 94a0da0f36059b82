import { join } from "node:path";
import { readFileSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { CliFailure } from "../cli/failure.ts";
import type { Files, LogKeySource, LogVerifier, ReadMemory, Verified, WitnessChoice } from "../cli/powers.ts";
import { verifyLog, type VerifyOptions } from "../monitor/log/verify.ts";
import { openWaitingLogReader } from "../platform/log/waiting-log-reader.ts";
import type { Crypto } from "../platform/powers.ts";
import { createSigner } from "../platform/keys/signer.ts";
import { decodeUtf8, toHex } from "../protocol/bytes.ts";
import type { Cosigned } from "../protocol/cosignature.ts";
import { verifyProof } from "../protocol/log-proof.ts";
import { isExport, verifyExport } from "../protocol/memory-export.ts";
import { noteKeyText, parseCheckpoint, readNoteKey, splitNote, type NoteKey } from "../protocol/note.ts";
import { readProof } from "../protocol/proof-file.ts";
import { findWitnesses, type WitnessDemand } from "../protocol/witnessed.ts";
import { startChunkThreads } from "./chunk-threads.ts";
import { explainRead } from "./explain-read.ts";
import { logFolder } from "./log-folder.ts";
import { PUT_BACK } from "./log-repair.ts";
import { findLogProblem, type LogProblem } from "./look-at-log.ts";

/** A checkpoint with a hundred cosignatures has less. */
const MAX_NOTE_BYTES = 64 * 1024;

/** Verifies logs and proofs in this process, from files alone. `files` reads what the person named; a long log is read by `cores` threads. */
export function createLogVerifier(
  crypto: Crypto,
  files: Pick<Files, "read">,
  cores: number = availableParallelism(),
): LogVerifier {
  const sha256 = (data: Uint8Array): Uint8Array => crypto.sha256(data);
  const powers = { sha256, verify: crypto.verify.bind(crypto) };

  async function findKey(source: LogKeySource): Promise<NoteKey> {
    if (source.kind === "text") return readLogKey(source.text, sha256);
    const note = await openWaitingLogReader(logFolder(source.home)).read("checkpoint");
    const [name = ""] = (note === null ? "" : (decodeUtf8(note) ?? "")).split("\n");
    return { name, publicKey: readPublicKey(source.home) };
  }

  function readDemand({ keys, quorum, since }: WitnessChoice): WitnessDemand {
    return { keys: keys.map((key) => readWitnessKey(key, sha256)), quorum, since: Math.ceil(since / 1000) };
  }

  /** What a log is held against: checkpoints are read whole, a folder is a copy of the log. */
  async function readAgainst(paths: readonly string[]): Promise<Pick<VerifyOptions, "earlier" | "copy">> {
    const folders = paths.filter((path) => isFolder(path, TO_COMPARE));
    const [copy] = folders;
    if (folders.length > 1)
      throw CliFailure.of("usage", "A log is compared with one copy at a time", "name one folder, and any checkpoints");
    const earlier: string[] = [];
    for (const path of paths) if (path !== copy) earlier.push(await files.read(path, MAX_NOTE_BYTES));
    return copy === undefined ? { earlier } : { earlier, copy: openWaitingLogReader(copy) };
  }

  /** Who cosigned a checkpoint, or why that is not enough. */
  function witnessesOf(note: string, witnesses: WitnessChoice | null): readonly Cosigned[] | string {
    if (witnesses === null) return [];
    const found = findWitnesses(note, readDemand(witnesses), powers);
    return found.kind === "refused" ? `of its checkpoint: ${found.why}` : found.by;
  }

  async function readMemory({
    text,
    key: source,
    witnesses,
  }: Parameters<LogVerifier["memory"]>[0]): Promise<ReadMemory> {
    const key = await findKey(source);
    const found = verifyExport(text, { powers, publicKey: key.publicKey, origin: key.name });
    if (found.kind === "refused") return refuseMemory(found.why);
    const by = witnessesOf(found.head.checkpoint, witnesses);
    if (typeof by === "string") return refuseMemory(by);
    const { origin, size } = found.checkpoint;
    const { agent, plane, made } = found.head;
    const entries = found.entries.length;
    return {
      verified: {
        kind: "verified",
        facts: { origin, size, agent, plane, made, entries, witnessed: sayCosigned(by) },
        lines: [
          `${entries} entries of the ${plane} plane of ${agent}, as they stand in the log at size ${size}`,
          "whether others were left out nobody can say",
          ...sayWitnesses(by),
        ],
      },
      found,
    };
  }

  return {
    folder: logFolder,
    async verify({ folder: path, key: source, against, witnesses }): Promise<Verified> {
      const key = await findKey(source);
      // A home whose log is gone is refused as such a log; a folder that somebody named is looked for.
      const isOfHome = source.kind === "home" && path === logFolder(source.home);
      if (!isOfHome) insistOnFolder(path);
      const held = await readAgainst(against);
      const reader = openWaitingLogReader(path);
      // What it claims, which nothing but this goes by: it may be no checkpoint at all.
      const note = await reader.read("checkpoint").catch(() => null);
      const threads = startChunkThreads(
        { folder: path, reader, sha256 },
        { size: note === null ? 0 : sizeOf(decodeUtf8(note) ?? ""), cores },
      );
      const verdict = await verifyLog(reader, {
        powers,
        publicKey: key.publicKey,
        origin: key.name,
        ...held,
        ...(witnesses !== null && { witnesses: readDemand(witnesses) }),
        ...(threads !== null && { workers: threads.workers }),
      }).finally(() => threads?.end());
      if (verdict.kind === "refused") {
        return { kind: "refused", code: "log-refused", at: verdict.at, why: verdict.why };
      }
      const problem = isOfHome ? await findLogProblem(source.home, crypto) : null;
      if (problem !== null) return refuseHome(problem, verdict.size);
      const covers = held.copy !== undefined || (held.earlier ?? []).some((each) => sizeOf(each) > 0);
      const facts = {
        origin: key.name,
        size: verdict.size,
        root: toHex(verdict.root),
        key: noteKeyText(sha256, key),
        grownFromEarlier: covers,
        witnessed:
          verdict.witnessed === null ? null : { size: verdict.witnessed.size, by: sayCosigned(verdict.witnessed.by) },
        payloads: "not-read",
      };
      const lines = [
        `${facts.size} records`,
        `root ${facts.root}`,
        `key  ${facts.key}`,
        "payloads, which may be erased, were not read",
        ...(against.length === 0
          ? []
          : [
              covers
                ? "grown from what it was held against"
                : "what it was held against has no records, so it shows nothing",
            ]),
        ...(verdict.witnessed === null
          ? []
          : [`cosigned at ${verdict.witnessed.size} records`, ...sayWitnesses(verdict.witnessed.by)]),
      ];
      return { kind: "verified", facts, lines };
    },
    async check(given): Promise<Verified> {
      const { text: written, key: source, witnesses } = given;
      if (isExport(written)) return (await readMemory(given)).verified;
      const proof = readProof(written);
      if (proof === null) return { kind: "refused", code: "malformed", at: null, why: "it is not a proof" };
      const key = await findKey(source);
      const verdict = verifyProof(proof, { powers, publicKey: key.publicKey, origin: key.name });
      if (verdict.kind === "refused") return { kind: "refused", code: "proof-refused", at: null, why: verdict.why };
      const by = witnessesOf(proof.checkpoint, witnesses);
      if (typeof by === "string") return { kind: "refused", code: "proof-refused", at: null, why: by };
      const { origin, size } = verdict.checkpoint;
      return {
        kind: "verified",
        facts: { origin, size, seq: proof.seq, record: proof.record, witnessed: sayCosigned(by) },
        lines: [`record ${proof.seq} of the log at size ${size}`, proof.record, ...sayWitnesses(by)],
      };
    },
    memory: readMemory,
  };
}

/** What a checkpoint says. */
function sizeOf(note: string): number {
  return parseCheckpoint(splitNote(note)?.text ?? "")?.size ?? 0;
}

/** Its files are what they should be, as a copy of them would be, and the home that they lie in has lost something that no copy has. */
function refuseHome({ code, why }: LogProblem, size: number): Verified {
  const said = `its public files verify, ${size} records, and no monitor starts with it: ${why}; ${PUT_BACK}`;
  return { kind: "refused", code, at: null, why: said };
}

function refuseMemory(why: string): ReadMemory {
  return { verified: { kind: "refused", code: "proof-refused", at: null, why }, found: null };
}

function sayCosigned(by: readonly Cosigned[]): { readonly witness: string; readonly at: number }[] {
  return by.map(({ witness, time }) => ({ witness: witness.name, at: time * 1000 }));
}

function sayWitnesses(by: readonly Cosigned[]): readonly string[] {
  return by.map(({ witness, time }) => `  by ${witness.name} on ${new Date(time * 1000).toISOString()}`);
}

const OF_A_LOG = "name the folder of a log, which has the file checkpoint and the folder tile";
const TO_COMPARE = "name a checkpoint that you kept, or the folder of a copy of the log";

/** Whether a path leads to a folder; what leads nowhere is said in words. */
function isFolder(path: string, hint: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw CliFailure.of("file-unreadable", `Cannot read ${path}: ${explainRead(error)}`, hint);
  }
}

function insistOnFolder(path: string): void {
  if (!isFolder(path, OF_A_LOG)) {
    throw CliFailure.of("file-unreadable", `Cannot read ${path}: it is no folder`, OF_A_LOG);
  }
}

/** The public half of a home's log key. Whoever may read the file is the home's owner, who may see it. */
function readPublicKey(home: string): Uint8Array {
  try {
    const seed = readFileSync(join(home, "keys", "log-signing"));
    const { publicKey } = createSigner(seed);
    seed.fill(0);
    return publicKey;
  } catch {
    throw CliFailure.of(
      "no-home",
      `There is no log key in ${home}`,
      "name the home with --home, or the key with --key",
    );
  }
}

/** A note key in its text form; its id must fit, so that a mistyped key is told from a refused log. */
export function readLogKey(written: string, sha256: (data: Uint8Array) => Uint8Array): NoteKey {
  const key = readNoteKey(sha256, written);
  if (key !== null) return key;
  throw CliFailure.of(
    "usage",
    `"${written}" is not the key of a log`,
    "it looks like name+01234567+AbCd...=, as aios log verify prints it",
  );
}

function readWitnessKey(written: string, sha256: (data: Uint8Array) => Uint8Array): NoteKey {
  const key = readNoteKey(sha256, written, "cosignature");
  if (key !== null) return key;
  throw CliFailure.of(
    "usage",
    `"${written}" is not the key of a witness`,
    "it looks like name+01234567+BAbC...=, as aios witness serve prints it",
  );
}
