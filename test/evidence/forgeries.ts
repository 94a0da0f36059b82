import { splitNote } from "../../src/protocol/note.ts";
import { createMemoryDisk, type MemoryDisk } from "../fakes/memory-disk.ts";
import { leavesOf } from "./consistency.ts";
import { forgeLog, forgeNote, renumber, rewrite, STRANGER } from "./forge.ts";
import { addCosignature, makeLog, publicCopy, testWitness, type MadeLog } from "./logs.ts";

/** A forgery of what lies beside the log, in the home alone: found by the home when it reads the record. */
export interface HomeForgery {
  readonly name: string;
  make(): { readonly disk: MemoryDisk; readonly keys: MemoryDisk };
}

/** Every forgery of payloads and their keys, of a log of records that all have payloads of one length. */
export function listHomeForgeries(log: MadeLog, other: MadeLog): readonly HomeForgery[] {
  const path = log.disk.paths().find((each) => each.startsWith("payload/")) ?? "";
  const bytes = log.disk.bytes(path) ?? new Uint8Array();
  const count = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(12);
  const begin = 12 + 4 * count;
  const slots = log.keys.bytes("slots-1") ?? new Uint8Array();
  const changed = (change: (disk: MemoryDisk, keys: MemoryDisk) => void) => () => {
    const [disk, keys] = [wholeCopy(log.disk), wholeCopy(log.keys)];
    change(disk, keys);
    return { disk, keys };
  };
  return [
    {
      name: "the payloads of two records in each other's place",
      make: changed((disk) => disk.put(path, swap(bytes, [begin, begin + length], length))),
    },
    {
      name: "a payload edited",
      make: changed((disk) => disk.put(path, bytes.with(begin + 5, (bytes[begin + 5] ?? 0) ^ 1))),
    },
    { name: "the payloads of another log", make: changed((disk) => disk.put(path, other.disk.bytes(path) ?? bytes)) },
    { name: "the payloads gone", make: changed((disk) => disk.erase(path)) },
    {
      name: "the keys of two payloads in each other's place",
      make: changed((_, keys) => keys.put("slots-1", swap(slots, [64, 96], 32))),
    },
    {
      name: "the keys of another log",
      make: changed((_, keys) => keys.put("slots-1", other.keys.bytes("slots-1") ?? slots)),
    },
  ];
}

function swap(from: Uint8Array, [one, two]: readonly [number, number], size: number): Uint8Array {
  const swapped = from.slice();
  swapped.set(from.subarray(two, two + size), one);
  swapped.set(from.subarray(one, one + size), two);
  return swapped;
}

function wholeCopy(disk: MemoryDisk): MemoryDisk {
  const copy = createMemoryDisk();
  for (const each of disk.paths()) copy.put(each, disk.bytes(each) ?? new Uint8Array());
  return copy;
}

/**
 * What a reader must hold, besides the files, to find a forgery. `key`: the log's key. `checkpoint`: also one that they
 * kept. `copy`: also a copy of the log. `witness`: also the key of a witness. `fresh`: that, and how old a cosignature may be.
 */
export type Holding = "key" | "checkpoint" | "copy" | "witness" | "fresh";

/** A forgery of the files of a log, by somebody without the log's key or with it. */
export interface Forgery {
  readonly name: string;
  readonly by: "files" | "key";
  readonly hold: Holding;
  /** The first record that the verifier names; null when it cannot name one. */
  readonly at: number | null;
  make(): MemoryDisk;
}

/** What the reader of these logs kept, and what the forger began from. */
export interface Scene {
  /** 600 records; checkpoints at 100, 300, 600. */
  readonly log: MadeLog;
  /** The same log with another history from record 200 on. */
  readonly fork: MadeLog;
}

export const SIZE = 600;
/** Size of the checkpoint that a reader kept, and of the one that witnesses cosigned. */
export const KEPT = 300;
/** When witnesses cosigned what the reader is to see; older is too old for `fresh`. */
export const NOW = 1_790_000_000;
export const LONG_AGO: number = NOW - 86_400;
export const WITNESS: ReturnType<typeof testWitness> = testWitness(1);

export async function makeScene(): Promise<Scene> {
  const sizes = [100, KEPT, SIZE];
  return { log: await makeLog({ sizes }), fork: await makeLog({ sizes, changed: [200] }) };
}

/** Every forgery of a log's public files. */
export function listForgeries({ log, fork }: Scene): readonly Forgery[] {
  const leaves = leavesOf(log.disk, SIZE);
  const original = note(log, SIZE);
  /** A copy of the true log with some files changed. */
  const edited = (change: (disk: MemoryDisk) => void) => (): MemoryDisk => {
    const disk = publicCopy(log.disk);
    disk.put("cosigned", Buffer.from(addCosignature(note(log, KEPT), WITNESS, NOW)));
    change(disk);
    return disk;
  };
  const put = (path: string, text: string | Uint8Array) => edited((disk) => disk.put(path, Buffer.from(text)));
  const erase = (path: string) => edited((disk) => disk.erase(path));
  const flip = (path: string, at: number) =>
    edited((disk) => {
      const bytes = disk.bytes(path) ?? new Uint8Array();
      disk.put(path, bytes.with(at, (bytes[at] ?? 0) ^ 1));
    });
  /** Other records with everything made to fit, under the true checkpoint: all that is possible without the key. */
  const unsigned = (changed: readonly Uint8Array[]) => (): MemoryDisk => {
    const disk = forgeLog(changed);
    disk.put("checkpoint", Buffer.from(original));
    return disk;
  };
  /** The same, signed: what is possible with the key. The witness's word is what it was. */
  const signed =
    (changed: readonly Uint8Array[], cosigned = addCosignature(note(log, KEPT), WITNESS, NOW)) =>
    () => {
      const disk = forgeLog(changed);
      if (cosigned !== "") disk.put("cosigned", Buffer.from(cosigned));
      return disk;
    };
  const [fifth, sixth] = [leaves[5] ?? new Uint8Array(), leaves[6] ?? new Uint8Array()];
  const changed = (seq: number): readonly Uint8Array[] =>
    leaves.with(
      seq,
      rewrite(leaves[seq], (text) => text.replace("x ", "y ")),
    );
  const one =
    (by: Forgery["by"], hold: Holding, at: number | null) =>
    (name: string, make: Forgery["make"]): Forgery => ({
      name,
      by,
      hold,
      at,
      make,
    });
  const other = leaves.map((leaf) => rewrite(leaf, (text) => text.replace("x ", "z ")));
  const rolledBack = (time: number) => (): MemoryDisk => {
    const disk = forgeLog(leaves.slice(0, KEPT));
    disk.put("checkpoint", Buffer.from(note(log, KEPT)));
    disk.put("cosigned", Buffer.from(addCosignature(note(log, KEPT), WITNESS, time)));
    return disk;
  };

  return [
    // Files alone.
    one("files", "key", 150)("a record edited in its bundle", flip("tile/entries/000", offsetOf(leaves, 150))),
    one(
      "files",
      "key",
      0,
    )(
      "a record and its hash edited",
      edited((disk) => {
        const forged = forgeLog(changed(5));
        for (const path of ["tile/entries/000", "tile/0/000"]) disk.put(path, forged.bytes(path) ?? new Uint8Array());
      }),
    ),
    one("files", "key", null)("a record edited, and every tile made to fit", unsigned(changed(150))),
    one(
      "files",
      "key",
      5,
    )("a record inserted, and every tile made to fit", unsigned(leaves.toSpliced(5, 0, sixth).slice(0, SIZE))),
    one(
      "files",
      "key",
      null,
    )("a record inserted and all renumbered", unsigned(renumber(leaves.toSpliced(5, 0, sixth)).slice(0, SIZE))),
    one("files", "key", 5)("a record deleted", unsigned(leaves.toSpliced(5, 1).concat([sixth]))),
    one("files", "key", 5)("two records in each other's place", unsigned(leaves.with(5, sixth).with(6, fifth))),
    one("files", "key", 6)("a record twice", unsigned(leaves.with(6, fifth))),
    one("files", "key", 512)("the tail cut off", unsigned(leaves.slice(0, 590))),
    one(
      "files",
      "key",
      0,
    )(
      "every record gone, the checkpoint left",
      edited((disk) => disk.erase("tile")),
    ),
    one("files", "key", null)("the checkpoint gone", erase("checkpoint")),
    one("files", "key", null)("the checkpoint emptied", put("checkpoint", "")),
    one(
      "files",
      "key",
      null,
    )("another size in the checkpoint", put("checkpoint", original.replace(`\n${SIZE}\n`, "\n599\n"))),
    one(
      "files",
      "key",
      null,
    )(
      "another root in the checkpoint",
      put("checkpoint", original.replace(/\n(?<root>[^\n]{44})\n/u, `\n${"A".repeat(43)}=\n`)),
    ),
    one(
      "files",
      "key",
      null,
    )("a text under the checkpoint's own lines", put("checkpoint", original.replace("\n\n", "\nmore\n\n"))),
    one(
      "files",
      "key",
      null,
    )("no signature on the checkpoint", put("checkpoint", original.replace(/\u2014 .*\n/u, ""))),
    one(
      "files",
      "key",
      null,
    )(
      "the signature of another checkpoint",
      put("checkpoint", original.replace(/\u2014 .*\n/u, signatureOf(note(log, KEPT)))),
    ),
    one(
      "files",
      "key",
      null,
    )("two signatures of the log, one wrong", put("checkpoint", original + signatureOf(note(log, KEPT)))),
    one(
      "files",
      "key",
      null,
    )("a checkpoint signed by somebody else under the log's name", () => forgeLog(leaves, { signer: STRANGER })),
    one(
      "files",
      "key",
      null,
    )(
      "the checkpoint of another log",
      edited((disk) =>
        disk.put(
          "checkpoint",
          forgeLog(leaves, { origin: "aios.test/other", signer: STRANGER }).bytes("checkpoint") ?? new Uint8Array(),
        ),
      ),
    ),
    one(
      "files",
      "key",
      null,
    )("another log in its place", () => forgeLog(other, { origin: "aios.test/other", signer: STRANGER })),
    one(
      "files",
      "key",
      0,
    )(
      "a tile in another's place",
      edited((disk) => {
        const [zero, first] = [disk.bytes("tile/0/000"), disk.bytes("tile/0/001")];
        disk.put("tile/0/000", first ?? new Uint8Array());
        disk.put("tile/0/001", zero ?? new Uint8Array());
      }),
    ),
    one(
      "files",
      "key",
      256,
    )(
      "a tile cut",
      edited((disk) => disk.put("tile/0/001", (disk.bytes("tile/0/001") ?? new Uint8Array()).slice(0, -1))),
    ),
    one("files", "key", 256)("a tile gone", erase("tile/0/001")),
    one("files", "key", 0)("a tile of the second level edited", flip("tile/1/000.p/2", 3)),
    one("files", "key", 0)("a tile of the second level gone", erase("tile/1/000.p/2")),
    one("files", "key", 256)("a bundle gone", erase("tile/entries/001")),
    one(
      "files",
      "key",
      256,
    )(
      "a byte after the end of a bundle",
      edited((disk) => disk.put("tile/entries/001", new Uint8Array([...(disk.bytes("tile/entries/001") ?? []), 0]))),
    ),
    one(
      "files",
      "key",
      null,
    )("an older partial tile that says something else", put("tile/0/002.p/50", new Uint8Array(50 * 32))),
    one(
      "files",
      "key",
      null,
    )("an older partial bundle that says something else", put("tile/entries/002.p/1", new Uint8Array([0, 1, 65]))),

    // With the log's key, in a hurry: the records do not say where they stand.
    one("key", "key", 5)("a record deleted, and signed", signed(leaves.toSpliced(5, 1))),
    one("key", "key", 5)("a record inserted, and signed", signed(leaves.toSpliced(5, 0, sixth))),
    one("key", "key", 5)("records reordered, and signed", signed(leaves.with(5, sixth).with(6, fifth))),
    one("key", "key", 6)("a record twice, and signed", signed(leaves.toSpliced(6, 0, fifth))),

    // With the log's key, carefully: the files are a perfect log.
    one("key", "checkpoint", 0)("a record edited, and signed", signed(changed(150))),
    one(
      "key",
      "checkpoint",
      0,
    )("a record deleted, all renumbered, and signed", signed(renumber(leaves.toSpliced(5, 1)))),
    one(
      "key",
      "checkpoint",
      0,
    )("a record inserted, all renumbered, and signed", signed(renumber(leaves.toSpliced(5, 0, sixth)))),
    one(
      "key",
      "checkpoint",
      0,
    )("records reordered, all renumbered, and signed", signed(renumber(leaves.with(5, sixth).with(6, fifth)))),
    one("key", "checkpoint", 250)("the tail cut off, and signed", signed(leaves.slice(0, 250))),
    one("key", "checkpoint", 0)("emptied, and signed", signed([])),
    one("key", "checkpoint", 0)("all of it rewritten, and signed", signed(other)),
    one("key", "checkpoint", 0)("a fork: each reader is shown another history", () => publicCopy(fork.disk)),
    one("key", "copy", 400)("a record edited that is newer than what was kept", signed(changed(400))),
    one("key", "copy", 599)("the last record edited", signed(changed(599))),
    one("key", "copy", 595)("the newest records cut off", signed(leaves.slice(0, 595))),

    // Witnesses.
    one("key", "witness", 0)("a fork, with what the witness cosigned beside it", signed(leavesOf(fork.disk, SIZE))),
    one("key", "witness", null)("a fork that no witness cosigned", signed(leavesOf(fork.disk, SIZE), "")),
    one(
      "key",
      "witness",
      null,
    )(
      "a fork under a cosignature by the log's own key",
      signed(leavesOf(fork.disk, SIZE), addCosignature(note(fork, KEPT), { ...WITNESS, signer: STRANGER }, NOW)),
    ),
    one(
      "key",
      "witness",
      null,
    )(
      "a fork under the cosignature of another checkpoint",
      signed(
        leavesOf(fork.disk, SIZE),
        note(fork, KEPT) + lastSignature(addCosignature(note(log, KEPT), WITNESS, NOW)),
      ),
    ),
    one(
      "key",
      "witness",
      null,
    )(
      "a fork cosigned by a witness whom the reader does not know",
      signed(leavesOf(fork.disk, SIZE), addCosignature(note(fork, KEPT), testWitness(2), NOW)),
    ),
    one("files", "fresh", null)("rolled back to a whole copy of before, cosignature and all", rolledBack(LONG_AGO)),
    one(
      "files",
      "fresh",
      null,
    )("an old cosignature with a newer time written into it", rolledBackWithTime(rolledBack(LONG_AGO))),

    // Keys that change.
    one("key", "key", null)("the log goes on under a new key", () => forgeLog(leaves, { signer: STRANGER })),
    one(
      "key",
      "checkpoint",
      0,
    )(
      "another history under both the old and a new key",
      edited((disk) => {
        for (const path of disk.paths()) disk.erase(path);
        const forged = forgeLog(other);
        for (const path of forged.paths()) disk.put(path, forged.bytes(path) ?? new Uint8Array());
        const text = splitNote(text8(forged, "checkpoint"))?.text ?? "";
        const [, size = "", root = ""] = text.split("\n");
        const second = signatureOf(forgeNote(Number(size), Buffer.from(root, "base64"), { signer: STRANGER }));
        disk.put("checkpoint", Buffer.from(text8(forged, "checkpoint") + second));
      }),
    ),
  ];
}

function note(of: MadeLog, size: number): string {
  return of.checkpoints.get(size) ?? "";
}
function text8(disk: MemoryDisk, path: string): string {
  return Buffer.from(disk.bytes(path) ?? []).toString();
}
function signatureOf(written: string): string {
  return splitNote(written)?.signatures[0]?.line ?? "";
}
function lastSignature(written: string): string {
  return splitNote(written)?.signatures.at(-1)?.line ?? "";
}
/** A byte inside the text of a record, counted from the beginning of the first bundle. */
function offsetOf(leaves: readonly Uint8Array[], seq: number): number {
  return leaves.slice(0, seq).reduce((sum, leaf) => sum + 2 + leaf.length, 0) + 2 + 20;
}
function rolledBackWithTime(make: () => MemoryDisk): () => MemoryDisk {
  return () => {
    const disk = make();
    const written = text8(disk, "cosigned");
    const line = lastSignature(written);
    const bytes = Buffer.from(line.split(" ").at(-1)?.trim() ?? "", "base64");
    bytes.writeBigUInt64BE(BigInt(NOW), 4);
    const forged = line.replace(/\S+\n$/u, `${bytes.toString("base64")}\n`);
    disk.put("cosigned", Buffer.from(written.replace(line, forged)));
    return disk;
  };
}
