import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { recordText } from "../../src/protocol/record-codec.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import { noteKeyText } from "../../src/protocol/note.ts";
import { writeProof } from "../../src/protocol/proof-file.ts";
import { CRYPTO, foldersOf, openTestLog, ORIGIN, SIGNER, STILL } from "../fakes/open-log.ts";
import { appendMany } from "../fakes/records.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { buildGo, GO_PACKAGES, hasGo, type GoVerdict } from "./go-tools.ts";

/*
 * Our logs, read by an implementation that was not written here: golang.org/x/mod/sumdb, which guards Go's modules.
 * Checkpoints are notes to its `note`, tiles and proofs are those of its `tlog`.
 */

const KEY = noteKeyText((data) => CRYPTO.sha256(data), { name: ORIGIN, publicKey: SIGNER.publicKey });
/** More than 65,536, so that there is a tile of level 2. */
const SIZE = 66_000;
const SIZES = [1, 255, 256, 600, 65_536, SIZE];
const PROVED = [0, 255, 256, 599, 65_535, 65_536, SIZE - 1];

describe("golang.org/x/mod/sumdb", () => {
  if (!hasGo()) {
    console.warn(`NOT PROVEN: Go's sumdb is not here, so no other implementation read our log. ${GO_PACKAGES}`);
    test.skip("Go is missing, nothing was proven", () => {});
    return;
  }
  let go: (...args: readonly string[]) => GoVerdict;
  let made: { readonly log: string; readonly earlier: readonly string[]; readonly proofs: readonly string[] };

  beforeAll(async () => {
    go = buildGo();
    const home = makeTemporaryFolder();
    const log = await openTestLog(home, { timer: STILL });
    const earlier: string[] = [];
    for (const size of SIZES) {
      while (log.size < size) await appendMany(log, Math.min(2000, size - log.size), log.size);
      const path = join(home, `${size}.checkpoint`);
      writeFileSync(path, (await log.checkpoint()).note);
      earlier.push(path);
    }
    const proofs: string[] = [];
    const checkpoint = (await log.checkpoint()).note;
    for (const seq of PROVED) {
      const path = (await log.inclusion(seq, SIZE)).map(toBase64);
      for await (const { record } of log.entries(seq, seq + 1)) {
        const file = join(home, `${seq}.tlog-proof`);
        writeFileSync(file, writeProof({ v: 1, seq, record: recordText(record), path, checkpoint }));
        proofs.push(file);
      }
    }
    await log.close();
    made = { log: foldersOf(home).log, earlier, proofs };
  });

  /** A copy of the log's public files, as a stranger has it. */
  function copy(): string {
    const folder = makeTemporaryFolder();
    for (const name of ["checkpoint", "tile"]) cpSync(join(made.log, name), join(folder, name), { recursive: true });
    return folder;
  }
  function changeByte(file: string, at: number): void {
    const bytes = readFileSync(file);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(file, bytes);
  }

  test("takes our checkpoint, every record by our tiles, and growth from each earlier checkpoint", () => {
    const verdict = go("log", copy(), KEY, ...made.earlier);
    expect(verdict).toEqual({ kind: "verified", said: expect.stringMatching(new RegExp(`^log ${SIZE} `)) });
  });

  test("takes our proofs of single records", () => {
    expect(made.proofs).toHaveLength(PROVED.length);
    for (const [place, file] of made.proofs.entries()) {
      const said = expect.stringMatching(new RegExp(`^proof ${PROVED[place]} ${SIZE} `));
      expect(go("proof", file, KEY), file).toEqual({ kind: "verified", said });
    }
  });

  test.each([
    ["checkpoint", 20],
    ["tile/entries/000", 40],
    ["tile/entries/257.p/208", 500],
    ["tile/0/255", 1000],
    ["tile/0/257.p/208", 31],
    ["tile/1/000", 64],
    ["tile/1/001.p/1", 0],
    ["tile/2/000.p/1", 5],
  ])("refuses one changed byte of %s", (path, at) => {
    const folder = copy();
    changeByte(join(folder, path), at);
    expect(go("log", folder, KEY).kind).toBe("refused");
  });

  test("refuses a log that lost a tile, a bundle or its checkpoint", () => {
    for (const path of ["checkpoint", "tile/entries/003", "tile/0/257.p/208"]) {
      const folder = copy();
      rmSync(join(folder, path));
      expect(go("log", folder, KEY).kind, path).toBe("refused");
    }
  });

  test("refuses our log under another key, and a checkpoint of another log", async () => {
    const other = noteKeyText((data) => CRYPTO.sha256(data), { name: ORIGIN, publicKey: new Uint8Array(32).fill(1) });
    expect(go("log", copy(), other).kind).toBe("refused");
    const home = makeTemporaryFolder();
    const fork = await openTestLog(home, { timer: STILL });
    await appendMany(fork, 300, 1);
    const path = join(home, "fork.checkpoint");
    writeFileSync(path, (await fork.checkpoint()).note);
    await fork.close();
    expect(go("log", foldersOf(home).log, KEY).kind).toBe("verified");
    expect(go("log", copy(), KEY, path).kind).toBe("refused");
  });

  test("refuses a proof of another place, another record or another path", () => {
    const [, file = ""] = made.proofs;
    const text = readFileSync(file, "utf8");
    const changed = join(makeTemporaryFolder(), "changed.tlog-proof");
    const lines = text.split("\n");
    for (const forged of [
      text.replace("index 255", "index 254"),
      text.replace("extra ey", "extra ez"),
      lines.with(3, lines[4] ?? "").join("\n"),
      lines.toSpliced(3, 1).join("\n"),
    ]) {
      expect(forged).not.toBe(text);
      writeFileSync(changed, forged);
      expect(go("proof", changed, KEY).kind).toBe("refused");
    }
  });
});
