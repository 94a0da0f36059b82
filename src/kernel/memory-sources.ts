import { GIT_DRIVER } from "./git-ssh.ts";
import type { JsonObject } from "./json.ts";
import { isNetHost, NET_DRIVER } from "./net.ts";
import { entryRuns, joinRuns, runsSource } from "./source-entries.ts";
import { EVERY_REST, filterKind, FILTERS, isRest, joinRests, mayStandFor } from "./source-filter.ts";

/** Most sources of an entry, and characters of one of them. */
export const MOST_SOURCES = 64;
export const MOST_SOURCE = 400;
/** Entries that have no room in a list and are counted into its filter one by one; of more it stands for every one. */
const MOST_CUT = 10_000;

/** How surely something comes from a source: it names that, or it stands for more sources than it names. */
export type Origin = "named" | "perhaps";

/** What nobody knows the sources of stands for every one. */
export const EVERY_SOURCE: string = EVERY_REST;

const INSTANCE = "instance:";
/** What came by a device of the network: by which tool, and from which host. */
const OF_HOST = new RegExp(`^(?<tool>(?:${NET_DRIVER}|${GIT_DRIVER})/[a-z]+) [^ ]+$`);
const BY_NETWORK = new RegExp(`^(?:${NET_DRIVER}|${GIT_DRIVER})/[a-z]+$`);

/** The source of what this instance wrote: of whoever was given that, or has its task from there. */
export function instanceSource(instance: string): string {
  return `${INSTANCE}${instance}`;
}

/** The source of whoever was given this entry. */
export function entrySource(entry: number): string {
  return runsSource([[entry, entry]]);
}

/** The source of an action's result: `what`, and of the network's devices the host too. */
export function actionSource(
  what: string,
  action: { readonly driver: string; readonly arguments: JsonObject },
): string {
  const { driver, arguments: args } = action;
  const host = driver === NET_DRIVER || driver === GIT_DRIVER ? args["host"] : undefined;
  return typeof host === "string" && isNetHost(host) ? `${what} ${host}` : what;
}

/**
 * The sources of an entry: each once, ascending, as many as there is room for, and filters over all others. Entries of memory
 * stand together, as runs, and have a filter of their own, so that whoever lists planes hides no tool; where there is no room
 * hosts go first, and then instances. Sources that stood for more already, since they were recalled, do so again.
 */
export function gatherSources(names: Iterable<string>): readonly string[] {
  const all = [...new Set(names)].toSorted();
  const rests = all.filter(isRest);
  const entries = gatherEntries(all, rests);
  const plain = all.filter((name) => !isRest(name) && entryRuns(name) === null);
  const long = plain.filter((name) => name.length > MOST_SOURCE);
  const fit = plain.filter((name) => name.length <= MOST_SOURCE).toSorted((one, other) => rankOf(one) - rankOf(other));
  const room = MOST_SOURCES - entries.length;
  const isWhole = long.length === 0 && fit.length <= room && joinRests("sources", rests, []).length === 0;
  if (isWhole) return [...fit.toSorted(), ...entries];
  // Filters take their room first, and what they leave is for names.
  const restOf = (count: number): readonly string[] =>
    joinRests("sources", rests, [...fit.slice(count), ...long].flatMap(marksFor));
  const least = Math.min(fit.length, room - FILTERS - 1);
  // More names make no more filters.
  const count = Math.min(fit.length, room - restOf(least).length);
  return [...fit.slice(0, count).toSorted(), ...entries, ...restOf(count)];
}

/** Whether something with these sources comes from this one; null: it does not. */
export function originIn(sources: readonly string[], source: string): Origin | null {
  const wanted = entryRuns(source);
  if (wanted !== null) return originOfEntries(sources, wanted[0]?.[0] ?? -1);
  if (sources.some((each) => each === source || toolOf(each) === source)) return "named";
  const tool = toolOf(source);
  // Of what was written before hosts were named nobody knows which it was.
  if (tool !== null && sources.includes(tool)) return "perhaps";
  const asked = tool === null ? marksOfTool(source) : [source, tool];
  return asked.some((one) => sources.some((each) => mayStandFor(each, one, "sources"))) ? "perhaps" : null;
}

/** Sources of what stood in another log: its numbers of entries are none of this one. */
export function foreignSources(sources: readonly string[]): readonly string[] {
  return sources.filter((each) => entryRuns(each) === null && filterKind(each) !== "entries");
}

/** Sources for people, each once: a filter says nothing to them, and there may be several. */
export function describeSources(sources: readonly string[]): readonly string[] {
  return [...new Set(sources.map(describeSource))];
}

/** Sources for agents: as they are, but for filters, which say nothing to them and are long. */
export function shortenSources(sources: readonly string[]): readonly string[] {
  return [...new Set(sources.map((source) => (isRest(source) ? describeSource(source) : source)))];
}

function describeSource(source: string): string {
  if (!isRest(source)) return entryRuns(source) === null ? source : source.replace(":", " ");
  return filterKind(source) === "entries" ? "more entries than there is room for" : "more than there is room for";
}

/** Runs of entries as far as there is room, and a filter over the others. */
function gatherEntries(names: readonly string[], rests: readonly string[]): readonly string[] {
  const runs = joinRuns(names.flatMap((name) => entryRuns(name) ?? []));
  let room = runs.length;
  while (room > 0 && runsSource(runs.slice(0, room)).length > MOST_SOURCE) room -= 1;
  const cut: string[] = [];
  for (const [first, last] of runs.slice(room)) {
    if (last - first + cut.length > MOST_CUT) return [EVERY_REST];
    for (let entry = first; entry <= last; entry += 1) cut.push(entrySource(entry));
  }
  return [...(room === 0 ? [] : [runsSource(runs.slice(0, room))]), ...joinRests("entries", rests, cut)];
}

function originOfEntries(sources: readonly string[], entry: number): Origin | null {
  const has = ([first, last]: readonly [number, number]): boolean => first <= entry && entry <= last;
  if (sources.some((each) => entryRuns(each)?.some(has) === true)) return "named";
  return sources.some((each) => mayStandFor(each, entrySource(entry), "entries")) ? "perhaps" : null;
}

/** What has no room goes in this order, last first. */
function rankOf(source: string): number {
  if (toolOf(source) !== null) return 2;
  return source.startsWith(INSTANCE) ? 1 : 0;
}

/** By which tool something came from a host; null: it names no host. */
function toolOf(source: string): string | null {
  return OF_HOST.exec(source)?.groups?.["tool"] ?? null;
}

/** What a filter has of a source that has no room: of one with a host also that its tool had one. */
function marksFor(source: string): readonly string[] {
  const tool = toolOf(source);
  return tool === null ? [source] : [source, someHost(tool)];
}

function marksOfTool(source: string): readonly string[] {
  return BY_NETWORK.test(source) ? [source, someHost(source)] : [source];
}

function someHost(tool: string): string {
  return `${tool} *`;
}
