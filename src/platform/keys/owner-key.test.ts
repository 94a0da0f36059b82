import { chmodSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import type { Signer } from "../powers.ts";
import { createCrypto } from "./crypto.ts";
import { createOwnerKey, createPublisherKey, openOwnerKey, openPublisherKey } from "./owner-key.ts";

const PASSPHRASE = "correct horse Grün";
const message = new TextEncoder().encode("a statement");
let folder: string;
let path: string;
let made: Signer;
let text: string;

beforeAll(async () => {
  folder = makeTemporaryFolder();
  path = join(folder, "owner.json");
  made = await createOwnerKey(path, PASSPHRASE);
  text = readFileSync(path, "utf8");
});

const place = (changed: string): string => {
  const other = join(folder, "changed.json");
  writeFileSync(other, changed, { mode: 0o600 });
  return other;
};

describe("an owner's key", () => {
  it("opens with its passphrase and signs as the same key", async () => {
    const opened = await openOwnerKey(path, PASSPHRASE);
    expect(opened.publicKey).toEqual(made.publicKey);
    expect(createCrypto().verify(made.publicKey, message, opened.sign(message))).toBe(true);
  });

  it("opens with the same passphrase typed as decomposed characters", async () => {
    expect(PASSPHRASE.normalize("NFD")).not.toBe(PASSPHRASE);
    expect((await openOwnerKey(path, PASSPHRASE.normalize("NFD"))).publicKey).toEqual(made.publicKey);
  });

  it("says only that the passphrase is wrong when it is", async () => {
    for (const wrong of ["", "correct horse Grün ", "Correct horse Grün"]) {
      await expect(openOwnerKey(path, wrong)).rejects.toMatchObject({
        code: "wrong-passphrase",
        message: "Cannot open the owner's key: the passphrase is wrong",
      });
    }
  });

  it("lies in a file of mode 0600 that names its parameters and holds no seed in clear", () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).filter((name) => name.startsWith("owner"))).toEqual(["owner.json"]);
    expect(JSON.parse(text)).toMatchObject({
      v: 1,
      kind: "aios-owner-key",
      kdf: { name: "scrypt", N: 131072, r: 8, p: 1 },
      cipher: { name: "aes-256-gcm" },
    });
    expect(Object.keys(JSON.parse(text))).toEqual(["v", "kind", "publicKey", "kdf", "cipher"]);
  });

  it("is never overwritten", async () => {
    await expect(createOwnerKey(path, "another passphrase")).rejects.toMatchObject({ code: "key-exists" });
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  it("is not made with a passphrase under eight characters", async () => {
    const weak = join(folder, "weak.json");
    for (const passphrase of ["", "1234567", "🔑🔑🔑🔑🔑🔑🔑"]) {
      await expect(createOwnerKey(weak, passphrase)).rejects.toMatchObject({ code: "weak-passphrase" });
    }
    expect(readdirSync(folder)).not.toContain("weak.json");
  });
});

describe("a publisher's key", () => {
  it("is sealed as an owner's is, and is never taken for one, nor an owner's for it", async () => {
    const own = join(folder, "publisher-acme.json");
    const acme = await createPublisherKey(own, PASSPHRASE);
    expect((await openPublisherKey(own, PASSPHRASE)).publicKey).toEqual(acme.publicKey);
    await expect(openPublisherKey(own, "another passphrase")).rejects.toMatchObject({ code: "wrong-passphrase" });
    await expect(openOwnerKey(own, PASSPHRASE)).rejects.toMatchObject({ code: "bad-key-file" });
    await expect(openPublisherKey(path, PASSPHRASE)).rejects.toMatchObject({ code: "bad-key-file" });
    // Not by its word either: what seals it is bound to whose it is.
    const renamed = readFileSync(own, "utf8").replace("aios-publisher-key", "aios-owner-key");
    await expect(openOwnerKey(place(renamed), PASSPHRASE)).rejects.toMatchObject({ code: "wrong-passphrase" });
  });
});

describe("a key file that is not as it was written", () => {
  it.each<[string, (whole: string) => string]>([
    ["is empty", () => ""],
    ["is cut", (whole) => whole.slice(0, -20)],
    ["goes on", (whole) => `${whole} `],
    ["has another version", (whole) => whole.replace('"v": 1', '"v": 2')],
    ["has an unknown field", (whole) => whole.replace('"v": 1,', '"v": 1,\n  "x": 1,')],
    ["has a field twice", (whole) => whole.replace('"v": 1,', '"v": 1,\n  "v": 1,')],
    ["asks for cheap guesses", (whole) => whole.replace('"N": 131072', '"N": 2')],
    ["asks for all memory", (whole) => whole.replace('"N": 131072', '"N": 1073741824')],
    ["names another function", (whole) => whole.replace('"scrypt"', '"none"')],
    ["has a short salt", (whole) => whole.replace(/"salt": "[^"]*"/, '"salt": "AAAA"')],
    ["has base64 without its padding", (whole) => whole.replace('=="', '"')],
    ["has base64 with loose bits", (whole) => whole.replace(/[AQgw]=="/, 'B=="')],
    ["is huge", (whole) => whole + " ".repeat(10_000)],
  ])("is refused before a passphrase is tried: it %s", async (_what, change) => {
    const changed = change(text);
    expect(changed).not.toBe(text);
    await expect(openOwnerKey(place(changed), PASSPHRASE)).rejects.toMatchObject({ code: "bad-key-file" });
  });

  it("does not open when its public key, salt, nonce or sealed bytes are another key's", async () => {
    const other = join(folder, "other.json");
    await createOwnerKey(other, PASSPHRASE);
    const from = readFileSync(other, "utf8");
    for (const name of ["publicKey", "salt", "nonce", "sealed"]) {
      const pattern = new RegExp(`"${name}": "[^"]*"`);
      const changed = text.replace(pattern, pattern.exec(from)?.[0] ?? "");
      expect(changed).not.toBe(text);
      await expect(openOwnerKey(place(changed), PASSPHRASE)).rejects.toMatchObject({ code: "wrong-passphrase" });
    }
  });

  it("is refused when others may open it, when it is a link, a folder or not there", async () => {
    const open = place(text);
    chmodSync(open, 0o640);
    await expect(openOwnerKey(open, PASSPHRASE)).rejects.toMatchObject({ code: "bad-key-file", hint: "chmod 600 it" });
    chmodSync(open, 0o600);
    renameSync(open, join(folder, "real.json"));
    symlinkSync(join(folder, "real.json"), open);
    for (const bad of [open, folder, join(folder, "absent.json")]) {
      await expect(openOwnerKey(bad, PASSPHRASE)).rejects.toMatchObject({ code: "bad-key-file" });
    }
    expect((await openOwnerKey(join(folder, "real.json"), PASSPHRASE)).publicKey).toEqual(made.publicKey);
  });
});
