import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readNoteKey, splitNote } from "../../src/protocol/note.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { CRYPTO } from "../fakes/open-log.ts";
import { addCosignature, LOG_KEY, makeLog, testWitness, type MadeLog } from "./logs.ts";

/* The verifier of proofs that is one file: it shares no code with the rest and knows no home. */

const VERIFIER = new URL("../../verifier/check-proof.mjs", import.meta.url).pathname;
const [one, two] = [testWitness(1), testWitness(2)];

let folder: string;
let log: MadeLog;
beforeAll(async () => {
  folder = makeTemporaryFolder();
  log = await makeLog({ sizes: [1, 300, 1000], prove: [0, 1, 255, 256, 998, 999] });
});

function check(proof: string, ...flags: readonly string[]): { code: number | null; out: string; said: string } {
  const file = join(folder, "proof.tlog-proof");
  writeFileSync(file, proof);
  const run = spawnSync(process.execPath, [VERIFIER, file, "--key", LOG_KEY, ...flags], {
    encoding: "utf8",
    cwd: "/",
    env: {},
  });
  return { code: run.status, out: run.stdout, said: run.stderr };
}
const proofOf = (seq: number): string => log.proofs.get(seq) ?? "";

test("needs nothing of ours", () => {
  const imported = [
    ...readFileSync(VERIFIER, "utf8").matchAll(/^import .* from "(?<name>.+)";$|\b(?:import|require)\(/gmu),
  ];
  expect(imported.map(({ groups }) => groups?.["name"])).toEqual(["node:crypto", "node:fs", "node:url", "node:util"]);
});

describe("a proof", () => {
  test.each([0, 1, 255, 256, 998, 999])("of record %i is verified, and the record is printed", (seq) => {
    const { code, out, said } = check(proofOf(seq));
    expect({ code, said }).toEqual({ code: 0, said: `verified: record ${seq} of aios.test/log at size 1000\n` });
    expect(JSON.parse(out)).toMatchObject({ seq, kind: "stop", why: `x ${seq}` });
  });

  test("with cosignatures is verified as far as they are demanded", () => {
    const cosigned = addCosignature(addCosignature(proofOf(256), one, 1_790_000_000), two, 1_790_000_001);
    expect(check(cosigned, "--witness", one.text, "--witness", two.text)).toMatchObject({
      code: 0,
      said: expect.stringContaining("cosigned: by witness.test/w1 on 2026-09-21"),
    });
    const single = addCosignature(proofOf(256), one, 1_790_000_000);
    expect(check(single, "--witness", one.text, "--witness", two.text).code).toBe(1);
    expect(check(single, "--witness", one.text, "--witness", two.text, "--quorum", "1").code).toBe(0);
  });
});

const swap = (text: string, from: string | RegExp, to: string): string => text.replace(from, to);
const record = (change: (text: string) => string) => (text: string) =>
  text.replace(/extra (?<leaf>\S+)/u, (_, leaf: string) => {
    return `extra ${Buffer.from(change(Buffer.from(leaf, "base64").toString())).toString("base64")}`;
  });

describe("a forged proof is refused", () => {
  test.each<[string, (text: string) => string]>([
    ["another record", record((text) => text.replace("x 256", "y 256"))],
    ["another number in the record", record((text) => text.replace('"seq":256', '"seq":257'))],
    ["another index", (text) => swap(text, "index 256", "index 257")],
    ["an index beyond the log", (text) => swap(text, "index 256", "index 1000")],
    ["a hash less", (text) => text.split("\n").toSpliced(3, 1).join("\n")],
    ["a hash more", (text) => text.split("\n").toSpliced(3, 0, "A".repeat(43).concat("=")).join("\n")],
    [
      "two hashes in each other's place",
      (text) =>
        ((lines) =>
          lines
            .with(3, lines[4] ?? "")
            .with(4, lines[3] ?? "")
            .join("\n"))(text.split("\n")),
    ],
    ["another size", (text) => swap(text, "\n1000\n", "\n1001\n")],
    ["another origin", (text) => swap(text, "\naios.test/log\n", "\naios.test/lag\n")],
    ["no signature", (text) => swap(text, /\u2014 .*\n/u, "")],
    [
      "the checkpoint of another size",
      (text) => text.slice(0, text.indexOf("\n\n") + 2) + (log.checkpoints.get(300) ?? ""),
    ],
    ["another version", (text) => swap(text, "@v1", "@v2")],
    ["no record", (text) => swap(text, /extra .*\n/u, "")],
    ["base64 written another way", (text) => swap(text, /(?<first>\S{43})=\n/u, "$<first>\n")],
    ["nothing in it", () => ""],
  ])("with %s", (_, forge) => {
    const forged = forge(proofOf(256));
    expect(forged).not.toBe(proofOf(256));
    expect(check(forged)).toMatchObject({ code: 1, out: "", said: expect.stringMatching(/^refused: /u) });
  });

  test("with a cosignature of nobody, of another checkpoint, or changed", () => {
    const other = addCosignature(log.checkpoints.get(300) ?? "", one, 7);
    const line = splitNote(other)?.signatures.at(-1)?.line ?? "";
    const right = addCosignature(proofOf(256), one, 7);
    for (const forged of [proofOf(256), addCosignature(proofOf(256), two, 7), proofOf(256) + line]) {
      expect(check(forged, "--witness", one.text)).toMatchObject({ code: 1, out: "" });
    }
    expect(check(right, "--witness", one.text).code).toBe(0);
  });
});

describe("the command line", () => {
  test("that is wrong verifies nothing", () => {
    const key = readNoteKey((data) => CRYPTO.sha256(data), LOG_KEY);
    expect(key).not.toBeNull();
    for (const flags of [
      ["--key", LOG_KEY.replace("+", "+0")],
      ["--key", one.text],
      ["--witness", LOG_KEY],
      ["--quorum", "1"],
      ["--witness", one.text, "--quorum", "0"],
      ["--witness", one.text, "--quorum", "2"],
      ["--unknown"],
      ["another-file"],
    ]) {
      expect(check(proofOf(0), ...flags), flags.join(" ")).toMatchObject({ code: 2, out: "" });
    }
  });

  test("that names no file that can be read verifies nothing", () => {
    const run = spawnSync(process.execPath, [VERIFIER, "/nonexistent", "--key", LOG_KEY], {
      encoding: "utf8",
      env: {},
    });
    expect(run).toMatchObject({ status: 1, stdout: "" });
  });
});
