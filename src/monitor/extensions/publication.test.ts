import { describe, expect, test } from "vitest";
import { CRYPTO } from "../../../test/fakes/open-log.ts";
import { createSigner } from "../../platform/keys/signer.ts";
import { toBase64 } from "../../protocol/bytes.ts";
import type { TreeFile } from "../../protocol/extension-table.ts";
import { digestOfSigned, PUBLISHER_FILE, sealPublication } from "../../protocol/publisher.ts";
import { judgePublication } from "./publication.ts";

const acme = createSigner(new Uint8Array(32).fill(1));
const other = createSigner(new Uint8Array(32).fill(2));
const ABOUT = { kind: "npm", name: "notes", version: "1.0.0" } as const;
const file = (path: string, body: string): TreeFile => ({
  path,
  executable: false,
  bytes: Buffer.byteLength(body),
  sha256: CRYPTO.digest(body).slice("sha256:".length),
});
const FILES = [file("index.js", "export {};"), file("package.json", "{}")];
const sealed = (by = acme): string => sealPublication({ ...ABOUT, digest: digestOfSigned(FILES, CRYPTO) }, by, CRYPTO);
const judge = (files: readonly TreeFile[], text: string | null) => judgePublication(ABOUT, { files, text }, CRYPTO);

describe("the signature in a sealed tree", () => {
  test("is its publisher's, or there is none", () => {
    const text = sealed();
    const signed = { kind: "signed", key: toBase64(acme.publicKey) };
    expect(judge([file(PUBLISHER_FILE, text), ...FILES], text)).toEqual(signed);
    expect(judge(FILES, null)).toBeNull();
    // A process that reads strangers' bytes makes none up.
    expect(judge(FILES, text)).toBeNull();
    expect(judge([file(`sub/${PUBLISHER_FILE}`, text), ...FILES], text)).toBeNull();
  });

  test("is refused, and never taken for none, where the file says nothing that holds", () => {
    const text = sealed();
    const own = file(PUBLISHER_FILE, text);
    expect(judge([own, ...FILES], null)).toMatchObject({ kind: "refused", why: expect.stringContaining("no text") });
    // Whoever read it says something else than what lies there, be it a signature that holds.
    expect(judge([own, ...FILES], sealed(other))).toMatchObject({
      kind: "refused",
      why: "what was read of it is not what lies in the extension",
    });
    const [first = own, ...rest] = FILES;
    expect(judge([own, { ...first, executable: true }, ...rest], text)).toMatchObject({ kind: "refused" });
    expect(judge([own, file("index.js", "export {}; "), ...rest], text)).toMatchObject({ kind: "refused" });
  });
});
