import type { Line } from "../showing/line.ts";
import { makeVisible } from "../showing/visible.ts";
import { cutEnd } from "../showing/width.ts";

type Child = Node | string | number | null | readonly Child[];
interface Properties {
  readonly class?: string;
  readonly [attribute: string]: string | number | boolean | EventListener | null | undefined;
}

/**
 * Makes an element. Text stays text: nothing here reads markup. `onclick` and its like are listeners, true is an attribute
 * without a value, null and false leave one out.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  add(element, children);
  return element;
}

function add(parent: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null) continue;
    if (isList(child)) add(parent, child);
    else parent.append(typeof child === "number" ? String(child) : child);
  }
}
function isList(child: Child): child is readonly Child[] {
  return Array.isArray(child);
}

/** Words of an agent, a server or a file, as a person can trust them: what would be invisible or disguised is a code point. */
export function theirs(text: string, most: number = 300): HTMLElement {
  const shown = makeVisible(text);
  return h("bdi", { class: "theirs", title: shown.length > most ? cutEnd(shown, 4096) : null }, cutEnd(shown, most));
}

/** The pieces of a line that is visible text already, each in its tone. */
export function drawLine({ pieces }: Line): readonly HTMLElement[] {
  return pieces.map(({ tone, text }) => h("span", { class: tone }, text));
}

/** Text as it stands, in a box that scrolls and that a screen reader finds by its label. */
export function box(label: string, ...content: readonly Child[]): HTMLElement {
  return h("pre", { class: "code", tabindex: "0", role: "region", "aria-label": label }, content);
}

/** Columns of a box of code that is as wide as this element, which is on the page. */
export function columnsOf(element: HTMLElement): number {
  const probe = h("code", { class: "probe" }, "0".repeat(100));
  element.append(probe);
  const width = probe.getBoundingClientRect().width / 100;
  probe.remove();
  return Math.floor((element.clientWidth - 40) / width);
}

/** Puts other children in the place of an element's own. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren();
  add(element, children);
}

/** What stands where a list would be. */
export function empty(words: string, more: string = ""): HTMLElement {
  return h("div", { class: "empty" }, h("p", {}, words), more === "" ? null : h("p", { class: "faint" }, more));
}
