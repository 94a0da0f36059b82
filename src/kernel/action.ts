import { canonicalize } from "./canonical.ts";
import { refuse, type Decoded } from "./decoded.ts";
import { isArray, isObject, type JsonObject, type JsonValue } from "./json.ts";
import { AGENT_NAME, DRIVER_NAME, INSTANCE_ID, REQUEST_NONCE } from "./names.ts";

/** What an agent may ask for. `call` runs a tool, `read` reads a resource by URI, `prompt` fetches a prompt. */
export type Verb = "call" | "read" | "prompt";

/**
 * A canonical request for one effect. Its bytes are the RFC 8785 encoding of exactly this object;
 * its digest is their SHA-256. See docs/formats/action.md.
 */
export interface Action {
  readonly v: 1;
  /** 32 lower-case hex digits, drawn by the monitor; makes two equal requests two actions. */
  readonly request: string;
  /** Agent name: `[a-z][a-z0-9-]{0,30}`. */
  readonly agent: string;
  /** Instance id: `i-` and 16 lower-case hex digits. */
  readonly instance: string;
  readonly verb: Verb;
  /** Driver name: `[a-z][a-z0-9-]{0,30}`. */
  readonly driver: string;
  /** Tool name, resource URI or prompt name: 1 to 256 printable ASCII characters, no space at either end. */
  readonly name: string;
  readonly arguments: JsonObject;
}

/** What a face hands in: the part of an action that the agent chooses. */
export interface Proposal {
  readonly verb: Verb;
  readonly driver: string;
  readonly name: string;
  readonly arguments: JsonObject;
}

/** The part of an action that the monitor knows from the channel and never takes from the agent. */
export interface Who {
  readonly request: string;
  readonly agent: string;
  readonly instance: string;
}

/** SHA-256 of the UTF-8 bytes of a text, as `sha256:` and 64 lower-case hex digits. Passed in: the kernel has no crypto. */
export type Digest = (text: string) => string;

/** Bounds on the arguments of one action: UTF-16 units of their canonical text, and nested levels. */
export const ARGUMENT_BOUNDS: { readonly maxLength: number; readonly maxDepth: number } = Object.freeze({
  maxLength: 1_048_576,
  maxDepth: 16,
});

const PROPOSAL_FIELDS = ["arguments", "driver", "name", "verb"];
const ACTION_FIELDS = [...PROPOSAL_FIELDS, "agent", "instance", "request", "v"];
const PRINTABLE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
const MAX_NAME = 256;

/** Decodes what an agent proposes. Unknown fields, look-alike names and arguments over their bounds are refused. */
export function decodeProposal(value: JsonValue): Decoded<Proposal> {
  const fields = fieldsOf(value, PROPOSAL_FIELDS);
  if (fields.kind === "refused") return fields;
  return proposalIn(fields.value, null);
}

/** Makes an action from a proposal and from what the monitor knows of its origin; both are checked. */
export function makeAction(proposal: Proposal, who: Who): Decoded<Action> {
  return decodeAction({ v: 1, ...who, ...proposal });
}

/**
 * Decodes an action that was written before, as in the record of one that was held. With the canonical `text` that the
 * value was parsed from, arguments in a short one need not be written again to know that they are short.
 */
export function decodeAction(value: JsonValue, text: string | null = null): Decoded<Action> {
  const fields = fieldsOf(value, ACTION_FIELDS);
  if (fields.kind === "refused") return fields;
  const { v, request, agent, instance } = fields.value;
  if (v !== 1) return refuse("malformed", "v: not 1");
  if (!matches(request, REQUEST_NONCE)) return refuse("malformed", "request: not 32 lower-case hex digits");
  if (!matches(agent, AGENT_NAME)) return refuse("malformed", "agent: not an agent name");
  if (!matches(instance, INSTANCE_ID)) return refuse("malformed", "instance: not an instance id");
  const proposal = proposalIn(fields.value, text);
  if (proposal.kind === "refused") return proposal;
  return { kind: "ok", value: { v: 1, request, agent, instance, ...proposal.value } };
}

/** The one text of an action: what a human reads, what an owner signs, and what runs (SHOWN-SIGNED-RUN). */
export function actionText(action: Action): string {
  return canonicalize({ ...action });
}

function proposalIn(fields: JsonObject, text: string | null): Decoded<Proposal> {
  const { verb, driver, name, arguments: args } = fields;
  if (verb !== "call" && verb !== "read" && verb !== "prompt") {
    return refuse("malformed", "verb: not one of call, read, prompt");
  }
  if (!matches(driver, DRIVER_NAME)) return refuse("malformed", "driver: not a driver name");
  if (typeof name !== "string" || name === "") return refuse("malformed", "name: not a text of 1 to 256 characters");
  if (name.length > MAX_NAME) return refuse("too-large", `name: ${name.length} characters, over ${MAX_NAME}`);
  if (!PRINTABLE.test(name)) {
    return refuse("not-canonical", "name: not printable ASCII without a space at either end");
  }
  if (!isObject(args)) return refuse("malformed", "arguments: not an object");
  if (isDeeperThan(args, ARGUMENT_BOUNDS.maxDepth)) {
    return refuse("too-large", `arguments: deeper than ${ARGUMENT_BOUNDS.maxDepth} levels`);
  }
  const around = text !== null && text.length <= ARGUMENT_BOUNDS.maxLength;
  const { length } = around ? text : canonicalize(args);
  if (length > ARGUMENT_BOUNDS.maxLength) {
    return refuse("too-large", `arguments: ${length} characters, over ${ARGUMENT_BOUNDS.maxLength}`);
  }
  return { kind: "ok", value: { verb, driver, name, arguments: args } };
}

function fieldsOf(value: JsonValue, expected: readonly string[]): Decoded<JsonObject> {
  if (!isObject(value)) return refuse("malformed", "not an object");
  const keys = Object.keys(value);
  const unknown = keys.find((key) => !expected.includes(key));
  if (unknown !== undefined) return refuse("malformed", `unknown field ${JSON.stringify(unknown.slice(0, 40))}`);
  const missing = expected.find((key) => !Object.hasOwn(value, key));
  if (missing !== undefined) return refuse("malformed", `${missing}: missing`);
  return { kind: "ok", value };
}

function matches(value: JsonValue | undefined, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}

function isDeeperThan(value: JsonValue, levels: number): boolean {
  if (value === null || typeof value !== "object") return false;
  if (levels === 0) return true;
  return (isArray(value) ? value : Object.values(value)).some((item) => isDeeperThan(item, levels - 1));
}
