import type { Action } from "../kernel/action.ts";
import { canonicalize } from "../kernel/canonical.ts";
import { ABOUT_COLUMNS } from "../protocol/held-view.ts";
import { describeEffect } from "./describe-effect.ts";
import { makeVisible } from "./visible.ts";
import { cutMiddle, measureText } from "./width.ts";

/** Arguments that say what a call is about, wherever tools have them, the first first; then the others, as they stand. */
const MAIN: readonly string[] = ["path", "uri", "url", "method", "host", "to", "recipient", "command", "name"];
/** What one argument may take of the line when there are several, columns: a long one must not hide the next. */
const EACH = 44;
const PLAIN_NAME = /^[\w.-]+$/;
/** Where a value would get less, it and what comes after it are left out. */
const LEAST = 12;
const MORE = ", …";
/** Of a longer text its two ends are looked at, UTF-16 units: more than any of it is shown. */
const READ = 2048;

/**
 * What an action is about, in one line of visible text of at most `ABOUT_COLUMNS`, for lists: what a built-in device would
 * do, or else the arguments. What is left out is an `…`, which no value can have in it. It helps to tell apart and is
 * nothing to decide on: whoever decides is shown all of it. Pure.
 */
export function aboutAction(action: Action): string {
  const [effect] = describeEffect(action) ?? [];
  return effect === undefined ? showArguments(action) : cutMiddle(visibleEnds(effect), ABOUT_COLUMNS);
}

function showArguments({ arguments: args }: Action): string {
  // As JSON, between quotes: nothing in a value passes for the name of the next one, nor a name for several.
  const names = Object.keys(args).toSorted((one, other) => rank(one) - rank(other));
  const most = names.length === 1 ? ABOUT_COLUMNS : EACH;
  let said = "";
  for (const name of names) {
    const head = `${said === "" ? "" : ", "}${cutMiddle(visibleEnds(PLAIN_NAME.test(name) ? name : canonicalize(name)), EACH)}: `;
    const room = ABOUT_COLUMNS - MORE.length - measureText(said) - measureText(head);
    if (room < LEAST) return said + MORE;
    said += head + cutMiddle(visibleEnds(canonicalize(args[name] ?? null)), Math.min(most, room));
  }
  return said;
}

function rank(name: string): number {
  const at = MAIN.indexOf(name);
  return at < 0 ? MAIN.length : at;
}

function visibleEnds(text: string): string {
  if (text.length <= 2 * READ) return makeVisible(text);
  return `${makeVisible(text.slice(0, READ))}…${makeVisible(text.slice(-READ))}`;
}
