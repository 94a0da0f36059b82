import type { Action } from "../../kernel/action.ts";
import type { Risk } from "../../kernel/grant.ts";

/*
 * Driver names hold none of `/ # @ :`, so the forms below cannot be taken for one another: an id with a `/` before any
 * `:` is a tool, `risk:…`, `read:…` and `prompt:…` are what they say.
 */

/** The Cedar action of a call, `driver/tool`; of a read, `read:driver`; of a prompt, `prompt:driver`. */
export function actionId(action: Pick<Action, "verb" | "driver" | "name">): string {
  return action.verb === "call" ? toolActionId(action.driver, action.name) : `${action.verb}:${action.driver}`;
}

/** The Cedar action of a tool. */
export function toolActionId(driver: string, tool: string): string {
  return `${driver}/${tool}`;
}

/** The action group of a risk class. */
export function riskGroup(risk: Risk): string {
  return `risk:${risk}`;
}

/** What an allow of a grant is about: its `what`, taken apart; null when it has no such form. */
export interface Target {
  readonly verb: Action["verb"];
  readonly driver: string;
  /** Tool name, resource URI or prefix, or prompt name. */
  readonly name: string;
}

/** Takes `driver/tool`, `driver#resource-prefix` or `driver@prompt` apart. Null for anything else, which allows nothing. */
export function parseTarget(what: string): Target | null {
  const at = what.search(/[/#@]/);
  if (at <= 0 || at === what.length - 1 || !what.isWellFormed()) return null;
  const verb = VERBS[what[at] ?? ""];
  return verb === undefined ? null : { verb, driver: what.slice(0, at), name: what.slice(at + 1) };
}

const VERBS: { readonly [mark: string]: Action["verb"] } = { "/": "call", "#": "read", "@": "prompt" };
