import type { JsonObject, JsonValue } from "../kernel/json.ts";
import { EVERY_SOURCE, gatherSources, instanceSource } from "../kernel/memory-sources.ts";

/** Texts kept for one instance, to say later where an argument came from. */
const KEPT_TEXTS = 64;
const KEPT_UNITS = 1_048_576;
/** Names of sources that are kept as they are; of more, most are kept as a filter (kernel/memory-sources.ts). */
const MOST_NAMES = 1024;
/** Shorter values occur everywhere; saying where would mislead. */
const SHORTEST = 3;

/** What an instance has been shown: the human's words and the results of its actions, newest last, bounded. */
export interface Seen {
  add(source: string, text: string): void;
  /** The same of a result whose sources were named by whoever gave it. */
  keep(source: string, text: string): void;
  /** It was given something that came from there, of which no text is kept here. */
  name(source: string): void;
  /** Sources in which this value occurs literally, oldest first. */
  sources(value: string): readonly string[];
  /** What it had results of, each once (`driver/tool`), however long ago. */
  names(): readonly string[];
}

/** Begins what an instance has seen. `sources`: where it may have had something from before, of which no text is kept. */
export function createSeen(words: readonly string[], sources: Iterable<string> = []): Seen {
  const texts: { source: string; text: string }[] = [];
  let named = new Set<string>(sources);
  let units = 0;
  function name(source: string): void {
    named.add(source);
    if (named.size > MOST_NAMES) named = new Set(gatherSources(named));
  }
  function keep(source: string, text: string): void {
    const kept = text.slice(0, KEPT_UNITS);
    texts.push({ source, text: kept });
    units += kept.length;
    while (texts.length > KEPT_TEXTS || units > KEPT_UNITS) units -= texts.shift()?.text.length ?? 0;
  }
  return {
    names: () => [...named],
    name,
    keep,
    add(source, text) {
      name(source.replace(/ #\d+$/, ""));
      keep(source, text);
    },
    sources(value) {
      if (value.length < SHORTEST) return [];
      const found = new Set<string>();
      if (words.some((word) => word.includes(value))) found.add("the human's words");
      // Results are kept as JSON text; a value with quotes or line ends stands there escaped.
      const escaped = JSON.stringify(value).slice(1, -1);
      for (const { source, text } of texts) if (text.includes(escaped)) found.add(source);
      return [...found];
    },
  };
}

/** What those above an instance had results of, and they themselves: it has both with its task, as it has their labels. */
export function sourcesAbove(
  ancestry: readonly string[],
  lives: ReadonlyMap<string, { readonly seen: Pick<Seen, "names"> }>,
): readonly string[] {
  return ancestry.flatMap((id) => [instanceSource(id), ...(lives.get(id)?.seen.names() ?? [EVERY_SOURCE])]);
}

/** Where each string and number in the arguments was seen before, by JSON pointer (RFC 6901). */
export function traceArguments(args: JsonObject, seen: Seen): readonly { pointer: string; from: readonly string[] }[] {
  const traced: { pointer: string; from: readonly string[] }[] = [];
  visit(args, "", (pointer, value) => traced.push({ pointer, from: seen.sources(value) }));
  return traced;
}

function visit(value: JsonValue, pointer: string, see: (pointer: string, value: string) => void): void {
  if (typeof value === "string") see(pointer, value);
  else if (typeof value === "number") see(pointer, String(value));
  else if (Array.isArray(value)) value.forEach((item: JsonValue, at) => visit(item, `${pointer}/${at}`, see));
  else if (value !== null && typeof value === "object") {
    for (const [key, item] of Object.entries(value)) {
      visit(item, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, see);
    }
  }
}
