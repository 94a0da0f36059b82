import { maySign } from "../kernel/owner-roles.ts";
import type { InstanceView } from "../protocol/requests.ts";
import type { Counts } from "../showing/counts.ts";
import { createDeeds, type Deeds } from "../showing/instance-deeds.ts";
import { tellDeeds } from "../showing/tell-deeds.ts";
import { ask, why } from "./api.ts";
import { drawBudgets, grantsOf, type Held } from "./budgets.ts";
import { drawLine, empty, fill, h, theirs } from "./dom.ts";
import type { Feed } from "./feed.ts";
import { collect, latest } from "./newest.ts";
import { lastStage, stageTrack } from "./stages.ts";
import { signLink, type Roles } from "./sign-link.ts";
import { stop, type Say } from "./stop.ts";
import { table } from "./table.ts";
import { timeOf } from "./time.ts";
import type { View } from "./view.ts";

/** The log is asked for more at most so often, milliseconds. */
const ASK_MS = 700;
/** Names of one list that are drawn. */
const NAMES = 12;
const ACTIONS = 20;

interface Act {
  readonly say: Say;
  refresh(): void;
}

/** One instance: what it did, what it may, what it has used, and the way to stop it. */
export function instanceView(feed: Feed, { instance, act }: { readonly instance: string; readonly act: Act }): View {
  const fold = createDeeds(instance);
  const [head, track, budgets, actions] = [h("div"), h("div"), h("div"), h("div")];
  const [story, lists] = [h("ol", { class: "story" }), h("div", { class: "grid" })];
  const note = h("p", { class: "faint", role: "status" }, "Reading its records …");
  const element = h(
    "section",
    { "aria-labelledby": "title" },
    h("p", {}, h("a", { href: "#agents" }, "All agents")),
    head,
    track,
    h("h2", {}, "What did it do?"),
    story,
    note,
    h("h2", {}, "Budgets"),
    budgets,
    h("h2", {}, "What it used"),
    lists,
    h("h2", {}, "Latest actions"),
    actions,
  );
  let deeds = fold.sum();
  let held: readonly Held[] | null = null;
  let known = 0;
  let asking = false;
  let drawn = "";

  /** Takes in what the log has beyond what is known; what comes meanwhile is asked for in the next turn. */
  async function catchUp(): Promise<void> {
    if (asking) return;
    asking = true;
    try {
      const { entries, size, cut } = await collect(instance, known);
      if (known === 0) fill(note, cut ? `Told from its latest ${entries.length} records; the log has them all.` : "");
      known = size;
      for (const { record, payload } of entries) fold.add(record, payload);
      deeds = fold.sum();
      const agent = view()?.agent;
      if (agent !== undefined) held = await grantsOf(agent);
    } catch (error) {
      fill(note, why(error));
    }
    setTimeout(() => {
      asking = false;
      draw();
    }, ASK_MS);
    draw();
  }
  const view = (): InstanceView | null => feed.instances.find((each) => each.instance === instance) ?? null;

  function draw(): void {
    if (latest(feed.recent) >= known) void catchUp();
    const now = Date.now();
    fill(track, stageTrack(lastStage(feed, instance)));
    // The same picture is not drawn twice: a person who reads with a screen reader keeps their place.
    const picture = JSON.stringify([deeds, held, view(), feed.roles, Math.floor(now / 10_000)]);
    if (picture === drawn) return;
    drawn = picture;
    const seen = view();
    drawHead(head, { instance, seen, deeds, act, roles: feed.roles });
    fill(
      story,
      tellDeeds(deeds, { view: seen, now }).map((each) => h("li", {}, drawLine(each))),
    );
    if (held !== null) fill(budgets, drawBudgets(held, { now, roles: feed.roles }));
    fill(lists, drawLists(deeds));
    fill(actions, drawActions(deeds));
  }
  void catchUp();
  return { element, draw };
}

function drawHead(
  head: HTMLElement,
  {
    instance,
    seen,
    deeds,
    act,
    roles,
  }: { instance: string; seen: InstanceView | null; deeds: Deeds; act: Act; roles: Roles },
): void {
  const live = seen?.state === "running" || seen?.state === "frozen";
  const holds = deeds.holdAt.length > 0;
  fill(
    head,
    h(
      "div",
      { class: "row" },
      h("h1", { id: "title" }, theirs(seen?.agent ?? "Instance")),
      seen === null ? null : h("span", { class: `state ${seen.state}` }, seen.state),
      holds ? h("span", { class: "label" }, "every action waits for a person") : null,
      deeds.labels.map(({ label, because, at }) =>
        h("span", { class: "label", title: `since ${timeOf(at)}, by ${because}` }, label),
      ),
    ),
    h(
      "p",
      { class: "faint" },
      h("code", {}, instance),
      seen?.workspace == null ? null : [" in ", theirs(seen.workspace)],
      (seen?.ancestry.length ?? 0) === 0 ? null : [" under ", h("code", {}, seen?.ancestry.join(" < ") ?? "")],
    ),
    live
      ? h(
          "p",
          { class: "row" },
          seen.state === "running" && !holds
            ? button(
                "Hold every action",
                "What it asks for from now on waits for a person",
                () => void hold(instance, act),
              )
            : null,
          seen.state === "running"
            ? button(
                "Freeze it",
                "It stands still at once; an owner lets it go on",
                () => void stop("freeze", { instance, ...act }),
              )
            : null,
          seen.state === "frozen"
            ? signLink(roles, { purpose: "thaw-instance", value: instance, words: "Sign to let it go on" })
            : null,
          holds
            ? signLink(roles, { purpose: "lift-hold", value: instance, words: "Sign to let its actions pass" })
            : null,
          button("End it", "Ends every process of it", () => void stop("kill", { instance, ...act })),
        )
      : null,
    (seen?.denied ?? 0) > 0 && (roles === null || maySign(roles, "sign-grant"))
      ? h("p", {}, h("a", { href: `#inbox/${instance}` }, "Propose a grant for what it was denied"))
      : null,
  );
}

function button(words: string, title: string, press: () => void): HTMLElement {
  return h("button", { type: "button", title, onclick: press }, words);
}

/** Asks that every action of it waits. Needs no signature; lifting it does. */
async function hold(instance: string, { say, refresh }: Act): Promise<void> {
  try {
    await ask("hold", { instance, stages: ["approve"] });
    say(
      ["Every action of it waits for a person from now on; lifting that takes a signature: aios hold --lift"],
      "good",
    );
  } catch (error) {
    say([`NOT HELD: ${why(error)}`], "bad");
  }
  refresh();
}

function drawLists(deeds: Deeds): readonly HTMLElement[] {
  const lists: readonly (readonly [string, Counts])[] = [
    ["Programs started", deeds.programs],
    ["Files written", deeds.files],
    ["Hosts reached", deeds.hosts],
    ["Secrets used", deeds.secrets],
    ["Models asked", deeds.models],
  ];
  return lists.flatMap(([title, counts]) => (counts.total === 0 ? [] : [drawCounts(title, counts)]));
}

function drawCounts(title: string, { names, total }: Counts): HTMLElement {
  const left = names.length - NAMES;
  return h(
    "article",
    { class: "card" },
    h("header", {}, h("h3", {}, title), h("span", { class: "badge" }, total)),
    h(
      "ul",
      { class: "names" },
      names
        .slice(0, NAMES)
        .map(({ name, times }) => h("li", {}, theirs(name, 160), h("span", { class: "faint" }, `×${times}`))),
      left > 0 ? h("li", { class: "faint" }, `and ${left} more`) : null,
    ),
  );
}

function drawActions({ actions }: Deeds): HTMLElement {
  if (actions.length === 0) return empty("It asked for nothing yet.");
  return table(
    "Latest actions, the newest first",
    ["When", "Action", "Stage", "Outcome"],
    actions
      .slice(0, ACTIONS)
      .map(({ seq, at, what, stage, words, tone }) => [
        h("time", {}, timeOf(at)),
        h("a", { href: `#log/${seq}` }, theirs(what, 120)),
        stage,
        h("span", { class: tone }, words),
      ]),
  );
}
