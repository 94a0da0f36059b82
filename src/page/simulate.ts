import type { ConsoleRequests } from "../protocol/console-table.ts";
import type { PolicyProblem } from "../protocol/requests.ts";
import { ask, why } from "./api.ts";
import { fill, h, theirs } from "./dom.ts";
import { field, toneOf } from "./explain.ts";
import { table } from "./table.ts";

/** How many of the last actions are tried, and how many of the answers are shown. */
const LAST = [100, 500] as const;
const SHOWN = 200;

/** A form that says what of the last actions would be decided otherwise under another text. It changes nothing. */
export function simulateForm(text: string): HTMLElement {
  const draft = h("textarea", { id: "draft", rows: 10, class: "code", spellcheck: "false" });
  draft.value = text;
  const last = h(
    "select",
    { id: "last" },
    LAST.map((count) => h("option", { value: count }, `the last ${count} actions`)),
  );
  const answer = h("div", { role: "status" });
  const attempt = async (): Promise<void> => {
    fill(answer, h("p", { class: "faint" }, "Trying …"));
    try {
      const { problems } = await ask("policy-check", { text: draft.value });
      if (problems.length > 0) return fill(answer, drawProblems(problems));
      const from = await firstOfLast(Number(last.value));
      fill(answer, drawChanges(await ask("policy-simulate", { text: draft.value, from })));
    } catch (error) {
      fill(answer, h("p", { class: "bad" }, why(error)));
    }
  };
  return h(
    "div",
    { class: "form" },
    field("Rules to try, in Cedar", draft),
    field("On", last),
    h("p", {}, h("button", { type: "button", class: "primary", onclick: () => void attempt() }, "Try them")),
    answer,
  );
}

/** Number of the record with which the last so many decisions begin. */
async function firstOfLast(limit: number): Promise<number> {
  const kinds = ["intent", "held", "denied"];
  const { entries, size } = await ask("log-newest", {
    from: 0,
    before: null,
    limit,
    instance: null,
    kinds,
    action: null,
    payloads: false,
  });
  return entries.at(-1)?.record.seq ?? size;
}

function drawChanges({ replayed, changed }: ConsoleRequests["policy-simulate"]["ok"]): HTMLElement {
  return h(
    "div",
    {},
    h("p", { class: "strong" }, `${replayed} actions tried, ${changed.length} would come out differently.`),
    changed.length === 0
      ? null
      : table(
          "Actions that would come out differently",
          ["Record", "Action", "Was", "Would be", "Because"],
          changed
            .slice(0, SHOWN)
            .map(({ seq, what, was, now, because }) => [
              h("a", { href: `#log/${seq}` }, seq),
              theirs(what, 120),
              h("span", { class: toneOf(was) }, was),
              h("span", { class: toneOf(now) }, now),
              theirs(because),
            ]),
        ),
    changed.length > SHOWN
      ? h("p", { class: "faint" }, `and ${changed.length - SHOWN} more: aios policy simulate`)
      : null,
  );
}

function drawProblems(problems: readonly PolicyProblem[]): HTMLElement {
  return h(
    "ul",
    {},
    problems
      .slice(0, SHOWN)
      .map(({ rule, message, line }) =>
        h("li", { class: "bad" }, line === null ? "" : `line ${line}, `, "rule ", theirs(rule), ": ", theirs(message)),
      ),
  );
}
