import type { HeldView } from "../protocol/requests.ts";
import { showSpan } from "../showing/moment.ts";
import { empty, fill, h, theirs } from "./dom.ts";
import type { Feed } from "./feed.ts";
import type { View } from "./view.ts";

/** Groups, and actions of one group, that are drawn at first; more on request. */
const GROUPS = 40;
const EACH = 5;
const MORE = 50;

interface Group {
  readonly key: string;
  readonly first: HeldView;
  readonly held: readonly HeldView[];
}

/** What waits for a person: equal ones together, oldest first. Only what is looked at is drawn, however much waits. */
export function inboxView(feed: Feed): View {
  const list = h("ol", { class: "inbox" });
  const count = h("p", { class: "faint", role: "status" });
  const search = h("input", { type: "search", id: "filter", placeholder: "Agent or action", oninput: () => draw() });
  const element = h(
    "section",
    { "aria-labelledby": "title" },
    h("h1", { id: "title" }, "Inbox"),
    h("div", { class: "row" }, h("label", { for: "filter", class: "hidden" }, "Filter"), search, count),
    list,
  );
  const opened = new Map<string, number>();
  let groups = GROUPS;
  let drawn = "";

  function draw(): void {
    const wanted = search.value.trim().toLowerCase();
    const all = group([...feed.held.values()]).filter(
      ({ first }) => wanted === "" || `${first.agent} ${first.what}`.toLowerCase().includes(wanted),
    );
    const now = Date.now();
    // The same picture is not drawn twice: a person who reads with a screen reader keeps their place.
    const picture = JSON.stringify([
      all.slice(0, groups).map(({ key, held }) => [key, held.length, held[0]?.request, opened.get(key) ?? 0]),
      all.length,
      groups,
      Math.floor(now / 5000),
    ]);
    if (picture === drawn) return;
    drawn = picture;
    const sum = all.reduce((total, each) => total + each.held.length, 0);
    fill(count, sum === 0 ? "" : `${sum} waiting${all.length === sum ? "" : ` in ${all.length} kinds`}`);
    fill(
      list,
      all.length === 0
        ? h("li", {}, empty("Nothing waits for you.", "What agents may not do alone appears here."))
        : null,
      all.slice(0, groups).map((each) => h("li", {}, drawGroup(each, now))),
      all.length > groups
        ? h("li", {}, h("button", { type: "button", onclick: () => more() }, `Show more of ${all.length} kinds`))
        : null,
    );
  }
  function more(): void {
    groups += MORE;
    draw();
  }

  function drawGroup({ key, first, held }: Group, now: number): HTMLElement {
    const shown = opened.get(key) ?? (held.length === 1 ? 1 : 0);
    const toggle = (next: number): void => {
      opened.set(key, next);
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
      h(
        "p",
        { class: "faint" },
        theirs(first.agent),
        " · held for ",
        theirs(first.reasons.join(", ")),
        " · ",
        `waiting ${showSpan(now - first.since)}, ends in ${showSpan(first.expires - now)}`,
      ),
      held.slice(0, shown).map((view) => actions(view)),
      held.length > 1
        ? h(
            "button",
            {
              type: "button",
              class: "quiet",
              "aria-expanded": shown > 0 ? "true" : "false",
              onclick: () => toggle(shown === 0 ? EACH : 0),
            },
            shown > 0 ? "Show fewer" : "Show each",
          )
        : null,
      shown > 0 && held.length > shown
        ? h(
            "button",
            { type: "button", class: "quiet", onclick: () => toggle(shown + MORE) },
            `Show more of ${held.length}`,
          )
        : null,
    );
  }

  return { element, draw };
}

function actions(view: HeldView): HTMLElement {
  return h(
    "p",
    { class: "row" },
    h("a", { class: "decide", href: `/sign#${view.request}` }, "Look and decide"),
    h("code", {}, view.request.slice(0, 8)),
  );
}

/** Those of one agent, action and reason together. */
function group(held: readonly HeldView[]): readonly Group[] {
  const groups = new Map<string, HeldView[]>();
  for (const view of held) {
    const key = JSON.stringify([view.agent, view.what, view.reasons]);
    const found = groups.get(key);
    if (found === undefined) groups.set(key, [view]);
    else found.push(view);
  }
  return [...groups].flatMap(([key, views]) => {
    const [first] = views;
    return first === undefined ? [] : [{ key, first, held: views }];
  });
}
