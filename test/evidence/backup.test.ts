import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import type { RecordBody } from "../../src/protocol/record.ts";
import { createBackups } from "../../src/main/backups.ts";
import { listFiles } from "../../src/main/backup-log.ts";
import type { Log } from "../../src/monitor/log/log.ts";
import { openLog } from "../../src/monitor/log/open.ts";
import { openSlots } from "../../src/monitor/log/slots.ts";
import { createClock } from "../../src/platform/clock.ts";
import { openHome } from "../../src/platform/home.ts";
import { openLogFiles } from "../../src/platform/log/log-files.ts";
import { openMonitorKeys } from "../../src/platform/log/monitor-keys.ts";
import { createRandom } from "../../src/platform/keys/random.ts";
import { filesHolding } from "../fakes/files-holding.ts";
import { CRYPTO, STILL } from "../fakes/open-log.ts";
import { note, readAll } from "../fakes/records.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { prove } from "./logs.ts";

/*
 * A backup by itself opens nothing; with the keys of now it opens what lives; nobody gets back what was to end, and whoever
 * changes a byte of it gets no home of it. What its owner's authority comes to is in src/monitor/restored-state.test.ts.
 */

const PASSPHRASE = "correct horse battery staple";
const random = createRandom();
const backups = createBackups({ crypto: CRYPTO, random, now: () => 1_800_000_000_000, monitorUser: null });
const base = makeTemporaryFolder();
const home = join(base, "home");
const to = join(base, "backup");
const keyFile = join(base, "home.keys");
const KEPT = 300;
const ERASED = 7;
const MEANWHILE = 700;
/** Entries of memory whose numbers the log has, the second one for a time only. */
const ENTRIES = 2;
let checkpoint = "";
let later = "";

function keysOf(path: string, hasLog = true) {
  return openMonitorKeys(join(path, "keys"), hasLog);
}
async function open(path: string, hasLog = true): Promise<Log> {
  const keys = keysOf(path, hasLog);
  return openLog({
    files: openLogFiles(join(path, "log")),
    keys: Object.assign(keys.payloads, { files: keys.slots }),
    crypto: CRYPTO,
    random,
    clock: createClock(),
    timer: STILL,
    signer: keys.logSigner,
    origin: keys.logOrigin,
    start: "0".repeat(32),
  });
}

async function slotsOfMemory(path: string) {
  const { memory } = keysOf(path);
  const keys = Object.assign(memory.epochs, { files: memory.slots });
  return openSlots({ crypto: CRYPTO, random, keys, size: ENTRIES });
}

function entry(number: number, expires: number | null): RecordBody {
  const plane = expires === null ? "append-only" : "ephemeral";
  const from = { agent: "keeper", by: "keeper", instance: "i-1", labels: [], imported: null } as const;
  return { kind: "memory-kept", entry: number, plane, digest: CRYPTO.digest("x"), bytes: 1, expires, ...from };
}

function quarantined(by: "source" | "entry", value: string) {
  return { kind: "memory-quarantined", by, value } as const;
}

async function makeBackup(
  log: Log,
  place: { readonly to: string; readonly keyFile: string | null; readonly home: string },
): Promise<void> {
  const { size, note: signed } = await log.settle();
  // The log goes on meanwhile, over the edge of the tile and the chunk of keys that are being copied.
  const meanwhile = Promise.all(
    Array.from({ length: MEANWHILE }, (_, at) => log.append(note(at), { text: `on ${at}` })),
  );
  const begun = await backups.begin({ size, note: signed, ...place });
  await meanwhile;
  const keys = place.keyFile !== null;
  const seq = await log.append({ kind: "backup-made", size, manifest: begun.manifest, keys }, null);
  await begun.finish({ proof: await prove(log, seq), passphrase: PASSPHRASE });
}

const restoreWith = (keys: string, options: { from?: string; home?: string; against?: readonly string[] } = {}) =>
  backups.restore({
    from: to,
    home: join(base, random.hex(4)),
    keys,
    passphrase: () => Promise.resolve(PASSPHRASE),
    against: [],
    ...options,
  });

async function textsOf(path: string): Promise<readonly (string | null)[]> {
  const log = await open(path);
  const entries = await readAll(log);
  await log.close();
  return entries.map(({ payload }) => (typeof payload?.["text"] === "string" ? payload["text"] : null));
}

beforeAll(async () => {
  openHome(home);
  const log = await open(home, false);
  const slots = await slotsOfMemory(home);
  for (let number = 0; number < ENTRIES; number += 1) slots.next(number);
  await slots.durable(0, ENTRIES - 1);
  const kept = Array.from({ length: KEPT }, (_, at) => log.append(note(at), { text: `secret ${at}` }));
  await Promise.all([...kept, log.append(entry(0, null), null), log.append(entry(1, 1_900_000_000_000), null)]);
  writeFileSync(join(home, "alert-address"), "https://example.com/hook\n", { mode: 0o600 });
  await openLogFiles(home).write([{ path: "sealed/keeper/abc", bytes: encodeUtf8("put here") }], { durable: false });
  checkpoint = (await log.checkpoint()).note;
  await makeBackup(log, { home, to, keyFile });
  // What comes after the backup: more records, and an erasure, which ends the epoch.
  await Promise.all(Array.from({ length: 50 }, (_, at) => log.append(note(at), { text: `later ${at}` })));
  await log.erase([ERASED]);
  await log.append(quarantined("source", "web/fetch"), null);
  later = (await log.checkpoint()).note;
  // These lie in the journal alone; entry 5 is none of the backup, and there the number will be another's.
  for (const value of ["1", "5"]) await log.append(quarantined("entry", value), null);
  await log.close();
});

describe("a backup", () => {
  test("is private, has no key in it, and no text in the clear", () => {
    for (const name of ["", ...readdirSync(to, { recursive: true, encoding: "utf8" })])
      expect(statSync(join(to, name)).mode & 0o077, name).toBe(0);
    expect(statSync(keyFile).mode & 0o077).toBe(0);
    expect(filesHolding(to, "secret 1")).toEqual([]);
    const keys = join(home, "keys");
    for (const name of ["log-signing", "secret-wrap", "payload-epoch-2", "memory/payload-epoch-1"]) {
      expect(filesHolding(base, readFileSync(join(keys, name))), name).toEqual([join(keys, name)]);
    }
    expect(readdirSync(base).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test("is not made over something that is there", async () => {
    const options = { home, size: 1, note: checkpoint, keyFile: null };
    await expect(backups.begin({ ...options, to })).rejects.toMatchObject({ code: "already-there" });
    await expect(backups.begin({ ...options, to: join(base, "b"), keyFile })).rejects.toMatchObject({
      code: "already-there",
    });
  });
});

describe("a restored home", () => {
  test("with the keys of now has what lives and says what it is; what was erased since is gone", async () => {
    const restored = join(base, "restored");
    const size = KEPT + ENTRIES;
    const found = await restoreWith(join(home, "keys"), { home: restored, against: [checkpoint, later] });
    expect(found).toMatchObject({ size, known: size + MEANWHILE + 52, made: 1_800_000_000_000 });
    const texts = await textsOf(restored);
    expect(texts.slice(0, KEPT).map((text, at) => text === `secret ${at}`)).toEqual(
      Array.from({ length: KEPT }, (_, at) => at !== ERASED),
    );
    const log = await open(restored);
    const [newest, first, second, ...others] = (await readAll(log)).slice(size - 1).map(({ record }) => record);
    expect(first).toMatchObject({ kind: "restored", size, known: size + MEANWHILE + 52 });
    expect(second).toMatchObject({ kind: "all-frozen", by: { kind: "monitor" } });
    expect(first?.at).toBe(newest?.at);
    // What was taken into quarantine since stands, by the log beside those keys.
    expect(others).toMatchObject([quarantined("source", "web/fetch"), quarantined("entry", "1")]);
    expect(found.quarantines).toEqual({ kind: "known", count: 2, end: size + MEANWHILE + 54 });
    // It goes on, under keys that the old home never had.
    await log.append(note(1), { text: "on" });
    await log.close();
    expect((await textsOf(restored)).at(-1)).toBe("on");
    expect(readFileSync(join(restored, "sealed/keeper/abc"), "utf8")).toBe("put here");
    expect(readFileSync(join(restored, "alert-address"), "utf8")).toContain("example.com");
  });

  test("with the file of keys, when the machine is lost, has what was there then; what was to end is in no backup", async () => {
    const restored = join(base, "from-file");
    const { quarantines } = await restoreWith(keyFile, { home: restored });
    expect(quarantines).toEqual({ kind: "unknown", why: "a file of keys has no log" });
    // The price of it, which docs/decisions/backup.md says: what was erased since opens.
    expect((await textsOf(restored))[ERASED]).toBe(`secret ${ERASED}`);
    const [old, fresh] = [await slotsOfMemory(home), await slotsOfMemory(restored)];
    expect(await old.read(0)).not.toBeNull();
    // The same attack on an entry that stays succeeds: only the end of an entry keeps its key out.
    expect(await fresh.read(0)).toEqual(await old.read(0));
    expect(await old.read(1)).not.toBeNull();
    expect(await fresh.read(1)).toBeNull();
    // Keys that lay ready for records to come are not those of the home.
    const key = old.next(ENTRIES).slice();
    expect(fresh.next(ENTRIES)).not.toEqual(key);
    expect(fresh.next(ENTRIES).some((byte) => byte !== 0)).toBe(true);
  });

  test("says when it cannot know what was taken into quarantine since: no log is beside the keys, or none that can be read", async () => {
    const alone = join(base, "alone");
    cpSync(join(home, "keys"), join(alone, "keys"), { recursive: true });
    const unknown = async (why: RegExp): Promise<void> => {
      const { quarantines } = await restoreWith(join(alone, "keys"));
      expect(quarantines).toEqual({ kind: "unknown", why: expect.stringMatching(why) });
    };
    await unknown(/no log beside/u);
    cpSync(join(home, "log"), join(alone, "log"), { recursive: true });
    const journal = join(alone, "log", "journal");
    const [segment = ""] = readdirSync(journal);
    const bytes = readFileSync(join(journal, segment));
    writeFileSync(join(journal, segment), bytes.fill(0, 0, 8));
    await unknown(/journal/u);
  });

  test("says so too where the log beside the keys is an older copy, one that is known to have gone on, or another one", async () => {
    const [of, from, kept] = [join(base, "of"), join(base, "of-backup"), join(base, "kept-log")];
    const beside = async (logFolder: string): Promise<unknown> => {
      const x = join(base, random.hex(4));
      cpSync(join(of, "keys"), join(x, "keys"), { recursive: true });
      cpSync(logFolder, join(x, "log"), { recursive: true });
      return (await restoreWith(join(x, "keys"), { from })).quarantines;
    };
    const grow = async (records: number): Promise<Log> => {
      const log = await open(of);
      await Promise.all(Array.from({ length: records }, (_, at) => log.append(note(at), null)));
      return log;
    };
    openHome(of);
    await (await open(of, false)).close();
    await (await grow(20)).close();
    cpSync(join(of, "log"), kept, { recursive: true });
    const log = await grow(30);
    await log.append(quarantined("source", "web/before"), null);
    await makeBackup(log, { home: of, to: from, keyFile: null });
    await log.append(quarantined("source", "web/fetch"), null);
    await log.close();
    expect(await beside(join(of, "log"))).toMatchObject({ kind: "known", count: 1 });
    // Older than the backup: it has none of what came after, and says nothing of it.
    expect(await beside(kept)).toEqual({ kind: "unknown", why: expect.stringContaining("ends before the backup") });
    // As old as a home that was restored from it, which the backup's own proof is newer than.
    const cut = join(base, "cut");
    await restoreWith(join(of, "keys"), { from, home: cut });
    const again = (await restoreWith(join(cut, "keys"), { from })).quarantines;
    expect(again).toEqual({ kind: "unknown", why: expect.stringContaining("and had") });
    // One that went on in another way from before the backup has other quarantines, or none.
    rmSync(join(of, "log"), { recursive: true });
    cpSync(kept, join(of, "log"), { recursive: true });
    await (await grow(MEANWHILE + 100)).close();
    expect(await beside(join(of, "log"))).toEqual({ kind: "unknown", why: expect.stringContaining("another one") });
  });

  test("is refused by whoever kept a later checkpoint", async () => {
    const restored = join(base, "restored");
    const { createLogVerifier } = await import("../../src/main/log-verifier.ts");
    const logs = createLogVerifier(CRYPTO, { read: (path) => Promise.resolve(readFileSync(path, "utf8")) });
    const verify = (against: string) => {
      writeFileSync(join(base, "kept"), against);
      return logs.verify({
        folder: join(restored, "log"),
        key: { kind: "home", home: restored },
        against: [join(base, "kept")],
        witnesses: null,
      });
    };
    expect(await verify(checkpoint)).toMatchObject({ kind: "verified" });
    expect(await verify(later)).toMatchObject({ kind: "refused" });
  });
});

describe("a backup that is not as it was made gives no home, and leaves nothing behind", () => {
  async function refused(change: (from: string) => void, keys = join(home, "keys")) {
    const from = join(base, random.hex(4));
    cpSync(to, from, { recursive: true });
    change(from);
    const target = join(base, "no-home");
    try {
      await restoreWith(keys, { from, home: target });
      rmSync(target, { recursive: true });
      return "restored";
    } catch (error) {
      return error instanceof Error && "code" in error ? `${String(error.code)}: ${error.message}` : String(error);
    } finally {
      rmSync(from, { recursive: true });
      expect(existsSync(target) || readdirSync(base).some((name) => name.endsWith(".part"))).toBe(false);
    }
  }

  test("any of its files: a byte flipped, or gone", async () => {
    const files = listFiles(to, "");
    expect(files).toContain("alert-address");
    expect(files.length).toBeGreaterThan(8);
    expect(await refused(() => {})).toBe("restored");
    for (const path of files) {
      const flip = (from: string): void => {
        const bytes = readFileSync(join(from, path));
        bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
        writeFileSync(join(from, path), bytes);
      };
      expect(await refused(flip), path).toMatch(/^backup-refused: /u);
      expect(await refused((from) => rmSync(join(from, path))), path).toMatch(/^backup-refused: /u);
    }
  });

  test("its manifest made to fit the change, since the log has another on record", async () => {
    const change = (from: string): void => {
      const text = "https://evil.example/hook\n";
      writeFileSync(join(from, "alert-address"), text);
      const manifest = readFileSync(join(from, "manifest"), "utf8");
      const { bytes, digest } = JSON.parse(manifest).files.find(
        (file: { path: string }) => file.path === "alert-address",
      );
      const entryText = `{"bytes":${bytes},"digest":"${digest}"`;
      const forged = `{"bytes":${text.length},"digest":"${CRYPTO.digest(text)}"`;
      expect(manifest).toContain(entryText);
      writeFileSync(join(from, "manifest"), manifest.replace(entryText, forged));
    };
    expect(await refused(change)).toContain("not the one that the log has on record");
  });

  test("one of another home, keys that are no keys, a passphrase that is wrong, a home that is in use", async () => {
    const other = join(base, "other");
    openHome(other);
    await (await open(other, false)).close();
    expect(await refused(() => {}, join(other, "keys"))).toContain("of another home");
    expect(await refused(() => {}, to)).toContain("no keys of a home");
    const wrong = { from: to, home: join(base, "no-home"), keys: keyFile, against: [] };
    await expect(backups.restore({ ...wrong, passphrase: () => Promise.resolve("another one") })).rejects.toThrow(
      /passphrase is wrong/u,
    );
    await expect(restoreWith(keyFile, { home: other })).rejects.toMatchObject({ code: "already-there" });
    await expect(restoreWith(keyFile, { against: ["forged"] })).rejects.toMatchObject({ code: "backup-refused" });
  });

  test("one that was never finished: what is left of it is under another name, and lacks what says that it is whole", async () => {
    const log = await open(home);
    const { size, note: signed } = await log.settle();
    const half = join(base, "half");
    await backups.begin({ home, to: half, size, note: signed, keyFile: null });
    await log.close();
    expect(existsSync(half)).toBe(false);
    const left = readdirSync(base).find((name) => name.endsWith(".part")) ?? "";
    renameSync(join(base, left), half);
    await expect(restoreWith(join(home, "keys"), { from: half })).rejects.toThrow(/none that was finished/u);
    expect(dirname(half)).toBe(base);
  });
});
