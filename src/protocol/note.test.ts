import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCrypto } from "../platform/keys/crypto.ts";
import { createSigner } from "../platform/keys/signer.ts";
import { fromBase64 } from "./bytes.ts";
import { checkpointText, noteKeyText, openNote, parseCheckpoint, signNote } from "./note.ts";

const crypto = createCrypto();
const sha256 = (data: Uint8Array): Uint8Array => crypto.sha256(data);
const verify = (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
  crypto.verify(key, message, signature);
const signer = createSigner(new Uint8Array(32).fill(3));
const key = { name: "aios.test/log", publicKey: signer.publicKey };
const sign = (text: string): string => signNote(text, { key, sha256, sign: (message) => signer.sign(message) });
const open = (note: string): string | null => openNote(note, { key, sha256, verify });

describe("a signed note", () => {
  // The example of the Go package golang.org/x/mod/sumdb/note, where the format comes from.
  const peter = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
  const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
  const published = `${text}\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;
  const publicKey = fromBase64(peter.split("+").slice(2).join("+"))?.slice(1) ?? new Uint8Array();
  const theirs = { name: "PeterNeumann", publicKey };

  test("that another implementation made is read here, and its key has the same text", () => {
    expect(noteKeyText(sha256, theirs)).toBe(peter);
    expect(openNote(published, { key: theirs, sha256, verify })).toBe(text);
  });

  test("opens to its text, with signatures of others beside ours", () => {
    const note = sign("aios.test/log\n1\nhash\n");
    expect(open(note)).toBe("aios.test/log\n1\nhash\n");
    const cosigned = `${note}\u2014 witness.example ${published.split(" ").at(-1)}`;
    expect(open(cosigned)).toBe("aios.test/log\n1\nhash\n");
    expect(open(published)).toBeNull();
  });

  test("with any one character changed, added or cut does not open", () => {
    const note = sign("aios.test/log\n20\nAAAA\n");
    for (let at = 0; at < note.length; at += 1) {
      const other = String.fromCharCode(note.charCodeAt(at) ^ 1);
      expect(open(note.slice(0, at) + other + note.slice(at + 1)), `changed at ${at}`).toBeNull();
      expect(open(note.slice(0, at) + note.slice(at + 1)), `cut at ${at}`).toBeNull();
      expect(open(`${note.slice(0, at)}x${note.slice(at)}`), `added at ${at}`).toBeNull();
    }
    expect(open(note)).not.toBeNull();
  });

  test("never opens from random text", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (junk) => {
        expect(open(junk)).toBeNull();
      }),
    );
  });

  test("is not made of text that no note can hold", () => {
    for (const bad of ["no newline", "", "a\u0000b\n", "a\rb\n", "tab\t\n", "\ud800\n"])
      expect(() => sign(bad)).toThrow(RangeError);
    for (const name of ["", "a b", "a+b", "a\nb"]) {
      expect(() => signNote("a\n", { key: { ...key, name }, sha256, sign: (message) => signer.sign(message) })).toThrow(
        RangeError,
      );
    }
  });
});

describe("a checkpoint", () => {
  const root = new Uint8Array(32).fill(5);

  test("reads back as it was written", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (size) => {
        expect(parseCheckpoint(checkpointText({ origin: "o", size, root }))).toEqual({ origin: "o", size, root });
      }),
    );
  });

  test("with an extension line is read, and anything malformed is not", () => {
    const text = checkpointText({ origin: "o", size: 7, root });
    expect(parseCheckpoint(`${text}extension\n`)?.size).toBe(7);
    const hash = text.split("\n")[2] ?? "";
    for (const bad of [
      "",
      "o\n",
      "o\n7\n",
      `\n7\n${hash}\n`,
      `o\n07\n${hash}\n`,
      `o\n-1\n${hash}\n`,
      `o\n7.0\n${hash}\n`,
      `o\n1e3\n${hash}\n`,
      `o\n9007199254740993\n${hash}\n`,
      `o\n7\n${hash}`,
      `o\n7\n${hash.slice(4)}\n`,
      `o\n7\n${hash} \n`,
      `${text}\n`,
      `${text}a\n\nb\n`,
    ]) {
      expect(parseCheckpoint(bad), JSON.stringify(bad)).toBeNull();
    }
  });
});
