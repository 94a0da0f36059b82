import type { Decider } from "../protocol/record.ts";
import { ask } from "./api.ts";
import { h, theirs } from "./dom.ts";

/** Names of the owners by the id of their key. */
export type Names = ReadonlyMap<string, string>;

export async function ownerNames(): Promise<Names> {
  const { owners } = await ask("owners", {});
  return new Map(owners.map(({ id, name }) => [id, name]));
}

/** Whose key it is; the key of somebody who is no owner any more stands alone. */
export function drawKey(key: string, names: Names): HTMLElement {
  const name = names.get(key);
  return name === undefined ? h("code", {}, key) : h("span", {}, theirs(name), " ", h("code", { class: "faint" }, key));
}

/** Who or what decided. */
export function drawDecider(by: Decider, names: Names): HTMLElement {
  switch (by.kind) {
    case "rule":
      return h("span", {}, "the rule ", theirs(by.rule));
    case "grant":
      return h(
        "span",
        {},
        by.grants.length === 1 ? "the grant " : "the grants ",
        by.grants.map((id, index) => [index === 0 ? "" : ", ", h("a", { href: `#grants/${id}` }, theirs(id))]),
      );
    case "owner":
      return h("span", {}, "the owner ", drawKey(by.key, names));
    case "monitor":
      return h("span", {}, "the monitor: ", theirs(by.why));
    default:
      return by satisfies never;
  }
}
