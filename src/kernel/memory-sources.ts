/** Most sources of an entry, and characters of one of them. */
export const MOST_SOURCES = 64;
export const MOST_SOURCE = 400;

/** How surely something comes from a source: it names that, or it stands for more sources than it names. */
export type Origin = "named" | "perhaps";

/**
 * Bits of the filter that stands for what has no place in a list, and how many of them a source sets. Of 100 sources it takes
 * three others in a thousand for one of them, of 400 one in six; of what it stands for it misses none, however many.
 */
const BITS = 1536;
const MARKS = 4;
const DIGITS = BITS / 4;
const REST = new RegExp(`^\\(more\\) (?<filter>[0-9a-f]{${DIGITS}})$`);
/** Begins what stands for more. No source begins so; by itself, or with anything that is no filter, it stands for every one. */
const MORE = "(more)";
/** What nobody knows the sources of stands for every one. */
export const EVERY_SOURCE: string = MORE;

/**
 * The sources of an entry: each once, ascending, as many as there is room for, and one filter over all others (Bloom 1970).
 * Sources that stood for more already, since they were recalled, do so again.
 */
export function gatherSources(names: Iterable<string>): readonly string[] {
  const all = [...new Set(names)].toSorted();
  const rests = all.filter((name) => name.startsWith(MORE));
  const fit = all.filter((name) => !name.startsWith(MORE) && name.length <= MOST_SOURCE);
  const long = all.filter((name) => !name.startsWith(MORE) && name.length > MOST_SOURCE);
  if (rests.length + long.length === 0 && fit.length <= MOST_SOURCES) return fit;
  return [...fit.slice(0, MOST_SOURCES - 1), restOf(rests, [...fit.slice(MOST_SOURCES - 1), ...long])];
}

/** Whether something with these sources comes from this one; null: it does not. */
export function originIn(sources: readonly string[], source: string): Origin | null {
  if (sources.includes(source)) return "named";
  return sources.some((each) => each.startsWith(MORE) && mayStandFor(each, source)) ? "perhaps" : null;
}

/** A source for people: a filter says nothing to them. */
export function describeSource(source: string): string {
  return source.startsWith(MORE) ? "more than there is room for" : source;
}

function restOf(rests: readonly string[], cut: readonly string[]): string {
  const filter = new Uint8Array(DIGITS);
  for (const rest of rests) {
    const digits = REST.exec(rest)?.groups?.["filter"];
    if (digits === undefined) return MORE;
    for (let at = 0; at < DIGITS; at += 1) filter[at] = (filter[at] ?? 0) | Number.parseInt(digits.charAt(at), 16);
  }
  for (const source of cut)
    for (const bit of marksOf(source)) filter[bit >> 2] = (filter[bit >> 2] ?? 0) | (1 << (bit & 3));
  return `${MORE} ${Array.from(filter, (digit) => digit.toString(16)).join("")}`;
}

function mayStandFor(rest: string, source: string): boolean {
  const digits = REST.exec(rest)?.groups?.["filter"];
  if (digits === undefined) return true;
  return marksOf(source).every((bit) => ((Number.parseInt(digits.charAt(bit >> 2), 16) >> (bit & 3)) & 1) === 1);
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
