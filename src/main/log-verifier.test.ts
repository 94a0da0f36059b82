import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loseLastFrame, makeKilledHome } from "../../test/fakes/killed-home.ts";
import { makeTemporaryFolder } from "../../test/fakes/temporary-folder.ts";
import { foldersOf, openTestLog, ORIGIN, SIGNER } from "../../test/fakes/open-log.ts";
import { makeVisible } from "../showing/visible.ts";
import { openLogFiles } from "../platform/log/log-files.ts";
import { openMonitorKeys } from "../platform/log/monitor-keys.ts";
import { createCrypto } from "../platform/keys/crypto.ts";
import { checkpointText, noteKeyText, signNote } from "../protocol/note.ts";
import { logFolder } from "./log-folder.ts";
import { createLogVerifier } from "./log-verifier.ts";

const crypto = createCrypto();
const sha256 = (data: Uint8Array): Uint8Array => crypto.sha256(data);
const LOG_KEY = { name: ORIGIN, publicKey: SIGNER.publicKey };
const sign = (message: Uint8Array): Uint8Array => SIGNER.sign(message);
const verifier = createLogVerifier(crypto, { read: (path) => Promise.resolve(readFileSync(path, "utf8")) });

describe("the verifier of the command line", () => {
  const key = { kind: "text", text: noteKeyText(sha256, LOG_KEY) } as const;

  test("says that payloads were not read", async () => {
    const home = makeTemporaryFolder();
    const log = await openTestLog(home);
    await log.append({ kind: "stop", why: "test" }, { secret: "erased later" });
    await log.close();
    const verified = await verifier.verify({ folder: foldersOf(home).log, key, against: [], witnesses: null });
    expect(verified).toMatchObject({
      kind: "verified",
      facts: { size: 1, payloads: "not-read" },
      lines: ["1 records", expect.any(String), expect.any(String), "payloads, which may be erased, were not read"],
    });
  });

  test("says that a checkpoint without records shows nothing, and one that is not of an empty log is no such checkpoint", async () => {
    const [home, other] = [makeTemporaryFolder(), makeTemporaryFolder()];
    const log = await openTestLog(home);
    const empty = join(other, "empty");
    writeFileSync(empty, (await log.checkpoint()).note);
    await log.append({ kind: "stop", why: "test" }, null);
    const one = join(other, "one");
    const { note, root } = await log.checkpoint();
    writeFileSync(one, note);
    await log.close();
    const held = async (...against: readonly string[]) =>
      await verifier.verify({ folder: foldersOf(home).log, key, against, witnesses: null });
    expect(await held(empty)).toMatchObject({
      facts: { grownFromEarlier: false },
      lines: expect.arrayContaining(["what it was held against has no records, so it shows nothing"]),
    });
    expect(await held(empty, one)).toMatchObject({
      facts: { grownFromEarlier: true },
      lines: expect.arrayContaining(["grown from what it was held against"]),
    });
    writeFileSync(empty, signNote(checkpointText({ origin: ORIGIN, size: 0, root }), { key: LOG_KEY, sha256, sign }));
    expect(await held(empty)).toMatchObject({
      kind: "refused",
      at: null,
      why: "the earlier checkpoint of no records has a root that no log without records has",
    });
  });

  test("tells what a key looks like in characters that every screen shows", async () => {
    const given = { folder: "/absent", key: { kind: "text", text: "bad" } as const, against: [], witnesses: null };
    const error = await verifier.verify(given).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "usage", hint: expect.stringContaining("AbCd...=") });
    const { hint } = error as { hint: string }; // as just seen
    expect(makeVisible(hint)).toBe(hint);
  });

  /** The folder of a log of some records, in which something is otherwise. */
  async function strangersFolder(change: (folder: string) => void): Promise<string> {
    const home = makeTemporaryFolder();
    const log = await openTestLog(home);
    await log.append({ kind: "stop", why: "test" }, null);
    await log.close();
    const folder = foldersOf(home).log;
    change(folder);
    return folder;
  }
  const instead = (path: string, put: (path: string) => void) => (folder: string) => {
    rmSync(join(folder, path), { recursive: true });
    put(join(folder, path));
  };
  const pipe = (path: string): void => void execFileSync("mkfifo", [path]);
  const circle = (path: string): void => symlinkSync(path, path);
  const aFolder = (path: string): void => mkdirSync(path);
  const aFile = (path: string): void => writeFileSync(path, "");

  test.each([
    ["a pipe for the checkpoint", "checkpoint", pipe, "Cannot read checkpoint: it is no plain file"],
    ["a pipe for records", "tile/entries/000.p/1", pipe, "Cannot read tile/entries/000.p/1: it is no plain file"],
    ["a pipe for hashes", "tile/0/000.p/1", pipe, "Cannot read tile/0/000.p/1: it is no plain file"],
    ["a folder for the checkpoint", "checkpoint", aFolder, "Cannot read checkpoint: it is no plain file"],
    ["links in a circle", "checkpoint", circle, /^Cannot read checkpoint: it is a symbolic link/u],
    ["links in a circle above", "tile", circle, /^Cannot read tile\/.*: it is a symbolic link, or behind links/u],
    ["a file for a folder", "tile", aFile, /^Cannot read tile\/.*: something else is where a folder should be$/u],
    ["no checkpoint", "checkpoint", () => {}, "the checkpoint is missing or empty"],
  ])("refuses a stranger's folder with %s, in words, and waits for nothing", async (_, path, put, why) => {
    const folder = await strangersFolder(instead(path, put));
    const verified = await verifier.verify({ folder, key, against: [], witnesses: null });
    const said = typeof why === "string" ? why : expect.stringMatching(why);
    expect(verified).toEqual({ kind: "refused", code: "log-refused", at: null, why: said });
  });

  test("says of a path that leads to no folder what is wrong with it, and what to name", async () => {
    const folder = await strangersFolder(() => {});
    const loop = join(makeTemporaryFolder(), "loop");
    circle(loop);
    for (const [path, message] of [
      ["/absent", "Cannot read /absent: it does not exist"],
      [join(folder, "checkpoint"), `Cannot read ${join(folder, "checkpoint")}: it is no folder`],
      [join(folder, "checkpoint", "x"), `Cannot read ${join(folder, "checkpoint", "x")}: it does not exist`],
      [loop, `Cannot read ${loop}: it is behind links that lead in a circle`],
    ] as const) {
      const given = { folder: path, key, against: [], witnesses: null };
      const error = await verifier.verify(given).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: "file-unreadable",
        message,
        hint: expect.stringContaining("name the folder"),
      });
      if (path === join(folder, "checkpoint")) continue;
      const against = await verifier.verify({ ...given, folder, against: [path] }).catch((thrown: unknown) => thrown);
      expect(against).toMatchObject({ code: "file-unreadable", message, hint: expect.stringContaining("checkpoint") });
    }
  });

  test("refuses the home of a log whose journal lost what its checkpoint covers, and verifies a copy of the public files", async () => {
    const folder = makeTemporaryFolder();
    const whole = join(folder, "whole");
    await makeKilledHome(whole, { work: join(folder, "work"), records: 3 });
    const verify = async (home: string) =>
      await verifier.verify({
        folder: logFolder(home),
        key: { kind: "home", home },
        against: [],
        witnesses: null,
      });
    expect(await verify(whole)).toMatchObject({ kind: "verified", facts: { size: 3 } });
    const log = openMonitorKeys(join(whole, "keys"), true);
    const text = noteKeyText(sha256, { name: log.logOrigin, publicKey: log.logSigner.publicKey });
    for (const how of ["zeros", "cut"] as const) {
      const home = join(folder, how);
      cpSync(whole, home, { recursive: true });
      loseLastFrame(home, how);
      const before = readTree(home);
      expect(await verify(home), how).toEqual({
        kind: "refused",
        code: "log-shrunk",
        at: null,
        why: expect.stringMatching(
          /^its public files verify, 3 records, and no monitor starts with it: it has 2 records, its checkpoint says 3; put back log and keys/u,
        ),
      });
      expect(readTree(home)).toEqual(before);
      // Whoever has the public files and the key alone has no journal to look at.
      const copy = { folder: logFolder(home), key: { kind: "text", text }, against: [], witnesses: null } as const;
      expect(await verifier.verify(copy)).toMatchObject({ kind: "verified", facts: { size: 3 } });
      // A monitor that has the home changes its journal at any moment, and knows what it wrote.
      const monitor = openLogFiles(join(home, "run"));
      expect(await monitor.hold()).toBe(true);
      expect(await verify(home)).toMatchObject({ kind: "verified" });
      await monitor.release();
    }
  });
});

function readTree(folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map(({ parentPath, name }) => [
      join(parentPath, name),
      readFileSync(join(parentPath, name)).toString("base64"),
    ]),
  );
}
