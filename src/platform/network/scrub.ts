import { Transform } from "node:stream";
import { beginsEscape, readEscapes } from "./scrub-escapes.ts";

/** Takes a value out of what a server sends: bytes as they stream, and short texts whole. What is taken out becomes `*`. */
export interface Scrubber {
  /** A stream that hands bytes on without the value, in whatever pieces it comes. Lengths stay the same. */
  stream(): Transform;
  text(text: string): string;
}

/** One way in which a value is written: which bytes may stand at each of its places. */
interface Form {
  readonly places: readonly ByteSet[];
  /** Whether its lines may be broken, as base64 in mail and PEM. */
  readonly lines: boolean;
  /** Places from the first on that are taken out although the rest does not follow: a server may cut a value short. */
  readonly least: number;
}

/** How far a form was found to go from where it was looked for, when that is as far as its least; else `NO`. */
interface Reach {
  end: number;
}

/** Membership by byte: 1 for those that are in it. */
type ByteSet = Uint8Array;

const MASK = 0x2a; // *
const NO = -1;
/** What is there may be the beginning of it. */
const MORE = -2;
/** Characters of a value whose beginning is taken out alone: half of it, within these. */
const LEAST_BEGINNING = 16;
const LONGEST_BEGINNING = 64;

/**
 * Makes a scrubber of values (SECRETS-OUTSIDE): plain in any case, in base64 of both alphabets at each of its three
 * alignments and broken into lines, in hexadecimal, and each of these with any of its characters escaped as URLs, JSON and
 * HTML do it, once or several times over (scrub-escapes.ts); and its beginning in each of these ways, when that is half of it (at least 16 characters, at most 64). A
 * server that transforms it in another way, or sends its end or a middle alone, is a limit that SECURITY.md states.
 */
export function createScrubber(...values: readonly string[]): Scrubber {
  const forms = values.flatMap(formsOf);
  const first = new Uint8Array(256);
  for (const { places } of forms) places[0]?.forEach((is, byte) => (first[byte] = (first[byte] ?? 0) | is));

  /** Whether a form can begin there: most of what a server sends ends with this question. */
  function mayBegin(bytes: Buffer, at: number): boolean {
    const byte = bytes[at] ?? 0;
    if (first[byte] === 1) return true;
    if (!beginsEscape(byte)) return false;
    const { reads, more } = readEscapes(bytes, at);
    return more || reads.some((read) => first[read.byte] === 1);
  }

  /** Masks what it finds, in place; how many bytes from the beginning are done with. */
  function scrub(bytes: Buffer, final: boolean): number {
    for (let at = 0; at < bytes.length;) {
      if (!mayBegin(bytes, at)) {
        at += 1;
        continue;
      }
      const reach: Reach = { end: NO };
      const ends = forms.map((form) => match(bytes, at, { form, reach }));
      const whole = Math.max(...ends);
      // A beginning is one only when it is sure that no more of it follows.
      if (whole <= at && !final && ends.includes(MORE)) return at;
      const end = Math.max(whole, reach.end);
      if (end > at) bytes.fill(MASK, at, end);
      at = Math.max(end, at + 1);
    }
    return bytes.length;
  }

  return Object.freeze({
    text: (text: string) => {
      const bytes = Buffer.from(text, "latin1");
      scrub(bytes, true);
      return bytes.toString("latin1");
    },
    stream: () => {
      let held: Buffer = Buffer.alloc(0);
      return new Transform({
        transform(chunk: Buffer, _encoding, done) {
          // A copy: what is masked may be memory that others read.
          const bytes = Buffer.concat([held, chunk]);
          const ready = scrub(bytes, false);
          held = bytes.subarray(ready);
          done(null, ready === 0 ? undefined : bytes.subarray(0, ready));
        },
        flush(done) {
          scrub(held, true);
          done(null, held.length === 0 ? undefined : held);
        },
      });
    },
  });
}

/** Takes values out of whole texts of any characters. */
export function scrubText(values: readonly string[]): (text: string) => string {
  if (values.length === 0) return (text) => text;
  const scrubber = createScrubber(...values);
  // A scrubber sees a byte in each character.
  return (text) => Buffer.from(scrubber.text(Buffer.from(text).toString("latin1")), "latin1").toString("utf8");
}

function formsOf(value: string): readonly Form[] {
  const plain = Buffer.from(value, "latin1");
  const least = beginningOf(plain.length);
  const base64 = ALPHABETS.flatMap((alphabet) => [0, 1, 2].map((lead) => base64Form(plain, { alphabet, lead })));
  return [anyCase(plain, least), anyCase(Buffer.from(plain.toString("hex")), 2 * least), ...base64];
}

/** Characters of a value of this length that are its beginning. */
function beginningOf(length: number): number {
  return Math.min(Math.max(Math.ceil(length / 2), LEAST_BEGINNING), LONGEST_BEGINNING, length);
}

function anyCase(text: Buffer, least: number): Form {
  return { places: [...text].map((byte) => setOf(byte, swapCase(byte))), lines: false, least };
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const ALPHABETS = [`${LETTERS}+/`, `${LETTERS}-_`];

/**
 * A value in base64 behind `lead` bytes of something else. The first and the last character may have bits of what stands
 * beside it: they are any that agree in the bits of the value, so that none of it stays readable at the edges.
 */
function base64Form(plain: Buffer, { alphabet, lead }: { readonly alphabet: string; readonly lead: number }): Form {
  const [begin, end] = [lead * 8, (lead + plain.length) * 8];
  const bitAt = (bit: number): number | null =>
    bit < begin || bit >= end ? null : ((plain[Math.floor(bit / 8) - lead] ?? 0) >> (7 - (bit % 8))) & 1;
  const places: ByteSet[] = [];
  for (let from = Math.floor(begin / 6) * 6; from < end; from += 6) {
    const bits = [0, 1, 2, 3, 4, 5].map((bit) => bitAt(from + bit));
    const fits = (sextet: number): boolean => bits.every((bit, n) => bit === null || ((sextet >> (5 - n)) & 1) === bit);
    places.push(setOf(...Array.from(alphabet).flatMap((letter, n) => (fits(n) ? [letter.charCodeAt(0)] : []))));
  }
  // Whole characters of the beginning alone: the one at its edge may have bits of what follows it there.
  const least = Math.floor(((lead + beginningOf(plain.length)) * 8) / 6) - Math.floor(begin / 6);
  return { places, lines: true, least };
}

const sets = new Map<string, ByteSet>();

/** Most places of most forms are alike, and a value has thousands. */
function setOf(...bytes: readonly number[]): ByteSet {
  const key = bytes.join();
  const known = sets.get(key);
  if (known !== undefined) return known;
  const made = new Uint8Array(256);
  for (const byte of bytes) made[byte] = 1;
  sets.set(key, made);
  return made;
}

/**
 * Where a form that begins at `at` ends, `NO`, or `MORE` when the bytes end before that can be said. A character of the value
 * that begins escapes too may stand for itself or be written as one: all readings go on side by side, one place after the
 * other, so that the work is bounded by what they read.
 */
function match(bytes: Buffer, at: number, { form, reach }: { readonly form: Form; readonly reach: Reach }): number {
  const { places, lines, least } = form;
  let here: readonly number[] = [at];
  let more = false;
  for (let index = 0; index < places.length; index++) {
    if (index >= least) reach.end = Math.max(reach.end, ...here);
    const place = places[index];
    const next = new Set<number>();
    for (const from of here) {
      const start = lines && index > 0 ? skipBreaks(bytes, from) : from;
      const byte = start === MORE ? undefined : bytes[start];
      if (byte === undefined) {
        more = true;
        continue;
      }
      if (place?.[byte] === 1) next.add(start + 1);
      if (!beginsEscape(byte)) continue;
      const escapes = readEscapes(bytes, start);
      more ||= escapes.more;
      for (const read of escapes.reads) if (place?.[read.byte] === 1) next.add(read.end);
    }
    if (next.size === 0) return more ? MORE : NO;
    here = [...next];
  }
  return Math.max(...here);
}

/** Line breaks that may stand between two characters of base64, escaped ones too, and the margin behind them. */
const BREAKS_MOST = 2;
const MARGIN_MOST = 16;

/** Where the line goes on, or `MORE`. */
function skipBreaks(bytes: Buffer, at: number): number {
  let next = at;
  for (let count = 0; count < BREAKS_MOST; count++) {
    const byte = bytes[next];
    if (byte === undefined) break;
    const { reads, more } = readEscapes(bytes, next);
    const end = isLineBreak(byte) ? next + 1 : reads.find((read) => isLineBreak(read.byte))?.end;
    if (end === undefined && more) return MORE;
    if (end === undefined) break;
    next = end;
  }
  if (next === at) return at;
  for (let count = 0; count < MARGIN_MOST && isMargin(bytes[next]); count++) next += 1;
  return next;
}

function isMargin(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

function isLineBreak(byte: number): boolean {
  return byte === 0x0a || byte === 0x0d;
}

function swapCase(byte: number): number {
  return /[A-Za-z]/.test(String.fromCharCode(byte)) ? byte ^ 0x20 : byte;
}
