/**
 * Bits of a filter that stands for what has no place in a list, and how many of them a source sets (Bloom 1970). Of 100 sources
 * it takes three others in a thousand for one of them, of 400 one in six; of what it stands for it misses none, however many.
 */
const BITS = 1536;
const MARKS = 4;
const DIGITS = BITS / 4;
/** Begins what stands for more. No source begins so; by itself, or with anything that is no filter, it stands for every one. */
const MORE = "(more)";
const REST = new RegExp(`^\\(more\\) (?<entries>entries )?(?<filter>[0-9a-f]{${DIGITS}})$`);

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
  const found = REST.exec(rest)?.groups;
  if (found === undefined) return null;
  return found["entries"] === undefined ? "sources" : "entries";
}

/** One filter over what those of its kind among `rests` stand for, and over `cut`; null: over nothing. */
export function joinRests(kind: FilterKind, rests: readonly string[], cut: readonly string[]): string | null {
  if (kind === "sources" && rests.some((rest) => filterKind(rest) === null)) return MORE;
  const own = rests.filter((rest) => filterKind(rest) === kind);
  if (own.length + cut.length === 0) return null;
  const filter = new Uint8Array(DIGITS);
  for (const rest of own) {
    const digits = digitsOf(rest);
    for (let at = 0; at < DIGITS; at += 1) filter[at] = (filter[at] ?? 0) | Number.parseInt(digits.charAt(at), 16);
  }
  for (const source of cut)
    for (const bit of marksOf(source)) filter[bit >> 2] = (filter[bit >> 2] ?? 0) | (1 << (bit & 3));
  const hex = Array.from(filter, (digit) => digit.toString(16)).join("");
  return `${MORE} ${kind === "entries" ? "entries " : ""}${hex}`;
}

/** Whether a source of this kind may be one that this stands for; false for what names one source. */
export function mayStandFor(rest: string, source: string, kind: FilterKind): boolean {
  if (!isRest(rest)) return false;
  const over = filterKind(rest);
  if (over !== kind) return over === null;
  const digits = digitsOf(rest);
  return marksOf(source).every((bit) => ((Number.parseInt(digits.charAt(bit >> 2), 16) >> (bit & 3)) & 1) === 1);
}

function digitsOf(rest: string): string {
  return REST.exec(rest)?.groups?.["filter"] ?? "";
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
