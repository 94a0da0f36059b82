import { ask, why } from "./api.ts";
import { box, fill, h } from "./dom.ts";
import { explainForm } from "./explain.ts";
import { visibleRows } from "./grants.ts";
import { drawKey, ownerNames } from "./owners.ts";
import { simulateForm } from "./simulate.ts";
import { timeOf } from "./time.ts";
import type { View } from "./view.ts";

/**
 * The rules in force and who signed them; what would happen to an action, and what another text would change. Nothing here
 * changes anything.
 * @param recorded number of a record whose action is to be explained, as text; "" is none.
 */
export function policyView(recorded: string): View {
  const rules = h("div", {}, h("p", { class: "faint", role: "status" }, "Reading …"));
  const simulate = h("div");
  const element = h(
    "section",
    { "aria-labelledby": "title" },
    h("h1", { id: "title" }, "Policy"),
    rules,
    h("h2", { id: "explain" }, "What would happen to an action?"),
    h(
      "p",
      { class: "faint" },
      "By the evaluator that really decides, under the grants and rules of now. Nothing runs.",
    ),
    explainForm(/^\d{1,15}$/.test(recorded) ? Number(recorded) : null),
    h("h2", {}, "What would other rules change?"),
    simulate,
  );
  show(rules, simulate).catch((error: unknown) => fill(rules, h("p", { class: "bad", role: "alert" }, why(error))));
  return { element, draw: () => {} };
}

async function show(rules: HTMLElement, simulate: HTMLElement): Promise<void> {
  const newest = {
    from: 0,
    before: null,
    limit: 1,
    instance: null,
    kinds: ["policy-set"],
    action: null,
    payloads: false,
  };
  const [{ text, version, constitution }, { entries }, names] = await Promise.all([
    ask("policy-show", {}),
    ask("log-newest", newest),
    ownerNames(),
  ]);
  const [set] = entries;
  fill(
    rules,
    h("p", {}, "Rules only narrow what grants give. Version ", h("code", {}, version.slice(0, 19)), "."),
    set?.record.kind === "policy-set"
      ? h(
          "p",
          {},
          `Signed ${timeOf(set.record.at)} by `,
          drawKey(set.record.key, names),
          ", in record ",
          h("a", { href: `#log/${set.record.seq}` }, set.record.seq),
          ".",
        )
      : null,
    box(
      "Rules of the owner",
      text.trim() === "" ? "(no rules of the owner: grants and the constitution decide)" : visibleRows(text),
    ),
    h(
      "details",
      {},
      h("summary", {}, "The constitution, which nothing lifts"),
      box("Constitution", visibleRows(constitution)),
    ),
  );
  fill(simulate, simulateForm(text));
}
