import type { JsonObject } from "../kernel/json.ts";
import { MEMORY_DRIVER } from "../kernel/memory.ts";
import type { Visible } from "../protocol/requests.ts";
import { joinName, UNKNOWN_DRIVER } from "./names.ts";
import type { MonitorLink } from "./monitor-link.ts";
import { theirEntry } from "./their-words.ts";

/** What the instance may see, as MCP list entries, in one generation. */
export interface Listing {
  /** Grows with every change; cursors name it. */
  readonly generation: number;
  readonly tools: readonly object[];
  readonly resources: readonly object[];
  readonly resourceTemplates: readonly object[];
  readonly prompts: readonly object[];
  /** Names, as the agent sees them, of tools that declare an output schema. */
  readonly withOutputSchema: ReadonlySet<string>;
  /** The driver that a resource URI belongs to; the unknown one when none or more than one does. */
  driverOf(uri: string): string;
}

/** The monitor's list, asked for once in each generation. */
export interface Catalog {
  listing(): Promise<Listing>;
  /** The last listing that was fetched, if it still counts. */
  current(): Listing | null;
  /** Forgets the list; the next reader fetches it. */
  invalidate(): void;
}

/** Makes the catalog of one face. A failed fetch is not remembered: the next reader asks again. */
export function createCatalog(link: Pick<MonitorLink, "list">): Catalog {
  let generation = 1;
  let fetching: Promise<Listing> | null = null;
  let current: Listing | null = null;

  async function fetchListing(): Promise<Listing> {
    const asked = generation;
    const listing = readVisible(await link.list(), asked);
    // A change that came while the monitor was answering makes the answer old: readers that follow ask again.
    if (asked === generation) current = listing;
    return listing;
  }

  return Object.freeze({
    listing: () => {
      if (current !== null) return Promise.resolve(current);
      if (fetching !== null) return fetching;
      const fetch = fetchListing().finally(() => {
        if (fetching === fetch) fetching = null;
      });
      fetching = fetch;
      return fetch;
    },
    current: () => current,
    invalidate: () => {
      generation += 1;
      current = null;
      fetching = null;
    },
  });
}

function readVisible(visible: Visible, generation: number): Listing {
  const exact = new Map<string, string>();
  for (const { uri, driver } of visible.resources) exact.set(uri, owner(exact.get(uri), driver));
  const prefixes = visible.resourceTemplates.map(({ uriTemplate, driver }) => ({
    prefix: uriTemplate.split("{", 1)[0] ?? "",
    driver,
  }));
  return Object.freeze({
    generation,
    tools: visible.tools.map(({ driver, ...tool }) => told(driver, { ...tool, name: joinName(driver, tool.name) })),
    resources: visible.resources.map(({ driver, ...resource }) => told(driver, { ...resource })),
    resourceTemplates: visible.resourceTemplates.map(({ driver, ...template }) => told(driver, { ...template })),
    prompts: visible.prompts.map(({ driver, ...prompt }) =>
      told(driver, {
        ...prompt,
        name: joinName(driver, prompt.name),
        arguments: prompt.arguments.map((argument) => dropNull({ ...argument })),
      }),
    ),
    withOutputSchema: new Set(
      visible.tools.filter((tool) => tool.outputSchema !== null).map((tool) => joinName(tool.driver, tool.name)),
    ),
    driverOf: (uri: string) => exact.get(uri) ?? matchPrefix(uri, prefixes),
  });
}

/** One URI offered by two drivers belongs to neither: a server must not take over another's resource (shadowing). */
function owner(known: string | undefined, driver: string): string {
  return known === undefined || known === driver ? driver : UNKNOWN_DRIVER;
}

/** The driver of the longest template whose text before its first expression begins the URI (RFC 6570). */
function matchPrefix(uri: string, prefixes: readonly { readonly prefix: string; readonly driver: string }[]): string {
  let best = { prefix: "", driver: UNKNOWN_DRIVER };
  for (const candidate of prefixes) {
    if (candidate.prefix === "" || !uri.startsWith(candidate.prefix)) continue;
    if (candidate.prefix.length > best.prefix.length) best = candidate;
    else if (candidate.prefix.length === best.prefix.length) {
      best = { prefix: best.prefix, driver: owner(best.driver, candidate.driver) };
    }
  }
  return best.driver;
}

/** As the agent gets it: every device but memory, which is built in, speaks with the words of whoever made its server. */
function told(driver: string, entry: JsonObject): JsonObject {
  const given = dropNull(entry);
  return driver === MEMORY_DRIVER ? given : theirEntry(given);
}

/** MCP leaves out what the substrate's own types say with null. */
function dropNull(entry: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null));
}
