import { canonicalize } from "../kernel/canonical.ts";
import type { JsonObject, JsonValue } from "../kernel/json.ts";
import { asJson } from "../protocol/as-json.ts";
import type { Offer } from "../protocol/requests.ts";

/** Changes that are told, and UTF-16 units of what was and what is: a server may change all of eight thousand tools. */
const MOST = 64;
const WORDS = 1024;

/** What a server offers, by its names. */
type Named = ReadonlyMap<string, JsonObject>;

/**
 * What is other about an offer, for the owner who signed for the one before: `{changes: [{of, name, what, was, is}], more}`, with
 * the changed member as `what`, or `added`, `removed`, `order`. Words are the server's own, cut, and not made visible.
 */
export function offerDifference(before: Offer, now: Offer): JsonObject {
  const changes = [
    ...compare("tool", namedBy(before.tools, "name"), namedBy(now.tools, "name")),
    ...compare("prompt", namedBy(before.prompts, "name"), namedBy(now.prompts, "name")),
    ...compare(
      "template",
      namedBy(before.resourceTemplates, "uriTemplate"),
      namedBy(now.resourceTemplates, "uriTemplate"),
    ),
  ];
  return { changes: changes.slice(0, MOST), more: Math.max(0, changes.length - MOST) };
}

function namedBy<Key extends string>(entries: readonly { readonly [name in Key]: string }[], key: Key): Named {
  return new Map(entries.map((entry) => [entry[key], asJson(entry)]));
}

function compare(of: string, before: Named, now: Named): readonly JsonObject[] {
  const removed = [...before.keys()].filter((name) => !now.has(name));
  const added = [...now].filter(([name]) => !before.has(name));
  const changed = [...before].flatMap(([name, was]) => {
    const is = now.get(name);
    if (is === undefined) return [];
    return Object.keys(was)
      .filter((what) => canonicalize(was[what] ?? null) !== canonicalize(is[what] ?? null))
      .map((what) => ({ of, name: cut(name), what, was: cut(was[what]), is: cut(is[what]) }));
  });
  const all = [
    ...changed,
    ...added.map(([name, is]) => ({ of, name: cut(name), what: "added", was: null, is: cut(is) })),
    ...removed.map((name) => ({ of, name: cut(name), what: "removed", was: null, is: null })),
  ];
  const [was, is] = [before, now].map((each) => [...each.keys()].join(" "));
  return all.length > 0 || was === is ? all : [{ of, name: "", what: "order", was: cut(was), is: cut(is) }];
}

function cut(value: JsonValue | undefined): string {
  const text = typeof value === "string" ? value : JSON.stringify(value ?? null);
  return text.length <= WORDS ? text : `${text.slice(0, WORDS).toWellFormed()} ...`;
}
