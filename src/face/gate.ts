import { isObject, parseJson, type JsonBounds, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { escapeName } from "./names.ts";

/** JSON-RPC methods that a face serves; every other one is reported to the monitor (docs/CONTRACTS.md). */
export const SERVED_METHODS: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "server/discover",
  "subscriptions/listen",
  "tools/list",
  "tools/call",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "prompts/list",
  "prompts/get",
]);

/** Notifications that an honest client sends. */
export const SERVED_NOTIFICATIONS: ReadonlySet<string> = new Set([
  "notifications/initialized",
  "notifications/cancelled",
  "notifications/progress",
  "notifications/roots/list_changed",
]);

/** A JSON-RPC 2.0 message as the SDK takes it. */
export type Message = JsonObject & { readonly jsonrpc: "2.0" };

/** What a gate makes of one text of an agent. */
export type Admission =
  | { readonly kind: "pass"; readonly message: Message }
  /** A method that is not served; `report` it, then send the reply, if one is due. */
  | { readonly kind: "unserved"; readonly method: string; readonly reply: Message | null }
  /** Not a message; the reply says so. */
  | { readonly kind: "refuse"; readonly reply: Message };

const PARSE_ERROR = -32_700;
const INVALID_REQUEST = -32_600;
const METHOD_NOT_FOUND = -32_601;

/** Bounds of one message of an agent: 1 Mi units, and levels enough to fit into a frame with its wrapping. */
export const MESSAGE_BOUNDS: JsonBounds = Object.freeze({ maxLength: 1_048_576, maxDepth: 48, maxValues: 100_000 });

/** Decides what one text from an agent is before the SDK sees it: bounded, strictly parsed, one message, a served method. */
export function admitText(text: string): Admission {
  const parsed = parseJson(text, MESSAGE_BOUNDS);
  if (parsed.kind !== "refused") return admitValue(parsed.value);
  return { kind: "refuse", reply: errorReply(looseId(text), { code: PARSE_ERROR, message: parsed.message }) };
}

/** As `admitText`, for a value that was parsed within bounds. */
export function admitValue(value: JsonValue): Admission {
  if (!isObject(value) || value["jsonrpc"] !== "2.0") {
    return refuse(null, "the message is not one JSON-RPC 2.0 object");
  }
  const { id, method, params } = value;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- jsonrpc was just compared
  const message = value as Message;
  if (id !== undefined && !isId(id)) return refuse(null, "id is not a string of at most 256 characters or an integer");
  if (params !== undefined && !isObject(params)) return refuse(id ?? null, "params is not an object");
  if (method === undefined) {
    // A response. A face asks the agent nothing, so it answers nothing that was asked; the SDK drops it.
    return id !== undefined && ("result" in value || "error" in value)
      ? { kind: "pass", message }
      : refuse(id ?? null, "the message has no method");
  }
  if (typeof method !== "string") return refuse(id ?? null, "method is not a string");
  if (id === undefined) {
    if (SERVED_NOTIFICATIONS.has(method)) return { kind: "pass", message };
    return { kind: "unserved", method: escapeName(method), reply: null };
  }
  if (SERVED_METHODS.has(method)) return { kind: "pass", message };
  const reply = errorReply(id, { code: METHOD_NOT_FOUND, message: "Method not found" });
  return { kind: "unserved", method: escapeName(method), reply };
}

/** A JSON-RPC error response. */
export function errorReply(
  id: string | number | null,
  error: { readonly code: number; readonly message: string },
): Message {
  return { jsonrpc: "2.0", id, error };
}

function refuse(id: string | number | null, why: string): Admission {
  return {
    kind: "refuse",
    reply: errorReply(id, { code: INVALID_REQUEST, message: `Cannot read the message: ${why}` }),
  };
}

/** The id of a text that the strict parser refused, so that the client's call ends with an error and does not hang. */
function looseId(text: string): string | number | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("id" in value)) return null;
    return isId(value.id) ? value.id : null;
  } catch {
    return null;
  }
}

function isId(value: unknown): value is string | number {
  return typeof value === "string" ? value.length <= 256 && value.isWellFormed() : Number.isSafeInteger(value);
}
