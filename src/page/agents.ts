import type { InstanceView } from "../protocol/requests.ts";
import { summariseRecord } from "../showing/describe-record.ts";
import { showSpan } from "../showing/moment.ts";
import { empty, fill, h, theirs } from "./dom.ts";
import type { Feed } from "./feed.ts";
import { lastStage, stageTrack } from "./stages.ts";
import { timeOf } from "./time.ts";
import type { View } from "./view.ts";

const ENDED = 30;

/** What runs, live: each instance with the six stages, and below what was recorded last. */
export function agentsView(feed: Feed): View {
  const running = h("div", { class: "grid" });
  const ended = h("div", { class: "grid" });
  const recent = h("ol", { class: "records" });
  const element = h(
    "section",
    { "aria-labelledby": "title" },
    h("h1", { id: "title" }, "Agents"),
    h("h2", { class: "hidden" }, "Running"),
    running,
    h("h2", {}, "As it happens"),
    recent,
    h("h2", {}, "Ended"),
    ended,
  );
  function draw(): void {
    const now = Date.now();
    const live = feed.instances.filter(({ state }) => state === "running" || state === "frozen");
    const over = feed.instances.filter(({ state }) => state !== "running" && state !== "frozen").slice(-ENDED);
    fill(
      running,
      live.length === 0
        ? empty("No agent runs.", "aios run -- COMMAND starts one.")
        : live.map((each) => card(each, { feed, now })),
    );
    fill(ended, over.length === 0 ? empty("None yet.") : over.toReversed().map((each) => card(each, { feed, now })));
    fill(recent, feed.recent.slice(0, 12).map(recordLine));
  }
  return { element, draw };
}

/** One record in a line. */
export function recordLine(record: Feed["recent"][number]): HTMLElement {
  const { tone, text, instance } = summariseRecord(record);
  return h(
    "li",
    { class: tone },
    h("time", {}, timeOf(record.at)),
    h("a", { href: `#log/${record.seq}` }, record.kind),
    h("span", {}, theirs(text), instance === null ? null : h("span", { class: "faint" }, instance)),
  );
}

function card(view: InstanceView, { feed, now }: { readonly feed: Feed; readonly now: number }): HTMLElement {
  const { instance, agent, state, since, labels, held, done, denied, why } = view;
  return h(
    "article",
    { class: "card" },
    h(
      "header",
      {},
      h("h3", {}, h("a", { href: `#agents/${instance}` }, theirs(agent))),
      h("span", { class: `state ${state}` }, state),
    ),
    state === "running" || state === "frozen" ? stageTrack(lastStage(feed, instance)) : null,
    h(
      "p",
      { class: "faint" },
      `${done} done · ${denied} denied · `,
      held > 0 ? h("a", { href: "#inbox" }, `${held} held`) : "0 held",
      ` · ${showSpan(now - since)}`,
      labels.map((label) => h("span", { class: "label" }, theirs(label))),
    ),
    why === null ? null : h("p", { class: "faint" }, theirs(why)),
  );
}
