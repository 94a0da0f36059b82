import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { randomBytes, scrypt } from "node:crypto";
import type { Signer } from "../powers.ts";
import { writeAtomically } from "../files/atomic-file.ts";
import { createCrypto } from "./crypto.ts";
import { PlatformError } from "../platform-error.ts";
import { createSigner } from "./signer.ts";

/** Whose key a file is: an owner's signs statements, a publisher's extensions. One is never taken for another. */
type KeyKind = "aios-owner-key" | "aios-publisher-key";
const OWNER = "aios-owner-key";
const PUBLISHER = "aios-publisher-key";

/** What a key file holds. The decoder takes this shape and these numbers and no others. */
interface KeyFile {
  readonly v: 1;
  readonly kind: KeyKind;
  readonly publicKey: string;
  readonly kdf: {
    readonly name: "scrypt";
    readonly N: number;
    readonly r: number;
    readonly p: number;
    readonly salt: string;
  };
  readonly cipher: { readonly name: "aes-256-gcm"; readonly nonce: string; readonly sealed: string };
}

// RFC 7914; N = 2^17, r = 8, p = 1 is OWASP's first choice: 128 MiB and some tenths of a second for each guess.
const COST = { N: 2 ** 17, r: 8, p: 1 } as const;
const MEMORY = 256 * 1024 * 1024;
const SHORTEST_PASSPHRASE = 8;
const MOST_FILE_BYTES = 4096;
const SEED_BYTES = 32;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Makes a new owner's key and writes it to a file of mode 0600, sealed with the passphrase.
 * The passphrase is taken in Unicode's composed form, so that another keyboard gives the same key.
 * Throws `weak-passphrase` under 8 characters, `key-exists` when the file is there, which is then left as it is.
 */
export function createOwnerKey(path: string, passphrase: string): Promise<Signer> {
  return createKey(path, passphrase, OWNER);
}

/** The same for a publisher's key. */
export function createPublisherKey(path: string, passphrase: string): Promise<Signer> {
  return createKey(path, passphrase, PUBLISHER);
}

async function createKey(path: string, passphrase: string, kind: KeyKind): Promise<Signer> {
  if (Array.from(passphrase.normalize("NFC")).length < SHORTEST_PASSPHRASE) {
    throw new PlatformError("weak-passphrase", `Cannot seal a key with fewer than ${SHORTEST_PASSPHRASE} characters`);
  }
  const seed = randomBytes(SEED_BYTES);
  const signer = createSigner(seed);
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const key = await stretch(passphrase, salt);
  const sealed = createCrypto().seal(key, nonce, seed, associate(kind, signer.publicKey));
  seed.fill(0);
  key.fill(0);
  const file: KeyFile = {
    v: 1,
    kind,
    publicKey: encode(signer.publicKey),
    kdf: { name: "scrypt", ...COST, salt: encode(salt) },
    cipher: { name: "aes-256-gcm", nonce: encode(nonce), sealed: encode(sealed) },
  };
  try {
    writeAtomically(path, writeKeyFile(file), { mode: 0o600, existing: "fail" });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") {
      throw new PlatformError("key-exists", `Cannot write key "${path}": a file is there`);
    }
    throw error;
  }
  return signer;
}

/**
 * Opens an owner's key file with its passphrase. Throws `bad-key-file` when the file is not exactly one that
 * `createOwnerKey` wrote or others may read it, `wrong-passphrase` when the passphrase does not open it.
 */
export function openOwnerKey(path: string, passphrase: string): Promise<Signer> {
  return openKey(path, passphrase, OWNER);
}

/** The same for a publisher's key file. */
export function openPublisherKey(path: string, passphrase: string): Promise<Signer> {
  return openKey(path, passphrase, PUBLISHER);
}

async function openKey(path: string, passphrase: string, kind: KeyKind): Promise<Signer> {
  const file = decodeKeyFile(path, readKeyFile(path), kind);
  const publicKey = decode(file.publicKey);
  const key = await stretch(passphrase, decode(file.kdf.salt));
  const seed = openSeed(file, { key, publicKey });
  key.fill(0);
  const signer = createSigner(seed);
  seed.fill(0);
  // The tag binds the public key to the seed, so another one can only come from whoever knew the passphrase.
  if (encode(signer.publicKey) !== file.publicKey) throw badFile(path, "its public key is another key's");
  return signer;
}

/** Throws `bad-key-file` when a file is not one that `createOwnerKey` wrote, or others may read it. */
export function checkOwnerKey(path: string): void {
  decodeKeyFile(path, readKeyFile(path), OWNER);
}

function openSeed(file: KeyFile, keys: { readonly key: Uint8Array; readonly publicKey: Uint8Array }): Uint8Array {
  try {
    return createCrypto().open(
      keys.key,
      decode(file.cipher.nonce),
      decode(file.cipher.sealed),
      associate(file.kind, keys.publicKey),
    );
  } catch {
    const whose = file.kind === OWNER ? "owner" : "publisher";
    throw new PlatformError("wrong-passphrase", `Cannot open the ${whose}'s key: the passphrase is wrong`);
  }
}

/** Stretches a secret that a person keeps into 32 bytes (scrypt; 128 MiB and some tenths of a second). */
export function stretch(passphrase: string, salt: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize("NFC"), salt, 32, { ...COST, maxmem: MEMORY }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

function associate(kind: KeyKind, publicKey: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${kind} v1\0`), publicKey]);
}

function readKeyFile(path: string): string {
  const fd = openKeyFile(path);
  try {
    const { mode, size, uid } = fstatSync(fd);
    if (!fstatSync(fd).isFile() || size > MOST_FILE_BYTES) throw badFile(path, "it is no small file");
    if ((mode & 0o077) !== 0)
      throw badFile(path, `others may open it (mode ${(mode & 0o777).toString(8)})`, "chmod 600 it");
    const own = process.geteuid?.();
    if (own !== 0 && uid !== own) throw badFile(path, `it belongs to user ${uid}`);
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

function openKeyFile(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw badFile(path, error instanceof Error && "code" in error ? String(error.code) : "it cannot be opened");
  }
}

/** Takes the one text that `writeKeyFile` gives for the values in it: one encoding for each key. */
function decodeKeyFile(path: string, text: string, kind: KeyKind): KeyFile {
  const field = (name: string, bytes: number): string => {
    const found = new RegExp(`"${name}": "([A-Za-z0-9+/]*={0,2})"`).exec(text)?.[1] ?? "";
    if (decode(found).length !== bytes || encode(decode(found)) !== found)
      throw badFile(path, `"${name}" is not ${bytes} bytes in base64`);
    return found;
  };
  const file: KeyFile = {
    v: 1,
    kind,
    publicKey: field("publicKey", 32),
    kdf: { name: "scrypt", ...COST, salt: field("salt", SALT_BYTES) },
    cipher: {
      name: "aes-256-gcm",
      nonce: field("nonce", NONCE_BYTES),
      sealed: field("sealed", SEED_BYTES + TAG_BYTES),
    },
  };
  if (writeKeyFile(file) !== text) throw badFile(path, "it is not as it was written");
  return file;
}

function writeKeyFile(file: KeyFile): string {
  return `${JSON.stringify(file, null, 2)}\n`;
}

function badFile(path: string, why: string, hint: string | null = null): PlatformError {
  return new PlatformError("bad-key-file", `Cannot use key file "${path}": ${why}`, hint);
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function decode(text: string): Uint8Array {
  return Buffer.from(text, "base64");
}
