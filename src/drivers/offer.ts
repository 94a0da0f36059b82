import type { Client } from "@modelcontextprotocol/client";
import { isArray, isObject, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { decode } from "../protocol/decode.ts";
import { OFFER, OFFER_BOUNDS, RESOURCE_URI } from "../protocol/offer.ts";
import type { Offer } from "../protocol/requests.ts";
import { ANY_RESULT } from "./any-result.ts";

/** Pages of one list, and entries on them; a server that goes on is at fault. */
const PAGES = 64;
const ENTRIES = 8192;
const LIST_MS = 30_000;

/** A server that offers what cannot be read as an offer. */
export class OfferFault extends Error {
  override readonly name = "OfferFault";
}

/**
 * Collects everything that a server offers, all pages, in the server's order. Throws OfferFault for what the monitor
 * would not read (protocol/offer.ts), apart from resources whose URI cannot be named in a grant: those are left out,
 * since they are data and come and go. `timeout`: milliseconds for each page.
 */
export async function collectOffer(
  client: Client,
  { timeout = LIST_MS }: { readonly timeout?: number } = {},
): Promise<Offer> {
  const capabilities = client.getServerCapabilities();
  const server = client.getServerVersion();
  const list = (method: string, key: string, offered: object | undefined): Promise<readonly JsonObject[]> =>
    offered === undefined ? Promise.resolve([]) : collectPages(client, { method, key, timeout });
  const tools = await list("tools/list", "tools", capabilities?.tools);
  const resources = await list("resources/list", "resources", capabilities?.resources);
  const templates = await list("resources/templates/list", "resourceTemplates", capabilities?.resources);
  const prompts = await list("prompts/list", "prompts", capabilities?.prompts);
  const offer = decode(OFFER, {
    server: { name: server?.name ?? "", version: server?.version ?? "" },
    tools: tools.map((tool) => ({
      name: absent(tool, "name"),
      title: absent(tool, "title"),
      description: absent(tool, "description"),
      inputSchema: absent(tool, "inputSchema"),
      outputSchema: absent(tool, "outputSchema"),
      annotations: absent(tool, "annotations"),
    })),
    resources: nameable(resources).map((resource) => ({ uri: absent(resource, "uri"), ...readData(resource) })),
    resourceTemplates: templates.map((template) => ({
      uriTemplate: absent(template, "uriTemplate"),
      ...readData(template),
    })),
    prompts: prompts.map((prompt) => ({
      name: absent(prompt, "name"),
      description: absent(prompt, "description"),
      arguments: readArguments(prompt["arguments"] ?? []),
    })),
  });
  if (offer.kind === "ok") return offer.value;
  throw new OfferFault(`Cannot read the server's offer at ${offer.path}: ${offer.message}`);
}

async function collectPages(
  client: Client,
  { method, key, timeout }: { readonly method: string; readonly key: string; readonly timeout: number },
): Promise<readonly JsonObject[]> {
  const entries: JsonObject[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    const params = cursor === undefined ? {} : { cursor };
    const result: JsonObject = await client.request({ method, params }, ANY_RESULT, { timeout });
    const found = result[key] ?? null;
    if (!isArray(found)) throw new OfferFault(`Cannot read ${method}: "${key}" is not a list`);
    for (const entry of found) {
      if (!isObject(entry)) throw new OfferFault(`Cannot read ${method}: an entry is not an object`);
      entries.push(entry);
    }
    if (entries.length > ENTRIES) throw new OfferFault(`Cannot read ${method}: over ${ENTRIES} entries`);
    const next = result["nextCursor"] ?? null;
    if (next === null) return entries;
    if (typeof next !== "string") throw new OfferFault(`Cannot read ${method}: the cursor is not a string`);
    cursor = next;
  }
  throw new OfferFault(`Cannot read ${method}: over ${PAGES} pages`);
}

/** A field that a server may leave out, as null, which is how the substrate's types say so. */
function absent(entry: JsonObject, field: string): JsonValue {
  return entry[field] ?? null;
}

function readData(entry: JsonObject): JsonObject {
  return {
    name: absent(entry, "name"),
    description: absent(entry, "description"),
    mimeType: absent(entry, "mimeType"),
  };
}

function nameable(resources: readonly JsonObject[]): readonly JsonObject[] {
  const seen = new Set<string>();
  const kept = resources.filter(({ uri }) => {
    if (typeof uri !== "string" || !RESOURCE_URI.test(uri) || seen.has(uri)) return false;
    seen.add(uri);
    return true;
  });
  return kept.slice(0, OFFER_BOUNDS.resources);
}

function readArguments(value: JsonValue): JsonValue {
  if (!isArray(value)) return value;
  return value.map((argument) =>
    isObject(argument)
      ? {
          name: absent(argument, "name"),
          description: absent(argument, "description"),
          required: argument["required"] ?? false,
        }
      : argument,
  );
}
