/** What finding markers needs from outside. */
export interface MarkerTools {
  /** What gzip, zlib or raw deflate data holds, at most `most` bytes; null when it is none. */
  inflate(bytes: Uint8Array, most: number): Uint8Array | null;
  /** What bytes hold read as raw deflate and as Brotli, from the first on: at most `most` bytes of each. */
  unmarked(bytes: Uint8Array, most: number): readonly Uint8Array[];
}

/** Forms that are opened within forms, and bytes that are opened of one text. */
const DEEPEST = 4;
const OPENED_MOST = 4 * 1024 * 1024;
/** Places at which one text is read as what nothing marks. */
const UNMARKED_MOST = 2000;
const CODED = /[A-Za-z0-9+/_-]{24,}/gu;
const HEX = /(?:[0-9a-fA-F]{2}){16,}/gu;
/** Runs of a text that are opened. */
const RUNS_MOST = 200;

/**
 * Which of these markers stand in bytes that a program let out: as they are, in another case, backwards, in hex, base64,
 * percent escapes, gzip, zlib, deflate or Brotli, and in these within these. What is enciphered is not found.
 */
export function findMarkers(bytes: Uint8Array, markers: readonly string[], tools: MarkerTools): ReadonlySet<string> {
  const found = new Set<string>();
  let left = OPENED_MOST;
  let tries = UNMARKED_MOST;
  const unmarked: MarkerTools["unmarked"] = (part, most) => (tries-- > 0 ? tools.unmarked(part, most) : []);
  const look = (part: Uint8Array, depth: number): void => {
    left -= part.length;
    if (left < 0) return;
    const text = toLatin(part);
    const folded = text.toLowerCase();
    for (const marker of markers) {
      const low = marker.toLowerCase();
      if (folded.includes(low) || folded.includes(backwards(low))) found.add(marker);
    }
    if (depth === DEEPEST || found.size === markers.length) return;
    for (const inner of open(part, text, { ...tools, unmarked })) look(inner, depth + 1);
  };
  look(bytes, 0);
  return found;
}

function* open(bytes: Uint8Array, text: string, tools: MarkerTools): Generator<Uint8Array> {
  for (const start of packedAt(bytes)) {
    const inner = tools.inflate(bytes.subarray(start), OPENED_MOST);
    if (inner !== null && inner.length > 0) yield inner;
  }
  for (const start of bodiesAt(bytes))
    for (const inner of tools.unmarked(bytes.subarray(start), OPENED_MOST)) if (inner.length > 0) yield inner;
  if (/%[0-9a-fA-F]{2}/u.test(text))
    yield fromLatin(text.replace(/%([0-9a-fA-F]{2})/gu, (_, code: string) => String.fromCharCode(parseInt(code, 16))));
  let runs = 0;
  for (const [run] of text.matchAll(HEX)) {
    if (++runs > RUNS_MOST) return;
    yield Uint8Array.from(run.match(/../gu) ?? [], (code) => parseInt(code, 16));
  }
  // Lines of base64 are one text.
  for (const source of new Set([text, text.replace(/[\r\n]+/gu, "")]))
    for (const [run] of source.matchAll(CODED)) {
      if (++runs > RUNS_MOST) return;
      // Letters before it may be no part of it, so that it begins at any of four places.
      for (let skip = 0; skip < 4; skip++) yield fromBase64(run.slice(skip));
    }
}

/** Where data may begin that nothing marks: at the first byte, and after an empty line, as a body does. */
function bodiesAt(bytes: Uint8Array): readonly number[] {
  const places = [0];
  for (let at = 3; at < bytes.length && places.length < 8; at++)
    if (bytes[at] === 0x0a && (bytes[at - 1] === 0x0a || (bytes[at - 1] === 0x0d && bytes[at - 2] === 0x0a)))
      places.push(at + 1);
  return places;
}

/** Where gzip or zlib data may begin: a few places, the first byte among them. */
function packedAt(bytes: Uint8Array): readonly number[] {
  const places: number[] = [];
  for (let at = 0; at + 2 < bytes.length && places.length < 8; at++) {
    const [one, two] = [bytes[at], bytes[at + 1]];
    const isGzip = one === 0x1f && two === 0x8b;
    const isZlib = one === 0x78 && (two === 0x01 || two === 0x5e || two === 0x9c || two === 0xda);
    if (isGzip || isZlib) places.push(at);
  }
  return places;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES: ReadonlyMap<string, number> = new Map([
  ...Array.from(ALPHABET, (letter, value) => [letter, value] as const),
  ["-", 62],
  ["_", 63],
]);

function fromBase64(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const letter of text) {
    held = ((held << 6) | (VALUES.get(letter) ?? 0)) & 0xffffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (held >> bits) & 0xff;
  }
  return bytes.subarray(0, at);
}

function toLatin(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

function fromLatin(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function backwards(text: string): string {
  return Array.from(text).toReversed().join("");
}
