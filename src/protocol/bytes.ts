/**
 * Bytes and their texts: hex, base64 and UTF-8, each with exactly one encoding per value.
 * Decoders answer null for anything that an encoder here would not have written.
 */

// Both are globals of every JavaScript runtime, but belong to no ECMAScript library; this is all that is used of them.
declare const TextEncoder: {
  new (): {
    encode(text: string): Uint8Array<ArrayBuffer>;
    encodeInto(text: string, bytes: Uint8Array): { readonly written: number };
  };
};
declare const TextDecoder: {
  new (label: "utf-8", options: { fatal: boolean; ignoreBOM: boolean }): { decode(bytes: Uint8Array): string };
};

const utf8Encoder = new TextEncoder();
// ignoreBOM keeps a leading U+FEFF as text, so that two byte strings never decode to one text.
// Short texts, which most are, are encoded here and copied: that is quicker than to let the encoder make the bytes.
const SCRATCH_BYTES = 8192;
const scratch = new Uint8Array(SCRATCH_BYTES);
/** Most bytes of UTF-8 for one UTF-16 unit. */
const UNIT_BYTES = 3;
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * UTF-8 bytes of a text (RFC 3629).
 * Throws RangeError for a lone surrogate: replacing it would give two texts the same bytes, and the same signature.
 */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  if (!text.isWellFormed()) throw lone();
  if (text.length * UNIT_BYTES > SCRATCH_BYTES) return utf8Encoder.encode(text);
  return scratch.slice(0, utf8Encoder.encodeInto(text, scratch).written);
}

/**
 * Makes an encoder like `encodeUtf8` whose bytes are good until it is called again: for what is hashed, sealed or copied
 * at once, it allocates nothing.
 */
export function createUtf8Scratch(): (text: string) => Uint8Array {
  const space = new Uint8Array(SCRATCH_BYTES);
  return (text) => {
    if (text.length * UNIT_BYTES > SCRATCH_BYTES) return encodeUtf8(text);
    if (!text.isWellFormed()) throw lone();
    return space.subarray(0, utf8Encoder.encodeInto(text, space).written);
  };
}

/** The text of UTF-8 bytes, or null when they are not well-formed UTF-8 (overlong forms and surrogates included). */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8Decoder.decode(bytes);
  } catch {
    return null;
  }
}

const HEX = "0123456789abcdef";
const hexPairs: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => HEX.charAt(byte >> 4) + HEX.charAt(byte & 15),
);
const hexValues = reverse(HEX);

/** Lower-case hex of bytes. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += hexPairs[byte];
  return text;
}

/** Bytes of lower-case hex, or null when the text is anything else. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 2 !== 0) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    const high = valueOf(hexValues, text, index * 2);
    const low = valueOf(hexValues, text, index * 2 + 1);
    if (high === ABSENT || low === ABSENT) return null;
    bytes[index] = (high << 4) | low;
  }
  return bytes;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const base64Values = reverse(BASE64);
const base64Digits = utf8Encoder.encode(BASE64);
/** The code of `=`. */
const PADDING = 0x3d;

/** Base64 of bytes: standard alphabet, padded (RFC 4648 section 4). */
export function toBase64(bytes: Uint8Array): string {
  // Digits as bytes and all at once a text: many short texts put together cost five times as much.
  const digits = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(PADDING);
  let written = 0;
  for (let index = 0; index < bytes.length; index += 3) {
    const bits = ((bytes[index] ?? 0) << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0);
    const count = Math.min(4, bytes.length - index + 1);
    for (let digit = 0; digit < count; digit += 1)
      digits[written + digit] = base64Digits[(bits >> (18 - 6 * digit)) & 63] ?? PADDING;
    written += 4;
  }
  return utf8Decoder.decode(digits);
}

/**
 * Bytes of base64, or null when the text is not exactly what `toBase64` writes: missing padding, white space, the URL
 * alphabet and set bits under the padding are refused (RFC 4648 sections 3.1 to 3.5), since each is a second spelling.
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 4 !== 0) return null;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const digits = text.length - padding;
  let bits = 0;
  let held = 0;
  let written = 0;
  for (let index = 0; index < digits; index += 1) {
    const value = valueOf(base64Values, text, index);
    if (value === ABSENT) return null;
    bits = ((bits << 6) | value) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes[written] = (bits >> held) & 255;
    written += 1;
  }
  return (bits & ((1 << held) - 1)) === 0 ? bytes : null;
}

/** One array with the bytes of all parts, in order. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Whether two byte strings are equal. Takes the same time wherever they differ; their lengths are not hidden. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let index = 0; index < left.length; index += 1) difference |= (left[index] ?? 0) ^ (right[index] ?? 0);
  return difference === 0;
}

const ABSENT = 255;

/** Digit values by character code; ABSENT for every other ASCII character. */
function reverse(alphabet: string): Uint8Array {
  const values = new Uint8Array(128).fill(255);
  for (let value = 0; value < alphabet.length; value += 1) values[alphabet.charCodeAt(value)] = value;
  return values;
}

function valueOf(values: Uint8Array, text: string, index: number): number {
  return values[text.charCodeAt(index)] ?? ABSENT;
}

function lone(): RangeError {
  return new RangeError("Cannot encode text as UTF-8: it holds a lone surrogate");
}
