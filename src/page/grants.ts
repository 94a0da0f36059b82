import type { ProposedView } from "../protocol/proposed-grants.ts";
import type { GrantView } from "../protocol/requests.ts";
import { describeGrant } from "../showing/describe-grant.ts";
import { makeVisible } from "../showing/visible.ts";
import { ask, why } from "./api.ts";
import { drawBudgets } from "./budgets.ts";
import { box, columnsOf, drawLine, empty, fill, h, theirs } from "./dom.ts";
import type { Feed } from "./feed.ts";
import { drawKey, ownerNames, type Names } from "./owners.ts";
import { signLink, type Roles } from "./sign-link.ts";
import { table } from "./table.ts";
import { timeOf } from "./time.ts";
import type { View } from "./view.ts";

/** Rows that are drawn at first, and more on request. */
const ROWS = 100;
/** Signatures that are looked through for the record of one. */
const SIGNED = 500;

const TONES: { readonly [state in GrantView["state"]]: string } = {
  active: "good",
  "not-yet": "wait",
  "outside-hours": "wait",
  expired: "faint",
  revoked: "bad",
  "used-up": "faint",
  suspended: "wait",
};
/** States in which a grant may come to be used, and those in which it never will be again. */
const OVER: ReadonlySet<GrantView["state"]> = new Set(["expired", "revoked", "used-up"]);

/** Grants and leases: what is in force, for whom, how much of it is used, who signed it and until when. */
export function grantsView(feed: Pick<Feed, "roles">): View {
  const [list, desk] = [h("div"), h("div")];
  const search = h("input", { type: "search", id: "filter", placeholder: "Grant or agent", oninput: () => show() });
  const past = h("input", { type: "checkbox", id: "past", onchange: () => show() });
  const element = h(
    "section",
    { "aria-labelledby": "title" },
    h("h1", { id: "title" }, "Grants"),
    h(
      "p",
      { class: "faint" },
      "An agent may do what a grant says and nothing else. Owners sign them at a terminal (aios grants sign), or here once they are proposed over what it asked for.",
    ),
    h(
      "div",
      { class: "row" },
      h("label", { for: "filter", class: "hidden" }, "Filter"),
      search,
      h("span", {}, past, h("label", { for: "past" }, " with those that are over")),
    ),
    list,
    desk,
  );
  let grants: readonly GrantView[] = [];
  let names: Names = new Map();
  let rows = ROWS;

  function show(): void {
    const wanted = search.value.trim().toLowerCase();
    const found = grants.filter(
      ({ id, agents, state }) =>
        (past.checked || !OVER.has(state)) && `${id} ${agents.join(" ")}`.toLowerCase().includes(wanted),
    );
    const more = (): void => {
      rows += ROWS;
      show();
    };
    fill(
      list,
      found.length === 0
        ? empty("No grant is in force.", "Agents can do nothing.")
        : table(
            "Grants",
            ["Grant", "For", "State", "Uses", "Ends", "Signed by"],
            found.slice(0, rows).map((each) => drawRow(each, names)),
          ),
      found.length > rows
        ? h("p", {}, h("button", { type: "button", onclick: more }, `Show more of ${found.length}`))
        : null,
    );
  }
  Promise.all([ask("grants", {}), ownerNames(), ask("proposed-grants", {})]).then(
    ([answer, owners, { proposed }]) => {
      fill(desk, proposed.length === 0 ? null : drawProposed(proposed, feed.roles));
      grants = answer.grants.toSorted((one, other) => one.expires - other.expires);
      names = owners;
      show();
    },
    (error: unknown) => fill(list, h("p", { class: "bad", role: "alert" }, why(error))),
  );
  return { element, draw: () => {} };
}

/** Grants that nobody has signed yet. */
function drawProposed(proposed: readonly ProposedView[], roles: Roles): readonly HTMLElement[] {
  const rows = proposed.map(({ id, agent, lease, expires }) => [
    theirs(id),
    theirs(agent),
    lease ? "lease" : "grant",
    timeOf(expires),
    signLink(roles, { purpose: "sign-grant", value: id, words: "Look and sign" }),
  ]);
  return [h("h2", {}, "Proposed"), table("Proposed", ["Grant", "For", "Kind", "Ends", "Sign"], rows)];
}

function drawRow(
  { id, agents, lease, state, uses, expires, key, quarantined }: GrantView,
  names: Names,
): Parameters<typeof table>[2][number] {
  return [
    h("span", {}, h("a", { href: `#grants/${id}` }, theirs(id)), lease ? h("span", { class: "label" }, "lease") : null),
    theirs(agents.join(", ")),
    quarantined.length === 0
      ? h("span", { class: TONES[state] }, state)
      : h("span", { class: "bad" }, `${state}, quarantine: ${quarantined.map(({ driver }) => driver).join(", ")}`),
    uses,
    timeOf(expires),
    drawKey(key, names),
  ];
}

/** One grant in full, as it was shown to the owner who signed it. */
export function grantView(feed: Pick<Feed, "roles">, id: string): View {
  const content = h("div", {}, h("p", { class: "faint", role: "status" }, "Reading …"));
  const element = h(
    "section",
    { "aria-labelledby": "title" },
    h("p", {}, h("a", { href: "#grants" }, "All grants")),
    h("h1", { id: "title" }, theirs(id)),
    content,
  );
  fillGrant(content, { id, feed }).catch((error: unknown) =>
    fill(content, h("p", { class: "bad", role: "alert" }, why(error))),
  );
  return { element, draw: () => {} };
}

async function fillGrant(
  content: HTMLElement,
  { id, feed }: { readonly id: string; readonly feed: Pick<Feed, "roles"> },
): Promise<void> {
  const [{ grant, cedar, view }, names, seq] = await Promise.all([
    ask("grant-show", { id }),
    ownerNames(),
    recordOf(id),
  ]);
  const now = Date.now();
  const offset = -new Date(now).getTimezoneOffset();
  const lines = describeGrant(grant, { now, offset, columns: Math.min(100, columnsOf(content)), servers: true });
  fill(
    content,
    h(
      "p",
      {},
      h("span", { class: TONES[view.state] }, view.state),
      ", signed by ",
      drawKey(view.key, names),
      seq === null ? null : [" in record ", h("a", { href: `#log/${seq}` }, seq)],
      ", until ",
      timeOf(view.expires),
    ),
    box(
      "What it says",
      lines.map((each) => [drawLine(each), "\n"]),
    ),
    h("h2", {}, "Used"),
    drawBudgets([{ grant, view }], { now, roles: feed.roles }),
    cedar === "" ? null : [h("h2", {}, "The rules that it means"), box("Cedar", visibleRows(cedar))],
  );
}

/** Lines of a text, visible, each as it stands. */
export function visibleRows(text: string): string {
  return text
    .trimEnd()
    .split("\n")
    .map((row) => makeVisible(row))
    .join("\n");
}

/** Number of the record of its signature, when it is among the latest. */
async function recordOf(id: string): Promise<number | null> {
  const { entries } = await ask("log-newest", {
    from: 0,
    before: null,
    limit: SIGNED,
    instance: null,
    kinds: ["grant-signed"],
    action: null,
    payloads: false,
  });
  return entries.find(({ record }) => record.kind === "grant-signed" && record.grant === id)?.record.seq ?? null;
}
