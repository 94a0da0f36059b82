import { describe, expect, test } from "vitest";
import { createCrypto } from "../platform/keys/crypto.ts";
import { createSigner } from "../platform/keys/signer.ts";
import { fromBase64, toBase64 } from "./bytes.ts";
import { cosign, readCosignatures, type Cosigned } from "./cosignature.ts";
import { checkpointText, noteKeyText, readNoteKey, signNote, type NoteKey } from "./note.ts";

const crypto = createCrypto();
const sha256 = (data: Uint8Array): Uint8Array => crypto.sha256(data);
const log = createSigner(new Uint8Array(32).fill(1));
const signer = createSigner(new Uint8Array(32).fill(2));
const other = createSigner(new Uint8Array(32).fill(3));
const witness: NoteKey = { name: "witness.example/w1", publicKey: signer.publicKey };
const second: NoteKey = { name: "witness.example/w2", publicKey: other.publicKey };
const text = checkpointText({ origin: "aios.test/log", size: 3, root: new Uint8Array(32).fill(9) });
const note = signNote(text, {
  key: { name: "aios.test/log", publicKey: log.publicKey },
  sha256,
  sign: (message) => log.sign(message),
});
const line = (key: NoteKey, time: number, by = signer, over = text): string =>
  cosign(over, { key, time, sha256, sign: (message) => by.sign(message) });
const read = (written: string, ...witnesses: readonly NoteKey[]): readonly Cosigned[] | null =>
  readCosignatures(written, { witnesses, sha256, verify: crypto.verify.bind(crypto) });

describe("a cosignature", () => {
  // The example of the specification, c2sp.org/tlog-cosignature; its keys are not published, so its form is compared.
  test("has the form of the specification's example", () => {
    const published =
      "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==";
    const theirs = fromBase64(published) ?? new Uint8Array();
    const ours = fromBase64(line(witness, 1_679_315_147).trim().split(" ").at(-1) ?? "") ?? new Uint8Array();
    expect(ours).toHaveLength(theirs.length);
    expect(ours.slice(4, 12)).toEqual(theirs.slice(4, 12)); // the same time
  });

  test("is read with its time, beside the log's own signature and those of strangers", () => {
    expect(read(note, witness)).toEqual([]);
    const cosigned = note + line(witness, 1_790_000_000) + line(second, 1_790_000_005, other);
    expect(read(cosigned, witness)).toEqual([{ witness, time: 1_790_000_000 }]);
    expect(read(cosigned, second, witness)).toEqual([
      { witness: second, time: 1_790_000_005 },
      { witness, time: 1_790_000_000 },
    ]);
  });

  test("counts once for a witness, with the newest time", () => {
    expect(read(note + line(witness, 7) + line(witness, 5), witness)).toEqual([{ witness, time: 7 }]);
  });

  test.each([
    ["another time", (): string => changed(line(witness, 5), 11)],
    ["another checkpoint", (): string => line(witness, 5, signer, text.replace("\n3\n", "\n4\n"))],
    ["another key under the witness's name", (): string => line(witness, 5, other)],
    ["one byte less", (): string => cut(line(witness, 5))],
    ["the signature that the same key gave to the note itself", plain],
  ])("over %s refuses the note", (_, forge) => {
    expect(read(note + forge(), witness)).toBeNull();
    expect(read(note + line(witness, 5), witness)).toHaveLength(1);
  });

  test("under another name counts for nobody", () => {
    expect(read(note + line({ ...witness, name: "witness.example/w3" }, 5), witness)).toEqual([]);
  });
});

test("a key has one text for each kind, and reads back", () => {
  const written = noteKeyText(sha256, witness, "cosignature");
  expect(readNoteKey(sha256, written, "cosignature")).toEqual(witness);
  expect(readNoteKey(sha256, written)).toBeNull();
  expect(readNoteKey(sha256, noteKeyText(sha256, witness), "cosignature")).toBeNull();
  const id = written.split("+")[1] ?? "";
  for (const bad of [
    "",
    "name",
    written.replace(id, "00000000"),
    `${written}A`,
    written.replace("witness", "w itness"),
  ])
    expect(readNoteKey(sha256, bad, "cosignature"), bad).toBeNull();
});

function changed(written: string, at: number): string {
  const [dash, name, encoded = ""] = written.trim().split(" ");
  const bytes = fromBase64(encoded) ?? new Uint8Array();
  return `${dash} ${name} ${toBase64(bytes.with(at, (bytes[at] ?? 0) ^ 1))}\n`;
}
function cut(written: string): string {
  const [dash, name, encoded = ""] = written.trim().split(" ");
  return `${dash} ${name} ${toBase64((fromBase64(encoded) ?? new Uint8Array()).slice(0, -1))}\n`;
}
/** A signature over the checkpoint's own text, put under the id of cosignatures: without a time in what was signed. */
function plain(): string {
  const [, , encoded = ""] = line(witness, 0).trim().split(" ");
  const bytes = (fromBase64(encoded) ?? new Uint8Array()).slice();
  bytes.set(signer.sign(Buffer.from(text)), 12);
  return `\u2014 ${witness.name} ${toBase64(bytes)}\n`;
}
