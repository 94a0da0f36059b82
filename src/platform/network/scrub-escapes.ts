/** A character that an escape stands for, as a byte, and where the escape ends. */
export interface Reading {
  readonly byte: number;
  readonly end: number;
}

/** What the bytes at one place may be read as; `more` when they end before all of it can be said. */
export interface Readings {
  readonly reads: readonly Reading[];
  readonly more: boolean;
}

const NO = -1;
const MORE = -2;
/** How often an escape may be escaped itself: a text of JSON in JSON has `\\u0041`, an address in an address `%2541`. */
const AGAIN_MOST = 3;

/** One way of escaping: its first character, what stands behind that when it is escaped itself, and how it goes on. */
interface Family {
  readonly again: string;
  readonly tails: readonly ((bytes: Buffer, at: number) => Reading | typeof NO | typeof MORE)[];
}

const FAMILIES: ReadonlyMap<number, Family> = new Map<number, Family>([
  [0x25, { again: "25", tails: [number({ before: "", radix: 16 })] }], // %
  [
    0x5c, // \
    {
      again: "\\",
      tails: [
        number({ before: "u00", radix: 16 }),
        number({ before: "x", radix: 16 }),
        word("/", "/"),
        word("\\", "\\"),
        word('"', '"'),
        word("n", "\n"),
        word("r", "\r"),
      ],
    },
  ],
  [
    0x26, // &
    {
      again: "amp;",
      tails: [
        number({ before: "#x", radix: 16, longest: 5, after: ";" }),
        number({ before: "#X", radix: 16, longest: 5, after: ";" }),
        number({ before: "#", radix: 10, longest: 6, after: ";" }),
        word("amp;", "&"),
        word("lt;", "<"),
        word("gt;", ">"),
        word("quot;", '"'),
        word("apos;", "'"),
      ],
    },
  ],
]);

const BEGINS = new Uint8Array(256);
for (const first of FAMILIES.keys()) BEGINS[first] = 1;

/** Whether a byte begins escapes. */
export function beginsEscape(byte: number): boolean {
  return BEGINS[byte] === 1;
}

/**
 * Every way in which the bytes at a place can be read as one escaped character, as URLs, JSON and HTML escape it, once or
 * several times over. The work is bounded, whatever the bytes are.
 */
export function readEscapes(bytes: Buffer, at: number): Readings {
  const family = FAMILIES.get(bytes[at] ?? NO);
  if (family === undefined) return { reads: [], more: false };
  const reads: Reading[] = [];
  let more = false;
  let from = at + 1;
  for (let again = 0; from > at && again <= AGAIN_MOST; again++) {
    for (const tail of family.tails) {
      const read = tail(bytes, from);
      if (read === MORE) more = true;
      else if (read !== NO) reads.push(read);
    }
    const next = follow(bytes, from, family.again);
    if (next === MORE) more = true;
    from = next;
  }
  return { reads, more };
}

/** Where a text that stands at a place ends. */
function follow(bytes: Buffer, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) return MORE;
    if (byte !== text.charCodeAt(index)) return NO;
  }
  return at + text.length;
}

function word(text: string, plain: string): Family["tails"][number] {
  const byte = plain.charCodeAt(0);
  return (bytes, at) => {
    const end = follow(bytes, at, text);
    return end < 0 ? (end === MORE ? MORE : NO) : { byte, end };
  };
}

/** A byte in two digits, or in up to so many with zeros before them where something ends it. */
function number({
  before,
  radix,
  longest = 2,
  after = "",
}: {
  readonly before: string;
  readonly radix: 10 | 16;
  readonly longest?: number;
  readonly after?: string;
}): Family["tails"][number] {
  return (bytes, at) => {
    let next = follow(bytes, at, before);
    if (next < 0) return next === MORE ? MORE : NO;
    let byte = 0;
    let count = 0;
    for (; count < longest; count++, next++) {
      const digit = digitOf(bytes[next], radix);
      if (digit === NO || byte * radix + digit > 0xff) break;
      byte = byte * radix + digit;
    }
    if (count < longest && bytes[next] === undefined) return MORE;
    if (count < 2) return NO;
    const end = follow(bytes, next, after);
    return end < 0 ? (end === MORE ? MORE : NO) : { byte, end };
  };
}

function digitOf(byte: number | undefined, radix: number): number {
  if (byte === undefined) return NO;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return radix === 16 && letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : NO;
}
