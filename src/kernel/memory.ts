import type { Action } from "./action.ts";
import type { Decoded } from "./decoded.ts";
import { allowParts, type Grant, type ToolClass } from "./grant.ts";
import { deepFreeze, type JsonObject } from "./json.ts";
import { AGENT_NAME } from "./names.ts";
import { quote, readDocument, type Place } from "./reading.ts";
import { utf8Length } from "./utf8.ts";

/** Name of the built-in memory device. No MCP server may have it. */
export const MEMORY_DRIVER = "memory";

/** Segments of memory, each with its own rule (DESIGN 7). */
export const PLANES = ["append-only", "ephemeral", "frozen"] as const;
export type Plane = (typeof PLANES)[number];

/** What an agent can ask of memory. */
export const MEMORY_TOOL_NAMES = ["append", "put", "get", "list", "search", "propose_freeze"] as const;
export type MemoryTool = (typeof MEMORY_TOOL_NAMES)[number];

const writing: ToolClass = { risk: "stage", labels: [], fields: { plane: "string" }, recipients: {} };
const reading: ToolClass = { risk: "observe", labels: [], fields: { plane: "string" }, recipients: {} };

/**
 * The classes of the memory device, compiled in. To write within a budget is reversible; to grow a budget and to freeze are
 * no tools at all, since only an owner's statement does either. Labels are those of what is recalled, so the device itself
 * says which (monitor/memory/device.ts).
 */
export const MEMORY_TOOLS: { readonly [tool in MemoryTool]: ToolClass } = deepFreeze({
  append: writing,
  put: { ...writing, fields: { plane: "string", ttl: "long" } },
  get: reading,
  list: reading,
  search: reading,
  propose_freeze: writing,
});

/** The class of reading a resource of memory, which no grant classifies; again the device says which labels come with it. */
export const MEMORY_READ: ToolClass = deepFreeze({ risk: "observe", labels: [], fields: {}, recipients: {} });

/** One plane of one agent. */
export interface PlaneOf {
  readonly agent: string;
  readonly plane: Plane;
}

/** One request to memory as it is decided. `entry` is the number of an entry, which no other entry ever has. */
export type MemoryCall = PlaneOf &
  (
    | { readonly tool: "append"; readonly text: string }
    | { readonly tool: "put"; readonly text: string; /** Seconds. */ readonly ttl: number }
    | { readonly tool: "get"; readonly entry: number }
    | { readonly tool: "get"; readonly name: string; readonly path: string }
    | { readonly tool: "list"; /** Entries below this number; null: the newest. */ readonly before: number | null }
    | { readonly tool: "search"; readonly query: string }
    | { readonly tool: "propose_freeze"; readonly name: string; readonly entries: readonly number[] }
  );

/** Most bytes of the text of one entry, in UTF-8. */
export const MOST_ENTRY_BYTES = 65_536;
/** Longest life of an ephemeral entry, seconds: ninety days. None is not allowed, for ever neither. */
export const MOST_TTL_SECONDS: number = 90 * 86_400;
/** Most entries that one snapshot holds. */
export const MOST_FROZEN_ITEMS = 64;

/** Name of a snapshot. */
export const SNAPSHOT_NAME: RegExp = /^[a-z][a-z0-9-]{0,30}$/;
/** Name of a text within a snapshot: a path below a home with plain segments. */
const ITEM_PATH = /^(?!\.{1,2}(?:\/|$))[A-Za-z0-9._@+-]{1,64}(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._@+-]{1,64}){0,7}$/;

const ENTRY_TEXT = /^(?:[^\p{Cc}\p{Cs}]|[\t\n])+$/u;

/** Whether a text can be an entry: not empty, without control characters but tab and line end, and not over its size. */
export function isEntryText(text: string): boolean {
  return ENTRY_TEXT.test(text) && utf8Length(text) <= MOST_ENTRY_BYTES;
}

/** Whether a text names an item of a snapshot: at most eight plain segments, with one reading. */
export function isItemPath(path: string): boolean {
  return ITEM_PATH.test(path);
}

/**
 * Reads what an agent asks of memory; every field of a tool must be there and no other. A plane is `ephemeral` for the
 * agent's own and `AGENT/ephemeral` for that of another; its own has the short name only, so that each has one.
 */
export function decodeMemoryCall({
  name,
  arguments: args,
  agent,
}: Pick<Action, "name" | "arguments" | "agent">): Decoded<MemoryCall> {
  return readDocument(args, (place): MemoryCall => {
    const tool = MEMORY_TOOL_NAMES.find((each) => each === name);
    switch (tool) {
      case "append": {
        const at = place.fields("plane", "text");
        return { tool, ...readPlane(at("plane"), { agent, only: "append-only" }), text: readText(at("text")) };
      }
      case "put": {
        const at = place.fields("plane", "text", "ttl");
        const plane = readPlane(at("plane"), { agent, only: "ephemeral" });
        return { tool, ...plane, text: readText(at("text")), ttl: at("ttl").whole(1, MOST_TTL_SECONDS) };
      }
      case "get": {
        const given = place.given("name", "path");
        const at = place.fields("plane", ...(given.length > 0 ? (["name", "path"] as const) : (["entry"] as const)));
        const plane = readPlane(at("plane"), { agent, only: null });
        if ((plane.plane === "frozen") !== given.length > 0)
          return place.fail("an entry of the frozen plane has a name and a path, any other a number");
        if (given.length === 0) return { tool, ...plane, entry: readNumber(at("entry")) };
        return { tool, ...plane, name: readSnapshotName(at("name")), path: readItemPath(at("path")) };
      }
      case "list": {
        const given = place.given("before");
        const at = place.fields("plane", ...given);
        const plane = readPlane(at("plane"), { agent, only: null });
        return { tool, ...plane, before: given.length === 0 ? null : readNumber(at("before")) };
      }
      case "search": {
        const at = place.fields("plane", "query");
        const query = at("query").text(/^[^\p{Cc}\p{Cs}]{1,256}$/u, "a query of at most 256 characters");
        return { tool, ...readPlane(at("plane"), { agent, only: null }), query };
      }
      case "propose_freeze": {
        const at = place.fields("plane", "name", "entries");
        const entries = at("entries").list(MOST_FROZEN_ITEMS, readNumber);
        if (entries.length === 0 || new Set(entries).size !== entries.length)
          at("entries").fail("empty, or one a second time");
        const plane = readPlane(at("plane"), { agent, only: "append-only" });
        return { tool, ...plane, name: readSnapshotName(at("name")), entries };
      }
      case undefined:
        return place.fail(`memory has no tool ${quote(name)}`);
      default:
        return tool satisfies never;
    }
  });
}

/** What every resource of memory begins with. */
export const MEMORY_URI = "memory:///";
const RESOURCE = /^memory:\/\/\/(?<plane>[a-z-]{1,32})(?:\/(?<first>[^/]{1,64})(?:\/(?<path>.{1,600}))?)?$/;
const NUMBER = /^(?:0|[1-9][0-9]{0,15})$/;

/**
 * What an action asks of memory, as a tool or as a resource: `memory:///PLANE` is the newest entries of one of the agent's own
 * planes, `memory:///PLANE/NUMBER` one of them, and `memory:///frozen/NAME/PATH` a text of a snapshot.
 */
export function memoryCallOf(action: Pick<Action, "verb" | "name" | "arguments" | "agent">): Decoded<MemoryCall> {
  const { verb, name, agent } = action;
  if (verb === "call") return decodeMemoryCall(action);
  const { plane, first, path } = RESOURCE.exec(name)?.groups ?? {};
  const of = (tool: MemoryTool, args: JsonObject): Decoded<MemoryCall> =>
    decodeMemoryCall({ name: tool, arguments: { plane: plane ?? "", ...args }, agent });
  if (plane === undefined || first === undefined) return of("list", {});
  if (plane === "frozen") return of("get", { name: first, path: path ?? "" });
  return of("get", { entry: NUMBER.test(first) && path === undefined ? Number(first) : -1 });
}

/** How an agent names a plane. */
export function planeName({ agent, plane }: PlaneOf, self: string): string {
  return agent === self ? plane : `${agent}/${plane}`;
}

/**
 * Whether grants of an agent share another's plane with it for this call. Its own planes are private to it; another's is
 * shared by a grant that names exactly that plane, so that no grant shares one by leaving a condition out.
 */
export function sharesPlane(grants: Iterable<Grant>, call: PlaneOf & { readonly tool: MemoryTool }): boolean {
  const wanted = `${call.agent}/${call.plane}`;
  for (const { allow } of grants) {
    for (const { what, where } of allow) {
      const parts = allowParts(what);
      if (parts?.verb !== "call" || parts.driver !== MEMORY_DRIVER || parts.name !== call.tool) continue;
      const condition = Object.hasOwn(where, "plane") ? where["plane"] : undefined;
      if (condition === undefined) continue;
      if ("equals" in condition ? condition.equals === wanted : "in" in condition && condition.in.includes(wanted))
        return true;
    }
  }
  return false;
}

/** An estimate of the tokens of a text, as the inference device makes it: one for three bytes. */
export function estimateTokens(bytes: number): number {
  return Math.ceil(bytes / 3);
}

const OTHERS = /^(?<agent>[^/]+)\/(?<plane>[^/]+)$/;

function readPlane(place: Place, { agent, only }: { readonly agent: string; readonly only: Plane | null }): PlaneOf {
  const text = place.text(/^[a-z0-9/-]{1,64}$/, "a plane");
  const other = OTHERS.exec(text)?.groups;
  const found = PLANES.find((plane) => plane === (other?.["plane"] ?? text));
  const owner = other?.["agent"] ?? agent;
  if (found === undefined || !AGENT_NAME.test(owner)) return place.fail(`not one of ${PLANES.join(", ")}`);
  if (other !== undefined && owner === agent) return place.fail(`its own plane is called ${found}`);
  if (only !== null && found !== only) return place.fail(`not an ${only} plane, which this tool is for`);
  return { agent: owner, plane: found };
}

function readText(place: Place): string {
  if (place.text(/^[^]*$/u, "a text") === "") place.fail("empty: an entry has at least one character");
  const text = place.text(ENTRY_TEXT, "a text without control characters");
  return utf8Length(text) <= MOST_ENTRY_BYTES ? text : place.fail(`over ${MOST_ENTRY_BYTES} bytes`);
}

function readNumber(place: Place): number {
  return place.whole(0, Number.MAX_SAFE_INTEGER);
}

function readSnapshotName(place: Place): string {
  return place.text(SNAPSHOT_NAME, "a name of a snapshot");
}

function readItemPath(place: Place): string {
  return place.text(ITEM_PATH, "a path within a snapshot");
}
