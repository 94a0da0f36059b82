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
