import type { Verb } from "./action.ts";
import { RISKS, type Risk, type ToolClass } from "./grant.ts";
import { deepFreeze, type JsonObject, type JsonValue } from "./json.ts";

/** The class of a tool that no owner classified: the most that can run at all, and it taints with everything. */
export const UNCLASSIFIED: ToolClass = deepFreeze<ToolClass>({
  risk: "reserved",
  labels: ["untrusted", "private"],
  fields: {},
  recipients: {},
});

/** The class of reading a resource: it changes nothing, and what comes back is both someone's data and words from outside. */
export const READ: ToolClass = deepFreeze<ToolClass>({
  risk: "observe",
  labels: ["untrusted", "private"],
  fields: {},
  recipients: {},
});

/** The class of fetching a prompt: a server's words. */
export const PROMPT: ToolClass = deepFreeze<ToolClass>({
  risk: "observe",
  labels: ["untrusted"],
  fields: {},
  recipients: {},
});

/**
 * The risk of one call. An unclassified tool is `reserved`, as is a class of a risk that this kernel does not know;
 * a tool that is given a recipient reaches a third party, whatever it is classified as otherwise.
 */
export function effectiveRisk(tool: ToolClass | undefined, verb: Verb, args: JsonObject): Risk {
  if (verb !== "call") return "observe";
  if (tool === undefined || !RISKS.includes(tool.risk)) return "reserved";
  if (RISKS.indexOf(tool.risk) < RISKS.indexOf("reach") && namesRecipient(tool, args)) return "reach";
  return tool.risk;
}

/** Whether a call names a third party: a declared recipient argument that is present and not empty. */
export function namesRecipient(tool: ToolClass, args: JsonObject): boolean {
  return Object.keys(tool.recipients).some((argument) => isGiven(argumentOf(args, argument)));
}

/** One argument of a call, own keys only. */
export function argumentOf(args: JsonObject, argument: string): JsonValue | undefined {
  return Object.hasOwn(args, argument) ? args[argument] : undefined;
}

/** Whether an argument says anything: absent, null, the empty text and the empty list do not. */
export function isGiven(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === "") return false;
  return !(Array.isArray(value) && value.length === 0);
}
