import type { Decoders } from "./names.ts";
import { VET_BOUNDS, type VetTools } from "./tree.ts";

/** A text that stood encoded in another. `at` is the offset where its code begins. */
export interface Decoded {
  readonly text: string;
  readonly how: string;
  readonly at: number;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES: ReadonlyMap<number, number> = new Map(
  Array.from(ALPHABET).flatMap((letter, at) => {
    const twin = letter === "+" ? "-" : letter === "/" ? "_" : letter;
    return [
      [letter.charCodeAt(0), at],
      [twin.charCodeAt(0), at],
    ] as const;
  }),
);
const LONGEST = 64 * 1024;
const MOST_IN_TEXT = 200;

/** Decodes within a bound on all it brings forth, so that a tree made of codes costs no more than another. */
export interface Decoder extends Decoders {
  /** Texts that stand encoded in a text: base64, hex, percent escapes, and what gzip holds in them. */
  encodedIn(text: string): readonly Decoded[];
  /** Whether something was left undecoded because the bound was reached. */
  readonly spent: boolean;
}

export function createDecoder(tools: Pick<VetTools, "inflate">): Decoder {
  let left = VET_BOUNDS.decoded;
  let spent = false;

  function take(bytes: Uint8Array | null): string | null {
    if (bytes === null || spent) return null;
    const text = textOf(bytes);
    // Pictures and digests cost nothing but their decoding.
    left -= text?.length ?? 0;
    if (left < 0) spent = true;
    return text;
  }

  function textOf(bytes: Uint8Array): string | null {
    const gzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    const zlib = bytes[0] === 0x78 && [0x01, 0x5e, 0x9c, 0xda].includes(bytes[1] ?? 0);
    if (gzip || zlib) return printable(tools.inflate(bytes, LONGEST));
    return printable(bytes);
  }

  const base64 = (text: string): string | null => take(base64Bytes(text));
  const hex = (text: string): string | null => take(hexBytes(text));

  return {
    get spent() {
      return spent;
    },
    base64,
    hex,
    encodedIn(text) {
      const found: Decoded[] = [];
      const keep = (how: string, at: number, decoded: string | null): void => {
        if (decoded !== null && decoded.length > 5) found.push({ text: decoded, how, at });
      };
      for (const match of text.matchAll(/[A-Za-z0-9+/_-]{20,}={0,2}/gu)) {
        if (found.length >= MOST_IN_TEXT || spent) break;
        const [word] = match;
        if (/^(?:[0-9a-f]{2}){10,}$/iu.test(word)) keep("hex", match.index, hex(word.slice(0, LONGEST)));
        else keep("base64", match.index, base64(word.slice(0, LONGEST)));
      }
      for (const match of text.matchAll(/(?:\\x[0-9a-f]{2}){6,}/giu))
        keep("hex", match.index, hex(match[0].slice(0, LONGEST).replaceAll("\\x", "")));
      for (const match of text.matchAll(/(?:%[0-9a-f]{2}[^\s"'`<>()%]{0,200}){3,}/giu)) {
        const before =
          /[^\s"'`<>()%]{0,200}$/u.exec(text.slice(Math.max(0, match.index - 200), match.index))?.[0] ?? "";
        keep("percent escapes", match.index, percentText((before + match[0]).slice(0, LONGEST)));
      }
      return found.slice(0, MOST_IN_TEXT);
    },
  };
}

/** The bytes of base64 or its form for addresses; null when it is none. */
function base64Bytes(text: string): Uint8Array | null {
  const word = text.replace(/={1,2}$/u, "");
  if (word.length === 0 || word.length % 4 === 1) return null;
  const bytes = new Uint8Array(Math.floor((word.length * 3) / 4));
  let bits = 0;
  let have = 0;
  let at = 0;
  for (let index = 0; index < word.length; index++) {
    const value = VALUES.get(word.charCodeAt(index));
    if (value === undefined) return null;
    bits = ((bits << 6) | value) & 0xffff;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    bytes[at++] = (bits >> have) & 0xff;
  }
  return bytes;
}

function hexBytes(text: string): Uint8Array | null {
  if (text.length === 0 || text.length % 2 !== 0 || !/^[0-9a-f]+$/iu.test(text)) return null;
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(2 * at, 2 * at + 2), 16));
}

function percentText(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/giu, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** Bytes as the text that they are, or null: of printable ASCII and what is written beside it in UTF-8. */
function printable(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  let odd = 0;
  let text = "";
  for (const byte of bytes) {
    if ((byte < 32 && byte !== 9 && byte !== 10 && byte !== 13) || byte === 127) return null;
    if (byte > 127) odd += 1;
    text += String.fromCharCode(byte);
  }
  // Random bytes are above 127 half of the time; a text in a Latin script seldom is.
  return odd > bytes.length / 8 ? null : text;
}

/** The same letters thirteen places on. */
export function rot13(text: string): string {
  return text.replaceAll(/[a-z]/giu, (letter) =>
    String.fromCharCode(letter.charCodeAt(0) + (letter.toLowerCase() < "n" ? 13 : -13)),
  );
}
