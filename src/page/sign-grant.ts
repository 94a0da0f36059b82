import type { Allow, Condition, Grant } from "../kernel/grant.ts";
import { asJson } from "../protocol/as-json.ts";
import { proposedTexts, readProposed, renderProposed } from "../showing/render-proposed.ts";
import { ask } from "./api.ts";
import { h, theirs } from "./dom.ts";
import { digestsOf, type Paper } from "./paper.ts";

const MINUTE = 60_000;

/**
 * A proposed grant, to be signed or made narrower.
 * @param narrow has a narrower document put in its place and shows what there is then.
 */
export async function grantPaper(
  id: string,
  { columns, narrow }: { readonly columns: number; narrow(read: () => Promise<unknown>): void },
): Promise<Paper> {
  const detail = await ask("proposed-grant", { id });
  const now = Date.now();
  const digest = await digestsOf(...proposedTexts(detail));
  const offset = -new Date(now).getTimezoneOffset();
  const shown = renderProposed(detail, { digest, columns, now, offset });
  const grant = readProposed(detail.document);
  const maySign = shown.kind === "shown" && detail.frozen === null;
  return {
    shown,
    brief: h("p", {}, theirs(id)),
    document: asJson(grant ?? {}),
    draft: detail.statement,
    answers: maySign ? [["allow", detail.lease ? "Sign this lease" : "Sign this grant", "Signed"]] : [],
    second: detail.second,
    told: `aios grants proposed ${id}`,
    elsewhere: `aios grants proposed ${id} has the same at a terminal, with the same code.`,
    more: grant === null ? null : narrowing(grant, { now, narrow }),
  };
}

/** Where the owner takes something away. Nothing can be added: the monitor refuses what is wider. */
function narrowing(
  grant: Grant,
  { now, narrow }: { readonly now: number; narrow(read: () => Promise<unknown>): void },
): HTMLElement {
  const lines = grant.allow.map(drawAllow);
  const { uses: most, expires } = grant.limits;
  const left = Math.max(1, Math.ceil((expires - now) / MINUTE));
  const uses = number("uses", { value: most, max: most });
  const minutes = number("minutes", { value: left, max: left });
  const read = async (): Promise<unknown> => {
    const allow = lines.flatMap((line) => line() ?? []);
    if (allow.length === 0) throw new Error("Nothing of it would be left.");
    const span = wholeOf(minutes, "how many minutes");
    const limits = {
      ...grant.limits,
      uses: uses.value === "" ? most : wholeOf(uses, "how often"),
      expires: span >= left ? expires : Math.min(expires, Date.now() + span * MINUTE),
    };
    return ask("narrow-grant", { id: grant.id, document: asJson({ ...grant, allow, limits }) });
  };
  return h(
    "details",
    {},
    h("summary", {}, "Make it narrower"),
    h(
      "div",
      { class: "form" },
      lines.map(({ element }) => element),
      h("p", {}, h("label", { for: "uses" }, "Uses in all"), uses),
      h("p", {}, h("label", { for: "minutes" }, "Ends in minutes"), minutes),
      h("p", {}, h("button", { type: "button", onclick: () => narrow(read) }, "Show it narrower")),
    ),
  );
}

function number(
  id: string,
  { value, max }: { readonly value: number | null; readonly max: number | null },
): HTMLInputElement {
  return h("input", { type: "number", id, min: 1, max, step: 1, value });
}

function wholeOf({ value }: HTMLInputElement, what: string): number {
  const whole = Number(value);
  if (!Number.isSafeInteger(whole) || whole < 1) throw new Error(`Say ${what} as a whole number, at least 1.`);
  return whole;
}

/** One line of what may be done: what is left of it, or null. */
interface Choice {
  (): Allow | null;
  readonly element: HTMLElement;
}

function drawAllow({ what, where, ...bound }: Allow, at: number): Choice {
  const keep = h("input", { type: "checkbox", id: `keep-${at}`, checked: true });
  const fields = Object.entries(where).map(([field, condition], index) =>
    drawCondition(condition, { field, id: `field-${at}-${index}` }),
  );
  const element = h(
    "fieldset",
    {},
    h("legend", {}, keep, h("label", { for: `keep-${at}` }, " ", theirs(what))),
    fields.map((each) => each.element),
  );
  const read = (): Allow | null => {
    if (!keep.checked) return null;
    const conditions: { [field: string]: Condition } = {};
    for (const each of fields) {
      const condition = each.read();
      if (condition === null) return null;
      conditions[each.field] = condition;
    }
    return { what, where: conditions, ...bound };
  };
  return Object.assign(read, { element });
}

/** A condition that can be made stricter; `read` gives null when no value of it is left. */
interface Field {
  readonly field: string;
  readonly element: HTMLElement | null;
  read(): Condition | null;
}

function drawCondition(condition: Condition, { field, id }: { readonly field: string; readonly id: string }): Field {
  if ("in" in condition) {
    const boxes = condition.in.map((value, index) => ({
      value,
      box: h("input", { type: "checkbox", id: `${id}-${index}`, checked: true }),
    }));
    const element = h(
      "div",
      { role: "group", "aria-label": field },
      h("p", { class: "faint" }, theirs(field), " is one of"),
      boxes.map(({ box, value }) => h("p", {}, box, h("label", { for: box.id }, " ", theirs(value)))),
    );
    const read = (): Condition | null => {
      const kept = boxes.filter(({ box }) => box.checked).map(({ value }) => value);
      return kept.length === 0 ? null : { in: kept };
    };
    return { field, element, read };
  }
  if ("under" in condition) {
    const folder = h("input", { id, value: condition.under, autocomplete: "off", spellcheck: "false" });
    const element = h("p", {}, h("label", { for: id }, theirs(field), " is this folder, or one below it"), folder);
    return { field, element, read: () => ({ under: folder.value.trim() }) };
  }
  if ("max" in condition) {
    const bound = h("input", { type: "number", id, max: condition.max, step: "any", value: condition.max });
    const element = h("p", {}, h("label", { for: id }, theirs(field), " is at most"), bound);
    return { field, element, read: () => ({ max: bound.value === "" ? condition.max : Number(bound.value) }) };
  }
  return { field, element: null, read: () => condition };
}
