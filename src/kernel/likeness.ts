import type { Action } from "./action.ts";
import { canonicalize } from "./canonical.ts";
import { isArray, type JsonObject, type JsonValue } from "./json.ts";
import { NET_DRIVER } from "./net.ts";

/** Arguments of a request to the network that belong to its shape with their values: where it goes and what it does there. */
const NET_KEPT: ReadonlySet<string> = new Set(["scheme", "host", "port", "method"]);

/** Everything of an action that an agent chose, and which agent: two actions with the same text ask for the same. */
export function sameText({ agent, verb, driver, name, arguments: args }: Action): string {
  return canonicalize({ agent, verb, driver, name, arguments: args });
}

/**
 * The shape of an action: its agent and tool, the names of its arguments and the kinds of their values, not the values. It
 * says how often something alike was asked; it never decides anything.
 */
export function shapeText({ agent, verb, driver, name, arguments: args }: Action): string {
  const kept = driver === NET_DRIVER ? NET_KEPT : null;
  return canonicalize({ agent, verb, driver, name, shape: shapeOfObject(args, kept) });
}

function shapeOfObject(value: JsonObject, kept: ReadonlySet<string> | null): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, kept?.has(key) === true ? { is: each } : shapeOf(each)]),
  );
}

function shapeOf(value: JsonValue): JsonValue {
  if (value === null) return "null";
  if (isArray(value)) return [...new Set(value.map((item) => canonicalize(shapeOf(item))))].toSorted();
  return typeof value === "object" ? shapeOfObject(value, null) : typeof value;
}
