import { encodeUtf8, toHex } from "../protocol/bytes.ts";

/** SHA-256 of bytes, by the browser. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** Digest of a text, as `sha256:` and hex. */
export async function digestOf(text: string): Promise<string> {
  return `sha256:${toHex(await sha256(encodeUtf8(text)))}`;
}
