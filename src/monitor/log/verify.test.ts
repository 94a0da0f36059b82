import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { createMemoryDisk, type MemoryDisk } from "../../../test/fakes/memory-disk.ts";
import { CRYPTO, openTestLog, ORIGIN, SIGNER, STILL, testKeys } from "../../../test/fakes/open-log.ts";
import { appendMany, note } from "../../../test/fakes/records.ts";
import { createTreeHasher, GrowingTree } from "../../protocol/merkle.ts";
import { checkpointText, signNote } from "../../protocol/note.ts";
import { decodeBundle, encodeBundle } from "../../protocol/tile.ts";
import { verifyChunk } from "./verify-chunk.ts";
import { verifyLog, type LogVerdict } from "./verify.ts";

const SIZE = 600;
const hasher = createTreeHasher((data) => CRYPTO.sha256(data));

/** A disk with a closed log of 600 records; checkpoints at 100, 300 and 600. */
async function makeLog(word = "x"): Promise<{ disk: MemoryDisk; keys: MemoryDisk; earlier: readonly string[] }> {
  const disk = createMemoryDisk();
  const keys = createMemoryDisk();
  const log = await openTestLog("", { files: disk.open(), keys: testKeys(keys.open()), timer: STILL });
  const earlier: string[] = [];
  for (const size of [100, 300, SIZE]) {
    while (log.size < size - 1) await appendMany(log, Math.min(50, size - 1 - log.size), log.size);
    await log.append(note(`${word} ${size}`), null);
    earlier.push((await log.checkpoint()).note);
  }
  await log.close();
  return { disk, keys, earlier };
}
function verify(disk: MemoryDisk, earlier?: string): Promise<LogVerdict> {
  const options = { powers: CRYPTO, publicKey: SIGNER.publicKey, origin: ORIGIN };
  return verifyLog(disk.open(), earlier === undefined ? options : { ...options, earlier: [earlier] });
}
function copyOf(disk: MemoryDisk): MemoryDisk {
  const copy = createMemoryDisk();
  for (const path of disk.paths()) copy.put(path, disk.bytes(path) ?? new Uint8Array());
  return copy;
}
/** Only what a stranger gets: no journal, no payloads. */
const isPublic = (path: string): boolean => path === "checkpoint" || path.startsWith("tile/");
/** Puts everything right again around other leaves, as somebody with the key but not with others' checkpoints could. */
function forge(disk: MemoryDisk, leaves: readonly Uint8Array[]): void {
  disk.erase("tile");
  const levels: Uint8Array[][] = [[], [], []];
  const tree = new GrowingTree(hasher, ({ level }, hash) => {
    if (level % 8 === 0) levels[level / 8]?.push(hash);
  });
  for (const leaf of leaves) tree.append(hasher.leaf(leaf));
  const pieces = (path: string, count: number, bytes: (start: number, end: number) => Uint8Array): void => {
    for (let start = 0; start < count; start += 256) {
      const width = Math.min(256, count - start);
      const name = `${path}/${String(start / 256).padStart(3, "0")}`;
      disk.put(width === 256 ? name : `${name}.p/${width}`, bytes(start, start + width));
    }
  };
  pieces("tile/entries", leaves.length, (start, end) => encodeBundle(leaves.slice(start, end)));
  for (const [level, hashes] of levels.entries()) {
    pieces(`tile/${level}`, hashes.length, (start, end) => new Uint8Array(Buffer.concat(hashes.slice(start, end))));
  }
  disk.put("checkpoint", Buffer.from(sign(leaves.length, tree.root())));
}
function sign(size: number, root: Uint8Array): string {
  return signNote(checkpointText({ origin: ORIGIN, size, root }), {
    key: { name: ORIGIN, publicKey: SIGNER.publicKey },
    sha256: (data) => CRYPTO.sha256(data),
    sign: (message) => SIGNER.sign(message),
  });
}
function leavesOf(disk: MemoryDisk): readonly Uint8Array[] {
  return ["000", "001", "002.p/88"].flatMap(
    (name, at) => decodeBundle(disk.bytes(`tile/entries/${name}`) ?? new Uint8Array(), at === 2 ? 88 : 256) ?? [],
  );
}

let made: Awaited<ReturnType<typeof makeLog>>;
beforeAll(async () => {
  made = await makeLog();
});

describe("a log that nobody touched", () => {
  test("verifies, alone and against each earlier checkpoint", async () => {
    expect(await verify(made.disk)).toMatchObject({ kind: "verified", size: SIZE });
    for (const earlier of made.earlier) expect(await verify(made.disk, earlier)).toMatchObject({ kind: "verified" });
  });

  test("verifies from its public files alone", async () => {
    const copy = copyOf(made.disk);
    for (const path of copy.paths()) if (!isPublic(path)) copy.erase(path);
    expect(await verify(copy, made.earlier[0])).toMatchObject({ kind: "verified", size: SIZE });
  });

  test("verifies the same in chunks that somebody else checks", async () => {
    const asked: number[] = [];
    const reader = made.disk.open();
    const verdict = await verifyLog(reader, {
      powers: CRYPTO,
      publicKey: SIGNER.publicKey,
      origin: ORIGIN,
      workers: {
        count: 4,
        verify: (range) => {
          asked.push(range.start);
          return verifyChunk(reader, { range, hasher });
        },
      },
    });
    expect(verdict).toMatchObject({ kind: "verified", size: SIZE });
    expect(asked).toEqual([0]);
  });

  test("when it is empty, verifies as empty", async () => {
    const disk = createMemoryDisk();
    const log = await openTestLog("", { files: disk.open(), keys: testKeys(createMemoryDisk().open()), timer: STILL });
    await log.close();
    expect(await verify(disk)).toMatchObject({ kind: "verified", size: 0 });
  });
});

describe("TAMPER-SHOWS: one changed byte", () => {
  test("anywhere in a checkpoint, a tile or a bundle is found, and the record is named", async () => {
    const paths = made.disk.paths().filter(isPublic);
    expect(paths).toContain("tile/entries/002.p/88");
    expect(paths).toContain("tile/1/000.p/2");
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...paths),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (path, where, change) => {
          const copy = copyOf(made.disk);
          const bytes = copy.bytes(path) ?? new Uint8Array();
          const at = where % bytes.length;
          copy.put(path, bytes.with(at, (bytes[at] ?? 0) ^ change));
          const verdict = await verify(copy);
          expect(verdict.kind, `${path} at ${at}`).toBe("refused");
          // A hash of 32 bytes in a level-0 tile belongs to one record.
          const tile = /^tile\/0\/(\d{3})(?:$|\.p\/88$)/.exec(path);
          if (tile !== null) expect(verdict).toMatchObject({ at: Number(tile[1]) * 256 + Math.floor(at / 32) });
        },
      ),
      { numRuns: 400 },
    );
  });

  test("in each byte of the checkpoint and of the last tiles is found", async () => {
    for (const path of ["checkpoint", "tile/1/000.p/2"]) {
      const bytes = made.disk.bytes(path) ?? new Uint8Array();
      for (let at = 0; at < bytes.length; at += 1) {
        const copy = copyOf(made.disk);
        copy.put(path, bytes.with(at, (bytes[at] ?? 0) ^ 1));
        expect((await verify(copy)).kind, `${path} at ${at}`).toBe("refused");
      }
    }
  });
});

describe("TAMPER-SHOWS: files that were cut, removed or swapped", () => {
  test("are found, each of them", async () => {
    for (const path of made.disk.paths().filter(isPublic)) {
      const bytes = made.disk.bytes(path) ?? new Uint8Array();
      const cut = copyOf(made.disk);
      cut.put(path, bytes.slice(0, -1));
      expect((await verify(cut)).kind, `cut ${path}`).toBe("refused");
      const longer = copyOf(made.disk);
      longer.put(path, new Uint8Array([...bytes, 0]));
      expect((await verify(longer)).kind, `longer ${path}`).toBe("refused");
    }
    for (const path of [
      "checkpoint",
      "tile/entries/000",
      "tile/entries/002.p/88",
      "tile/0/001",
      "tile/0/002.p/88",
      "tile/1/000.p/2",
    ]) {
      const copy = copyOf(made.disk);
      copy.erase(path);
      expect((await verify(copy)).kind, `without ${path}`).toBe("refused");
    }
    const swapped = copyOf(made.disk);
    for (const kind of ["entries", "0"]) {
      swapped.put(`tile/${kind}/000`, made.disk.bytes(`tile/${kind}/001`) ?? new Uint8Array());
      swapped.put(`tile/${kind}/001`, made.disk.bytes(`tile/${kind}/000`) ?? new Uint8Array());
    }
    expect(await verify(swapped)).toMatchObject({ kind: "refused", at: 0 });
  });

  test("a cut tail with tiles that fit it is found by the checkpoint", async () => {
    const copy = copyOf(made.disk);
    const checkpoint = copy.bytes("checkpoint") ?? new Uint8Array();
    forge(copy, leavesOf(copy).slice(0, 590));
    copy.put("checkpoint", checkpoint);
    expect((await verify(copy)).kind).toBe("refused");
  });
});

describe("TAMPER-SHOWS: a log rewritten by somebody who has its key", () => {
  const forgeries: { readonly [name: string]: (leaves: readonly Uint8Array[]) => readonly Uint8Array[] } = {
    "an edited record": (leaves) =>
      leaves.with(
        150,
        edit(leaves, 150, (text) => text.replace("stop", "halt")),
      ),
    "a cut tail": (leaves) => leaves.slice(0, 250),
    "everything cut": () => [],
  };
  test.each(Object.entries(forgeries))("%s is refused by who holds an earlier checkpoint", async (_, change) => {
    const copy = copyOf(made.disk);
    forge(copy, change(leavesOf(copy)));
    // Everything fits and is signed: without an earlier checkpoint nothing can be found, and with one it is.
    expect((await verify(copy)).kind).toBe("verified");
    expect((await verify(copy, made.earlier[1])).kind).toBe("refused");
  });

  test("records inserted, deleted or reordered no longer say where they stand", async () => {
    const leaves = leavesOf(made.disk);
    const [fifth, sixth] = [leaves[5] ?? new Uint8Array(), leaves[6] ?? new Uint8Array()];
    for (const changed of [
      leaves.toSpliced(5, 1),
      leaves.toSpliced(5, 0, fifth),
      leaves.with(5, sixth).with(6, fifth),
    ]) {
      const copy = copyOf(made.disk);
      forge(copy, changed);
      const verdict = await verify(copy);
      expect(verdict.kind).toBe("refused");
      expect([5, 6]).toContain(verdict.kind === "refused" ? verdict.at : null);
    }
  });

  test("the same forge with nothing changed verifies against every checkpoint", async () => {
    const copy = copyOf(made.disk);
    forge(copy, leavesOf(copy));
    for (const earlier of made.earlier) expect((await verify(copy, earlier)).kind).toBe("verified");
  });

  test("a fork shows once either side sees the other's checkpoint", async () => {
    const other = await makeLog("y");
    expect((await verify(other.disk)).kind).toBe("verified");
    expect((await verify(other.disk, made.earlier[2])).kind).toBe("refused");
    expect((await verify(made.disk, other.earlier[0])).kind).toBe("refused");
  });
});

describe("checkpoints of others", () => {
  test("are refused: another key, another origin, no checkpoint at all", async () => {
    const options = { powers: CRYPTO, publicKey: SIGNER.publicKey, origin: ORIGIN };
    expect((await verifyLog(made.disk.open(), { ...options, origin: "another" })).kind).toBe("refused");
    expect((await verifyLog(made.disk.open(), { ...options, publicKey: new Uint8Array(32).fill(1) })).kind).toBe(
      "refused",
    );
    expect((await verify(made.disk, "no note")).kind).toBe("refused");
    expect((await verify(made.disk, "")).kind).toBe("refused");
  });
});

describe("TAMPER-SHOWS: the log itself, when it is opened", () => {
  const open = (disk: MemoryDisk, keys: MemoryDisk) =>
    openTestLog("", { files: disk.open(), keys: testKeys(keys.open()), timer: STILL });

  test("opens when nothing was changed", async () => {
    const log = await open(copyOf(made.disk), copyOf(made.keys));
    expect(log.size).toBe(SIZE);
    await log.close();
  });

  test("is refused when it is shorter than its checkpoint, or gone", async () => {
    const short = copyOf(made.disk);
    short.erase("journal");
    short.put(`journal/${"0".repeat(13)}300`, head(300));
    await expect(open(short, copyOf(made.keys))).rejects.toMatchObject({ code: "log-shrunk" });
    const withoutJournal = copyOf(made.disk);
    withoutJournal.erase("journal");
    await expect(open(withoutJournal, copyOf(made.keys))).rejects.toMatchObject({ code: "log-shrunk" });
    await expect(open(createMemoryDisk(), copyOf(made.keys))).rejects.toMatchObject({ code: "log-shrunk" });
  });

  test("is refused when its checkpoint was removed, put back or forged", async () => {
    const without = copyOf(made.disk);
    without.erase("checkpoint");
    await expect(open(without, copyOf(made.keys))).rejects.toMatchObject({ code: "log-shrunk" });
    const older = copyOf(made.disk);
    older.put("checkpoint", Buffer.from(made.earlier[0] ?? ""));
    await expect(open(older, copyOf(made.keys))).rejects.toMatchObject({ code: "log-forked" });
    const forged = copyOf(made.disk);
    forged.put("checkpoint", Buffer.from((made.earlier[2] ?? "").replace("\n600\n", "\n599\n")));
    await expect(open(forged, copyOf(made.keys))).rejects.toMatchObject({ code: "log-forked" });
  });

  test("is refused when its tiles lead elsewhere", async () => {
    const other = await makeLog("y");
    const mixed = copyOf(other.disk);
    mixed.put("checkpoint", made.disk.bytes("checkpoint") ?? new Uint8Array());
    await expect(open(mixed, copyOf(made.keys))).rejects.toMatchObject({ code: "log-forked" });
  });

  test("reads no record that was changed, and says so", async () => {
    for (const path of ["tile/entries/000", "tile/entries/001"]) {
      const copy = copyOf(made.disk);
      const bytes = copy.bytes(path) ?? new Uint8Array();
      copy.put(path, bytes.with(40, (bytes[40] ?? 0) ^ 1));
      const log = await open(copy, copyOf(made.keys));
      await expect(drain(log.entries(0, log.size))).rejects.toMatchObject({ code: "log-damaged" });
      await log.close();
    }
  });

  test("gives no payload that was changed or moved to another record, and says so", async () => {
    const [path = ""] = made.disk.paths().filter((name) => name.startsWith("payload/"));
    const copy = copyOf(made.disk);
    const bytes = copy.bytes(path) ?? new Uint8Array();
    copy.put(path, bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1));
    const log = await open(copy, copyOf(made.keys));
    await expect(drain(log.entries(0, log.size))).rejects.toMatchObject({ code: "log-damaged" });
    await log.close();
  });
});

async function drain(entries: AsyncIterable<unknown>): Promise<void> {
  for await (const entry of entries) expect(entry).toBeDefined();
}
function head(first: number): Uint8Array {
  const bytes = Buffer.alloc(32);
  bytes.write("aios log journal");
  bytes.writeBigUInt64BE(BigInt(first), 16);
  bytes.writeUInt32BE(1, 24);
  return bytes;
}
function edit(leaves: readonly Uint8Array[], at: number, change: (text: string) => string): Uint8Array {
  return Buffer.from(change(Buffer.from(leaves[at] ?? []).toString()));
}
