import { describe, expect, test } from "vitest";
import { CRYPTO } from "../../test/fakes/open-log.ts";
import { createSigner } from "../platform/keys/signer.ts";
import { canonicalize } from "../kernel/canonical.ts";
import { encodeUtf8, toBase64 } from "./bytes.ts";
import { pae } from "./pae.ts";
import {
  digestOfSigned,
  MOST_PUBLISHER,
  PUBLISHER_FILE,
  PUBLISHER_TYPE,
  readPublication,
  sealPublication,
} from "./publisher.ts";
import { keyId, STATEMENT_TYPE } from "./statement.ts";

const acme = createSigner(new Uint8Array(32).fill(1));
const other = createSigner(new Uint8Array(32).fill(2));
const file = (path: string, fill: string) => ({ path, executable: false, bytes: 1, sha256: fill.repeat(64) });
const FILES = [file("index.js", "a"), file("package.json", "b")];
const NOTES = { kind: "npm", name: "notes", version: "1.0.0", digest: digestOfSigned(FILES, CRYPTO) } as const;
const SEALED = sealPublication(NOTES, acme, CRYPTO);
/** Made by Node's own Ed25519 over the bytes that docs/formats/publisher.md says, not by this code. */
const SIGNATURE = "MLfridS+obinYZF4NiLPK2mxuJ1H00efHNCwBx1Ru2soTCoGA6nvEN009CX33Xg/nTShFxyIt8S/DybG2KHjAQ==";
const read = (text: string, found: Parameters<typeof readPublication>[1] = NOTES) =>
  readPublication(text, found, CRYPTO);

/** An envelope over any text, by any key, of any type. */
function seal(content: string, by = acme, type: string = PUBLISHER_TYPE, named = by) {
  const payload = encodeUtf8(content);
  const signature = { keyid: keyId(named.publicKey, (data) => CRYPTO.sha256(data)), sig: "" };
  const signatures = [{ ...signature, sig: toBase64(by.sign(pae(type, payload))) }];
  return { payloadType: PUBLISHER_TYPE, payload: toBase64(payload), signatures };
}
const content = (key = acme) => canonicalize({ v: 1, ...NOTES, kind: "package", key: toBase64(key.publicKey) });

describe("a publisher's signature", () => {
  test("says whose key signed these files, under this kind, name and version", () => {
    expect(read(SEALED)).toEqual({ kind: "signed", key: toBase64(acme.publicKey) });
    expect(read(JSON.stringify(seal(content())))).toMatchObject({ kind: "signed" });
    // A folder that is packed for npm is the same package.
    expect(read(SEALED, { ...NOTES, kind: "folder" })).toMatchObject({ kind: "signed" });
  });

  test("is over every file but its own at the top", () => {
    const of = (files: typeof FILES) => digestOfSigned(files, CRYPTO);
    expect(of([file(PUBLISHER_FILE, "c"), ...FILES])).toBe(NOTES.digest);
    expect(of([...FILES, file(`sub/${PUBLISHER_FILE}`, "c")])).not.toBe(NOTES.digest);
    expect(of(FILES.map((each) => ({ ...each, executable: true })))).not.toBe(NOTES.digest);
    expect(of([file("index.js", "c"), file("package.json", "b")])).not.toBe(NOTES.digest);
  });

  test("has one form for one signer and one extension", () => {
    const listed = { ...NOTES, digest: `sha256:${"0".repeat(64)}` };
    const { payload, ...rest } = JSON.parse(sealPublication(listed, acme, CRYPTO));
    const key = toBase64(acme.publicKey);
    expect(Buffer.from(payload, "base64").toString()).toBe(
      `{"digest":"${listed.digest}","key":"${key}","kind":"package","name":"notes","v":1,"version":"1.0.0"}`,
    );
    expect(rest).toEqual({
      payloadType: "application/vnd.aios.publisher.v1+json",
      signatures: [{ keyid: keyId(acme.publicKey, (data) => CRYPTO.sha256(data)), sig: SIGNATURE }],
    });
  });

  test("is that key's or nobody's, whichever character of it is another", () => {
    for (let at = 0; at < SEALED.length; at += 1) {
      for (const character of ["A", "}", " "]) {
        const found = read(`${SEALED.slice(0, at)}${character}${SEALED.slice(at + 1)}`);
        if (found.kind === "signed") expect(found.key).toBe(toBase64(acme.publicKey));
      }
    }
  });

  test.each([
    ["other bytes", { ...NOTES, digest: `sha256:${"0".repeat(64)}` }, "digest"],
    ["another name", { ...NOTES, name: "n0tes" }, "name"],
    ["a later version", { ...NOTES, version: "1.0.1" }, "version"],
    ["no version", { ...NOTES, version: null }, "version"],
    ["another kind", { ...NOTES, kind: "mcpb" as const }, "kind"],
  ])("is refused over %s", (_what, found, field) => {
    expect(read(SEALED, found)).toEqual({ kind: "refused", why: `it was signed for another ${field}` });
  });

  const good = seal(content());
  const [only] = good.signatures;
  test.each([
    ["two envelopes", `${SEALED}${SEALED}`, "not strict JSON"],
    ["a list of envelopes", JSON.stringify([good, good]), "no envelope"],
    ["a field twice", JSON.stringify(good).replace("{", `{"payload":"",`), "not strict JSON"],
    ["two signatures", JSON.stringify({ ...good, signatures: [only, only] }), "exactly one"],
    ["no signature", JSON.stringify({ ...good, signatures: [] }), "exactly one"],
    ["a file that is too long", SEALED.padEnd(MOST_PUBLISHER + 1, " "), "not strict JSON"],
    ["another key's signature", JSON.stringify(seal(content(), other, PUBLISHER_TYPE, acme)), "does not verify"],
    ["another key's id", JSON.stringify(seal(content(), acme, PUBLISHER_TYPE, other)), "another key"],
    ["a signature of an owner's statement", JSON.stringify(seal(content(), acme, STATEMENT_TYPE)), "does not verify"],
    ["a second spelling", JSON.stringify(seal(` ${content()}`)), "canonical"],
    ["a field more", JSON.stringify(seal(content().replace("{", '{"a":1,'))), "refused"],
  ])("is refused with %s", (_what, text, why) => {
    const refused = read(text);
    expect(refused.kind).toBe("refused");
    expect(refused).toMatchObject({ why: expect.stringContaining(why) });
  });
});
