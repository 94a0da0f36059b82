import type { Client } from "@modelcontextprotocol/client";
import type { JsonObject, JsonValue } from "../kernel/json.ts";
import type { Offer } from "../protocol/requests.ts";
import { ANY_RESULT } from "./server-session.ts";

/** Bounds of what a server may offer; more is a fault of the server. */
const PAGES = 64;
const ENTRIES = 4096;
const NAME = /^[\x20-\x7e]{1,256}$/;

/** A server that offers what cannot be read as an offer. */
export class OfferFault extends Error {
  override readonly name = "OfferFault";
}

/** Collects everything that a server offers, all pages, in the server's order. Throws OfferFault. */
export async function collectOffer(client: Client): Promise<Offer> {
  const capabilities = client.getServerCapabilities();
  const server = client.getServerVersion();
  const list = (method: string, key: string, offered: object | undefined): Promise<readonly JsonObject[]> =>
    offered === undefined ? Promise.resolve([]) : collectPages(client, method, key);
  const tools = await list("tools/list", "tools", capabilities?.tools);
  const resources = await list("resources/list", "resources", capabilities?.resources);
  const templates = await list("resources/templates/list", "resourceTemplates", capabilities?.resources);
  const prompts = await list("prompts/list", "prompts", capabilities?.prompts);
  return {
    server: { name: server?.name ?? "", version: server?.version ?? "" },
    tools: tools.map((tool) => ({
      name: readName(tool, "name"),
      title: readText(tool, "title"),
      description: readText(tool, "description"),
      inputSchema: readObject(tool, "inputSchema") ?? { type: "object" },
      outputSchema: readObject(tool, "outputSchema"),
      annotations: readObject(tool, "annotations"),
    })),
    resources: resources.map((resource) => ({
      uri: readName(resource, "uri"),
      name: readText(resource, "name") ?? "",
      description: readText(resource, "description"),
      mimeType: readText(resource, "mimeType"),
    })),
    resourceTemplates: templates.map((template) => ({
      uriTemplate: readName(template, "uriTemplate"),
      name: readText(template, "name") ?? "",
      description: readText(template, "description"),
      mimeType: readText(template, "mimeType"),
    })),
    prompts: prompts.map((prompt) => ({
      name: readName(prompt, "name"),
      description: readText(prompt, "description"),
      arguments: readArguments(prompt["arguments"]),
    })),
  };
}

async function collectPages(client: Client, method: string, key: string): Promise<readonly JsonObject[]> {
  const entries: JsonObject[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    const result: JsonObject = await client.request(
      { method, params: cursor === undefined ? {} : { cursor } },
      ANY_RESULT,
      { timeout: LIST_MS },
    );
    const found = result[key];
    if (!Array.isArray(found)) throw new OfferFault(`Cannot read ${method}: "${key}" is not a list`);
    for (const entry of found as readonly JsonValue[]) {
      if (!isObject(entry)) throw new OfferFault(`Cannot read ${method}: an entry is not an object`);
      entries.push(entry);
    }
    if (entries.length > ENTRIES) throw new OfferFault(`Cannot read ${method}: over ${ENTRIES} entries`);
    const next = result["nextCursor"];
    if (next === undefined || next === null) return entries;
    if (typeof next !== "string") throw new OfferFault(`Cannot read ${method}: the cursor is not a string`);
    cursor = next;
  }
  throw new OfferFault(`Cannot read ${method}: over ${PAGES} pages`);
}

const LIST_MS = 30_000;

function readName(entry: JsonObject, field: string): string {
  const value = entry[field];
  // Actions name tools, resources and prompts in printable ASCII: what cannot be named cannot be granted (look-alikes).
  if (typeof value !== "string" || !NAME.test(value)) {
    throw new OfferFault(`Cannot read an offer: "${field}" is not 1 to 256 printable ASCII characters`);
  }
  return value;
}

function readText(entry: JsonObject, field: string): string | null {
  const value = entry[field] ?? null;
  if (value !== null && typeof value !== "string")
    throw new OfferFault(`Cannot read an offer: "${field}" is not a text`);
  return value;
}

function readObject(entry: JsonObject, field: string): JsonObject | null {
  const value = entry[field] ?? null;
  if (value !== null && !isObject(value)) throw new OfferFault(`Cannot read an offer: "${field}" is not an object`);
  return value;
}

function readArguments(value: JsonValue | undefined): Offer["prompts"][number]["arguments"] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new OfferFault(`Cannot read an offer: "arguments" is not a list`);
  return (value as readonly JsonValue[]).map((argument) => {
    if (!isObject(argument)) throw new OfferFault("Cannot read an offer: an argument is not an object");
    return {
      name: readText(argument, "name") ?? "",
      description: readText(argument, "description"),
      required: argument["required"] === true,
    };
  });
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
