import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { asJson } from "../../src/protocol/as-json.ts";
import {
  readSalted,
  saltedDigest,
  verifyExport,
  writeExport,
  type ExportHead,
  type ExportLine,
} from "../../src/protocol/memory-export.ts";
import { contentOf, makeExport, saltedOf } from "../fakes/memory-export.ts";
import { CRYPTO, ORIGIN, SIGNER } from "../fakes/open-log.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { addCosignature, LOG_KEY, testWitness } from "./logs.ts";

/*
 * A file of entries of memory, as a stranger checks it: by our own verifier and by the one that shares no code with it. Whatever
 * one of them refuses the other refuses too.
 */

const VERIFIER = new URL("../../verifier/check-proof.mjs", import.meta.url).pathname;
const TEXTS = ["The cheese is in the cellar", "Käse \u{1f9c0}\tzwei\nKilo", "third", "fourth"];

let folder: string;
let head: ExportHead;
let lines: readonly ExportLine[];
let older: string;
beforeAll(async () => {
  folder = makeTemporaryFolder();
  ({ head, lines, older } = await makeExport(TEXTS.map((text) => contentOf(text))));
});

function standalone(file: string, ...flags: readonly string[]): { code: number | null; out: string; said: string } {
  const path = join(folder, "keeper.memory");
  writeFileSync(path, file);
  const run = spawnSync(process.execPath, [VERIFIER, path, "--key", LOG_KEY, ...flags], {
    encoding: "utf8",
    cwd: "/",
    env: {},
  });
  return { code: run.status, out: run.stdout, said: run.stderr };
}
const ours = (file: string): ReturnType<typeof verifyExport> =>
  verifyExport(file, { powers: CRYPTO, publicKey: SIGNER.publicKey, origin: ORIGIN });

describe("a file of entries", () => {
  test("is verified by both with the log's key alone, and says what was kept, by whom and where", () => {
    const file = writeExport(head, lines);
    const found = ours(file);
    expect(found).toMatchObject({ kind: "verified", checkpoint: { origin: ORIGIN, size: 308 } });
    expect(found.kind === "verified" && found.entries.map(({ content }) => content)).toEqual(
      TEXTS.map((text) => contentOf(text)),
    );
    const { code, out, said } = standalone(file);
    expect({ code, said }).toEqual({
      code: 0,
      said: `verified: 4 entries of the append-only plane of keeper in ${ORIGIN} at size 308\n`,
    });
    const printed = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(printed).toEqual(TEXTS.map((text, entry) => ({ record: 2 * entry + 1, entry, ...contentOf(text) })));
  });

  test("with some left out is one still, and one of none too", () => {
    for (const some of [[], lines.slice(1, 3)]) {
      const file = writeExport({ ...head, entries: some.length }, some);
      expect(ours(file).kind).toBe("verified");
      expect(standalone(file).code).toBe(0);
    }
  });

  test("is held to the witnesses that are demanded", () => {
    const witness = testWitness(1);
    const cosigned = { ...head, checkpoint: addCosignature(head.checkpoint, witness, 1_790_000_000) };
    expect(standalone(writeExport(cosigned, lines), "--witness", witness.text).code).toBe(0);
    expect(standalone(writeExport(head, lines), "--witness", witness.text).code).toBe(1);
  });
});

describe("a file that was changed is refused by both", () => {
  type Change = (given: { readonly head: ExportHead; readonly lines: readonly ExportLine[] }) => {
    readonly head?: object;
    readonly lines?: readonly object[];
  };
  const line = (at: number, change: (line: ExportLine) => object): Change => {
    return (given) => ({
      lines: given.lines.map((each, place) => (place === at ? { ...each, ...change(each) } : each)),
    });
  };
  const swapped = (text: string, from: string, to: string): string => {
    expect(text).toContain(from);
    return text.replace(from, to);
  };
  const cases: readonly (readonly [string, Change])[] = [
    ["another text", line(0, ({ salted }) => ({ salted: swapped(salted, "cellar", "attic!") }))],
    ["another salt", line(0, ({ salted }) => ({ salted: swapped(salted, "5a", "5b") }))],
    ["fewer labels", line(0, ({ salted }) => ({ salted: swapped(salted, '["untrusted"]', "[]") }))],
    ["fewer labels in the record", line(0, ({ record }) => ({ record: swapped(record, '["untrusted"]', "[]") }))],
    [
      "another text, and a record that commits to it",
      line(0, ({ record, salted }) => {
        const forged = swapped(salted, "cellar", "attic!");
        return { salted: forged, record: swapped(record, saltedDigest(salted, CRYPTO), saltedDigest(forged, CRYPTO)) };
      }),
    ],
    ["the content of another entry", line(0, () => ({ salted: lines[1]?.salted ?? "" }))],
    ["another number of the record", line(0, ({ seq }) => ({ seq: seq - 1 }))],
    ["a number beyond the log", line(3, () => ({ seq: 308 }))],
    ["a hash less", line(2, ({ path }) => ({ path: path.slice(1) }))],
    ["a hash more", line(2, ({ path }) => ({ path: [...path, path[0] ?? ""] }))],
    ["a hash that is none", line(2, ({ path }) => ({ path: path.with(0, "AAAA") }))],
    [
      "an entry twice",
      (given) => ({ lines: [...given.lines.slice(0, 1), ...given.lines.slice(0, 1), ...given.lines.slice(2)] }),
    ],
    ["another order", (given) => ({ lines: given.lines.toReversed() })],
    ["its end cut off", (given) => ({ lines: given.lines.slice(1) })],
    ["another plane at its head", () => ({ head: { plane: "ephemeral" } })],
    ["another agent at its head", () => ({ head: { agent: "other" } })],
    ["another version", () => ({ head: { v: 2 } })],
    ["the checkpoint of another size", () => ({ head: { checkpoint: older } })],
    ["no signature", (given) => ({ head: { checkpoint: given.head.checkpoint.replace(/\u2014 .*\n/u, "") } })],
  ];
  test.each(cases)("%s", (_, change) => {
    const changed = change({ head, lines });
    const file = [{ ...head, ...changed.head }, ...(changed.lines ?? lines)]
      .map((each) => `${canonicalize(asJson(each))}\n`)
      .join("");
    expect(ours(file).kind).toBe("refused");
    const { code, out, said } = standalone(file);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(said).toContain("refused: ");
  });

  test("another log's key", () => {
    const { publicKey } = testWitness(1).key;
    expect(verifyExport(writeExport(head, lines), { powers: CRYPTO, publicKey, origin: ORIGIN }).kind).toBe("refused");
  });

  test("no file at all, and one cut within a line", () => {
    const file = writeExport(head, lines);
    for (const other of ["{}\n", "{", `${file}x`, file.slice(0, -1), file.slice(0, -100)]) {
      expect(ours(other).kind).toBe("refused");
      expect(standalone(other).code).toBe(1);
    }
  });
});

test("content has one encoding, and is something that could be kept", () => {
  const good = contentOf("x");
  expect(readSalted(saltedOf(good))).toEqual(good);
  const bad: readonly string[] = [
    saltedOf(good).slice(1),
    `${saltedOf(good)} `,
    saltedOf(good).replace('"v":1', '"v":1.0'),
    saltedOf({ ...good, text: "" }),
    saltedOf({ ...good, text: "bell \u0007" }),
    saltedOf({ ...good, text: "ä".repeat(40_000) }),
    saltedOf({ ...good, plane: "ephemeral" }),
    saltedOf({ ...good, expires: 1_800_000_000_000 }),
    saltedOf({ ...good, plane: "frozen" }),
    saltedOf({ ...good, agent: "Not One" }),
    "5a".repeat(16) + canonicalize({ ...asJson(good), more: 1 }),
  ];
  for (const salted of bad) expect([salted.slice(32, 80), readSalted(salted)]).toEqual([salted.slice(32, 80), null]);
});
