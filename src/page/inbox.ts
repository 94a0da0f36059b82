import { maySign } from "../kernel/owner-roles.ts";
import { groupEqual, type EqualHeld } from "../protocol/held-view.ts";
import type { HeldView } from "../protocol/requests.ts";
import { showSpan } from "../showing/moment.ts";
import { empty, fill, h, theirs } from "./dom.ts";
import { drawFrozen, frozenByItself } from "./frozen.ts";
import type { Feed } from "./feed.ts";
import type { Roles } from "./sign-link.ts";
import { pager, within } from "./pager.ts";
import type { View } from "./view.ts";

/** Groups, and actions of one group, that are drawn at a time. */
const GROUPS = 40;
const EACH = 10;

/** What waits for a person: equal ones together, oldest first. Only what is looked at is drawn, however much waits. */
export function inboxView(feed: Feed): View {
  const list = h("ol", { class: "inbox" });
  const pages = h("div");
  const frozen = h("div", { role: "status" });
  const count = h("p", { class: "faint", role: "status" });
  const search = h("input", {
    type: "search",
    id: "filter",
    placeholder: "Agent, action, what it is about, or id",
    oninput: () => turnTo(0),
  });
  const element = h(
    "section",
    { "aria-labelledby": "title" },
    h("h1", { id: "title" }, "Inbox"),
    h("div", { class: "row" }, h("label", { for: "filter", class: "hidden" }, "Filter"), search, count),
    frozen,
    list,
    pages,
  );
  /** Groups whose actions are drawn, with the place of the first that is. */
  const opened = new Map<string, number>();
  let from = 0;
  let drawn = "";

  function draw(): void {
    const wanted = search.value.trim().toLowerCase();
    const all = groupEqual([...feed.held.values()].filter((view) => isWanted(view, wanted)));
    from = within(from, { size: GROUPS, of: all.length });
    const shown = all.slice(from, from + GROUPS);
    const now = Date.now();
    const stopped = frozenByItself(feed.instances);
    // The same picture is not drawn twice: a person who reads with a screen reader keeps their place.
    const picture = JSON.stringify([
      shown.map((each) => [each.first.request, each.all.length, opened.get(keyOf(each)) ?? -1]),
      all.length,
      from,
      feed.roles,
      stopped.map(({ instance, why }) => [instance, why]),
      Math.floor(now / 5000),
    ]);
    if (picture === drawn) return;
    drawn = picture;
    fill(frozen, drawFrozen(stopped, feed.roles));
    const sum = all.reduce((total, each) => total + each.all.length, 0);
    fill(count, countWaiting(sum, all.length));
    fill(
      list,
      all.length === 0
        ? h("li", {}, empty("Nothing waits for you.", "What agents may not do alone appears here."))
        : null,
      shown.map((each) => h("li", {}, drawGroup(each, now))),
    );
    fill(pages, pager({ from, size: GROUPS, of: all.length }, { what: "kinds", go: turnTo }));
  }
  function turnTo(place: number): void {
    from = place;
    draw();
  }

  function drawGroup(group: EqualHeld, now: number): HTMLElement {
    const [key, { first, all: held }] = [keyOf(group), group];
    const at = held.length === 1 ? 0 : opened.get(key);
    const begin = at === undefined ? 0 : within(at, { size: EACH, of: held.length });
    const open = (place: number | null): void => {
      if (place === null) opened.delete(key);
      else opened.set(key, place);
      draw();
    };
    return h(
      "article",
      { class: "card" },
      h(
        "header",
        {},
        h("h2", {}, theirs(first.what)),
        held.length === 1 ? null : h("span", { class: "badge" }, `${held.length} times`),
      ),
      h("p", {}, h("bdi", { class: "theirs" }, first.about)),
      h(
        "p",
        { class: "faint" },
        theirs(first.agent),
        " · held for ",
        theirs(first.reasons.join(", ")),
        " · ",
        `waiting ${showSpan(now - first.since)}, ends in ${showSpan(first.expires - now)}`,
      ),
      at === undefined ? null : held.slice(begin, begin + EACH).map((view) => actions(view, feed.roles)),
      at === undefined
        ? null
        : pager({ from: begin, size: EACH, of: held.length }, { what: `${first.agent} ${first.what}`, go: open }),
      held.length > 1
        ? h(
            "button",
            {
              type: "button",
              class: "quiet",
              "aria-expanded": at === undefined ? "false" : "true",
              onclick: () => open(at === undefined ? 0 : null),
            },
            at === undefined ? "Show each" : "Show none",
          )
        : null,
      proposeLink(first, feed.roles),
    );
  }

  return { element, draw };
}

/** How many actions wait, and of how many kinds where some are equal. */
export function countWaiting(sum: number, kinds: number): string {
  if (sum === 0) return "";
  if (sum === kinds) return `${sum} waiting`;
  return kinds === 1 ? `${sum} waiting, all of 1 kind` : `${sum} waiting in ${kinds} kinds`;
}

function actions(view: HeldView, roles: Roles): HTMLElement {
  const decides = roles === null || maySign(roles, "approve-action");
  return h(
    "p",
    { class: "row" },
    h("a", { class: "decide", href: `/sign#${view.request}` }, decides ? "Look and decide" : "Look"),
    h("code", {}, view.request.slice(0, 8)),
  );
}

/** Where an owner has a lease proposed over an action and what is like it, in place of answering each. */
function proposeLink({ request }: HeldView, roles: Roles): HTMLElement | null {
  if (roles !== null && !maySign(roles, "sign-grant")) return null;
  return h("p", {}, h("a", { href: `#inbox/${request}` }, "Propose a grant for this and what is like it"));
}

/** Whether it is among what a person looks for: by words of its agent, its action and what that is about, or by the first digits of its id. */
function isWanted({ agent, what, about, request }: HeldView, wanted: string): boolean {
  return wanted === "" || `${agent} ${what} ${about}`.toLowerCase().includes(wanted) || request.startsWith(wanted);
}

/** What a group is kept open by: it stays the same while the first of it is answered. */
function keyOf({ first }: EqualHeld): string {
  return `${first.instance} ${first.same}`;
}
