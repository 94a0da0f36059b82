import type { Grant } from "../kernel/grant.ts";
import type { GrantView } from "../protocol/requests.ts";
import { showMoney } from "../showing/describe-inference.ts";
import { showBytes, showSpan } from "../showing/moment.ts";
import { ask } from "./api.ts";
import { empty, h, theirs } from "./dom.ts";
import { signLink, type Roles } from "./sign-link.ts";

/** Grants of one agent that are looked at; more have a page of their own. */
const MOST = 12;

/** A grant and how much of it is used. */
export interface Held {
  readonly grant: Grant;
  readonly view: GrantView;
}

/** The grants in force for an agent, those that end first foremost. */
export async function grantsOf(agent: string): Promise<readonly Held[]> {
  const { grants } = await ask("grants", {});
  const own = grants
    .filter(({ agents, state }) => agents.includes(agent) && state !== "revoked" && state !== "expired")
    .toSorted((one, other) => one.expires - other.expires)
    .slice(0, MOST);
  return Promise.all(own.map(({ id }) => ask("grant-show", { id })));
}

/** What of each grant is used; a grant is used by all instances of all its agents together. */
export function drawBudgets(held: readonly Held[], at: { readonly now: number; readonly roles: Roles }): HTMLElement {
  if (held.length === 0) return empty("No grant is in force: it may do nothing.");
  return h(
    "div",
    { class: "grid" },
    held.map((each) => h("article", { class: "card" }, drawHeader(each, at), drawMeters(each))),
  );
}

function drawHeader(
  { grant, view }: Held,
  { now, roles }: { readonly now: number; readonly roles: Roles },
): HTMLElement {
  return h(
    "header",
    {},
    h("h3", {}, h("a", { href: `#grants/${grant.id}` }, theirs(grant.id))),
    h(
      "span",
      { class: "faint" },
      `${grant.lease ? "lease, " : ""}${view.state}, ends in ${showSpan(view.expires - now)}`,
    ),
    view.state === "revoked" ? null : signLink(roles, { purpose: "revoke-grant", value: grant.id, words: "Revoke" }),
  );
}

/** One limit: how much is used of how much, in words and as a bar. */
interface Use {
  readonly name: string;
  readonly used: number;
  readonly most: number | null;
  readonly show: (amount: number) => string;
}

function drawMeters({ grant: { limits }, view }: Held): HTMLElement {
  const { budget } = limits;
  const uses: readonly Use[] = [
    { name: "uses", used: view.uses, most: limits.uses, show: String },
    { name: "bytes", used: view.bytes, most: limits.bytes, show: showBytes },
    ...(budget === undefined
      ? []
      : [
          { name: "tokens in", used: view.spent.input, most: budget.input, show: String },
          { name: "tokens out", used: view.spent.output, most: budget.output, show: String },
          { name: "money", used: view.spent.cost, most: budget.cost, show: showMoney },
        ]),
  ];
  return h("dl", { class: "meters" }, uses.map(drawUse));
}

function drawUse({ name, used, most, show }: Use): HTMLElement {
  const words = most === null ? `${show(used)}, no limit` : `${show(used)} of ${show(most)}`;
  const share = most === null ? null : Math.min(1, used / Math.max(1, most));
  return h(
    "div",
    {},
    h("dt", {}, name),
    h("dd", {}, words),
    share === null
      ? null
      : h(
          "dd",
          { class: "bar" },
          h("meter", { min: 0, max: 1, high: 0.8, value: share, "aria-label": `${name}: ${words}` }),
        ),
  );
}
