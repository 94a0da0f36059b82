import { randomBytes } from "node:crypto";
import { createCrypto } from "./crypto.ts";
import { stretch } from "./owner-key.ts";
import { PlatformError } from "../platform-error.ts";

const SALT_BYTES = 16;
const NONCE_BYTES = 12;

/**
 * Seals bytes with a passphrase: `head` and a line feed, 16 bytes of salt, 12 of nonce, AES-256-GCM under the stretched
 * passphrase, with head, salt and nonce as associated data. `head` says what it is, and has no line feed.
 */
export async function sealWithPassphrase(head: string, plain: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const before = Buffer.concat([Buffer.from(`${head}\n`), randomBytes(SALT_BYTES + NONCE_BYTES)]);
  const { salt, nonce } = partsOf(head, before);
  const key = await stretch(passphrase, salt);
  const sealed = createCrypto().seal(key, nonce, plain, before);
  key.fill(0);
  return Buffer.concat([before, sealed]);
}

/** Opens what `sealWithPassphrase` sealed. Throws PlatformError `bad-key-file` for another thing, or `wrong-passphrase`. */
export async function openWithPassphrase(head: string, sealed: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const { salt, nonce, end } = partsOf(head, sealed);
  if (Buffer.from(sealed.subarray(0, head.length + 1)).toString() !== `${head}\n` || sealed.length <= end)
    throw new PlatformError("bad-key-file", `Cannot open it: it is no file of the kind "${head}"`);
  const key = await stretch(passphrase, salt);
  try {
    return createCrypto().open(key, nonce, sealed.subarray(end), sealed.subarray(0, end));
  } catch {
    throw new PlatformError("wrong-passphrase", "Cannot open it: the passphrase is wrong, or it was changed");
  } finally {
    key.fill(0);
  }
}

function partsOf(head: string, bytes: Uint8Array) {
  const start = Buffer.byteLength(head) + 1;
  const end = start + SALT_BYTES + NONCE_BYTES;
  return { salt: bytes.subarray(start, start + SALT_BYTES), nonce: bytes.subarray(start + SALT_BYTES, end), end };
}
