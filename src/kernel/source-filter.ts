/**
 * Bits of a filter that stands for what has no place in a list, and how many of them a source sets (Bloom 1970). There are four
 * filters, each for a fourth of all sources, and one over entries of memory. Of 400 sources they take three others in a thousand
 * for one of them, of 1,600 one in six; of what they stand for they miss none, however many.
 */
const BITS = 1536;
const MARKS = 4;
const DIGITS = BITS / 4;
/** Most filters over sources, beside one over all of them in what was written before there were four. */
export const FILTERS = 4;
/** Begins what stands for more. No source begins so; by itself, or with anything that is no filter, it stands for every one. */
const MORE = "(more)";
const REST = new RegExp(
  `^\\(more\\) (?<entries>entries )?(?:(?<part>[0-3])/${FILTERS} )?(?<filter>[0-9a-f]{${DIGITS}})$`,
);

/** What a filter is over: entries of memory, or all other sources. */
export type FilterKind = "sources" | "entries";

/** Stands for every source there is. */
export const EVERY_REST: string = MORE;

/** Whether this stands for more than it names. */
export function isRest(name: string): boolean {
  return name.startsWith(MORE);
}

/** What a filter is over; null: it is none, and stands for everything. */
export function filterKind(rest: string): FilterKind | null {
  return read(rest)?.kind ?? null;
}

/** Filters over what those of its kind among `rests` stand for, and over `cut`; none: over nothing. */
export function joinRests(kind: FilterKind, rests: readonly string[], cut: readonly string[]): readonly string[] {
  const known = rests.map(read);
  if (kind === "sources" && known.includes(null)) return [MORE];
  const filters = new Map<number | null, Uint8Array>();
  const filterOf = (part: number | null): Uint8Array => {
    const filter = filters.get(part) ?? new Uint8Array(DIGITS);
    filters.set(part, filter);
    return filter;
  };
  for (const own of known) {
    if (own?.kind !== kind) continue;
    const filter = filterOf(own.part);
    for (let at = 0; at < DIGITS; at += 1) filter[at] = (filter[at] ?? 0) | Number.parseInt(own.digits.charAt(at), 16);
  }
  for (const source of cut) {
    const filter = filterOf(kind === "entries" ? null : partOf(source));
    for (const bit of marksOf(source)) filter[bit >> 2] = (filter[bit >> 2] ?? 0) | (1 << (bit & 3));
  }
  return [null, 0, 1, 2, 3].flatMap((part) => {
    const filter = filters.get(part);
    if (filter === undefined) return [];
    const hex = Array.from(filter, (digit) => digit.toString(16)).join("");
    return `${MORE} ${kind === "entries" ? "entries " : ""}${part === null ? "" : `${part}/${FILTERS} `}${hex}`;
  });
}

/** Whether a source of this kind may be one that this stands for; false for what names one source. */
export function mayStandFor(rest: string, source: string, kind: FilterKind): boolean {
  if (!isRest(rest)) return false;
  const filter = read(rest);
  if (filter === null) return true;
  if (filter.kind !== kind || (filter.part !== null && filter.part !== partOf(source))) return false;
  return marksOf(source).every((bit) => ((Number.parseInt(filter.digits.charAt(bit >> 2), 16) >> (bit & 3)) & 1) === 1);
}

/** A filter; `part` null is one over all sources of its kind. Null: it is none. */
function read(
  rest: string,
): { readonly kind: FilterKind; readonly part: number | null; readonly digits: string } | null {
  const found = REST.exec(rest)?.groups;
  if (found === undefined) return null;
  const { entries, part, filter = "" } = found;
  return {
    kind: entries === undefined ? "sources" : "entries",
    part: part === undefined ? null : Number(part),
    digits: filter,
  };
}

/** Which of the filters a source is in, independent of the bits that it sets there. */
function partOf(source: string): number {
  return hash(source, 0x2545f491) % FILTERS;
}

/** Not cryptographic: whoever picks sources for their bits makes an entry be taken out too often, and never too rarely. */
function marksOf(source: string): readonly number[] {
  const [first, step] = [hash(source, 0x811c9dc5), hash(source, 0x9747b28c) | 1];
  return Array.from({ length: MARKS }, (_, at) => ((first + Math.imul(at, step)) >>> 0) % BITS);
}

/** FNV-1a over UTF-16 code units from a start of one's own, mixed once more at the end. */
function hash(text: string, start: number): number {
  let mixed = start;
  for (let at = 0; at < text.length; at += 1) mixed = Math.imul(mixed ^ text.charCodeAt(at), 0x01000193);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
