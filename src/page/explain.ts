import { allowParts, LABELS, type GrantProposal } from "../kernel/grant.ts";
import { isObject, parseJson } from "../kernel/json.ts";
import { REASONS } from "../kernel/codes.ts";
import type { ConsoleRequests } from "../protocol/console-table.ts";
import type { Explanation } from "../protocol/requests.ts";
import { describeCondition } from "../showing/describe-grant.ts";
import { readAction } from "../showing/read-action.ts";
import { makeVisible } from "../showing/visible.ts";
import { ask, why } from "./api.ts";
import { fill, h, theirs } from "./dom.ts";
import { table } from "./table.ts";

type Question = ConsoleRequests["policy-explain"]["body"];

/** A form that says what would happen to an action now, and why; filled in with a recorded action where one is named. */
export function explainForm(recorded: number | null): HTMLElement {
  const agent = h("input", { id: "agent", required: true, maxlength: 63, autocomplete: "off", spellcheck: "false" });
  const what = h("input", {
    id: "what",
    required: true,
    maxlength: 300,
    placeholder: "driver/tool",
    spellcheck: "false",
  });
  const args = h("textarea", { id: "arguments", rows: 4, spellcheck: "false" });
  args.value = "{}";
  const task = h("input", { id: "task", maxlength: 4096 });
  const labels = LABELS.map((label) => h("input", { type: "checkbox", id: `label-${label}`, value: label }));
  const answer = h("div", { role: "status" });

  const read = (): Question | string => {
    const parts = allowParts(what.value.trim());
    const parsed = parseJson(args.value);
    if (parts === null) return "It names no tool: write driver/tool, driver#resource-uri or driver@prompt.";
    if (parsed.kind === "refused") return `The arguments cannot be read: ${parsed.message}.`;
    if (!isObject(parsed.value)) return "The arguments are not a JSON object.";
    return {
      agent: agent.value.trim(),
      labels: LABELS.filter((_, index) => labels[index]?.checked === true),
      task: task.value === "" ? null : task.value,
      proposal: { ...parts, arguments: parsed.value },
    };
  };
  const explain = async (): Promise<void> => {
    const question = read();
    if (typeof question === "string") return fill(answer, h("p", { class: "bad" }, question));
    try {
      fill(answer, drawExplanation(await ask("policy-explain", question)));
    } catch (error) {
      fill(answer, h("p", { class: "bad" }, why(error)));
    }
  };
  const fillIn = async (seq: number): Promise<void> => {
    const { entries } = await ask("log-show", { from: seq, limit: 1, instance: null, kinds: [] });
    const [entry] = entries;
    const text = entry !== undefined && isObject(entry.payload) ? entry.payload["action"] : null;
    const action = typeof text === "string" ? readAction(text) : null;
    if (entry?.record.seq !== seq || action === null || !("action" in entry.record))
      return fill(answer, h("p", { class: "bad" }, `Record ${seq} has no action in it, or its payload is gone.`));
    agent.value = action.agent;
    what.value = entry.record.what;
    args.value = JSON.stringify(action.arguments, null, 2);
    const taken: readonly string[] = entry.record.labels;
    for (const label of labels) label.checked = taken.includes(label.value);
    await explain();
  };
  if (recorded !== null)
    void fillIn(recorded).catch((error: unknown) => fill(answer, h("p", { class: "bad" }, why(error))));
  return h(
    "div",
    { class: "form" },
    field("Agent", agent),
    field("Action", what),
    field("Arguments, as JSON", args),
    field("Your words to it, which may name recipients", task),
    h(
      "fieldset",
      { class: "row" },
      h("legend", {}, "What it has taken in"),
      labels.map((label) => h("span", {}, label, h("label", { for: label.id }, ` ${label.value}`))),
    ),
    h("p", {}, h("button", { type: "button", class: "primary", onclick: () => void explain() }, "Explain")),
    answer,
  );
}

/** A field with its label. */
export function field(name: string, input: HTMLElement): HTMLElement {
  return h("p", {}, h("label", { for: input.id }, name), input);
}

/** Tone of a decision. */
export function toneOf(decision: string): string {
  if (decision === "granted") return "good";
  return decision === "held" ? "wait" : "bad";
}

function drawExplanation({ stages, decision, code, proposal }: Explanation): HTMLElement {
  return h(
    "div",
    {},
    h(
      "p",
      {},
      "It would be ",
      h("span", { class: `strong ${toneOf(decision)}` }, decision),
      code === null ? "." : `: ${REASONS[code]} (${code}).`,
    ),
    table(
      "The stages that it would go through",
      ["Stage", "Verdict", "Because"],
      stages.map(({ stage, verdict, because }) => [stage, verdict, because === "" ? "-" : theirs(because)]),
    ),
    proposal === null ? null : drawProposal(proposal),
  );
}

function drawProposal({ allow }: GrantProposal): HTMLElement {
  return h(
    "div",
    {},
    h("p", { class: "faint" }, "The smallest grant that would allow it, for a human to sign:"),
    h(
      "ul",
      {},
      allow.map(({ what, where }) => {
        const fields = Object.entries(where).map(
          ([name, condition]) => `${makeVisible(name)} ${describeCondition(condition)}`,
        );
        return h("li", {}, theirs(what), fields.length === 0 ? "" : ` where ${fields.join(" and ")}`);
      }),
    ),
  );
}
