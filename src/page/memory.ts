import { describeSources, type Origin } from "../kernel/memory-sources.ts";
import { isOfContext } from "../kernel/memory-budget.ts";
import type { SnapshotStanding } from "../kernel/memory-snapshots.ts";
import type { EntryView, PlaneView, Unreadable } from "../protocol/memory-table.ts";
import type { ConsoleRequests } from "../protocol/console-table.ts";
import { ask, why } from "./api.ts";
import { box, empty, fill, h, theirs } from "./dom.ts";
import type { Feed } from "./feed.ts";
import { visibleRows } from "./grants.ts";
import { signLink, type Roles } from "./sign-link.ts";
import { table } from "./table.ts";
import { timeOf } from "./time.ts";
import type { View } from "./view.ts";

/** What an answer has at most; then there may be older ones. */
const PAGE = 50;
type Planes = ConsoleRequests["memory-planes"]["ok"];

/**
 * What agents keep: how much, and the entries of a plane with where they come from. Nothing here changes anything; a quarantine is
 * taken back on the signing page.
 */
export function memoryView({ roles }: Pick<Feed, "roles">): View {
  const overview = h("div", {}, h("p", { class: "faint", role: "status" }, "Reading …"));
  const place = h("p", { class: "faint", role: "status" });
  const list = h("ol", { class: "records" });
  const plane = h("select", { id: "plane", onchange: () => begin() });
  const words = h("input", {
    type: "search",
    id: "words",
    placeholder: "Words that an entry has, all of them",
    maxlength: 256,
    spellcheck: "false",
    onchange: () => begin(),
  });
  const older = h("button", { type: "button", onclick: () => turn(last) }, "Older");
  const entries = h(
    "div",
    { hidden: true },
    h("h2", {}, "Entries"),
    h(
      "div",
      { class: "row" },
      h("label", { for: "plane", class: "hidden" }, "Plane"),
      plane,
      h("label", { for: "words", class: "hidden" }, "Words"),
      words,
      h("button", { type: "button", onclick: () => begin() }, "Newest"),
    ),
    place,
    list,
    h("p", { class: "row" }, older),
  );
  const element = h("section", { "aria-labelledby": "title" }, h("h1", { id: "title" }, "Memory"), overview, entries);
  /** Number of the last entry that is shown. */
  let last: number | null = null;
  let asked = 0;

  async function show(before: number | null): Promise<void> {
    const mine = (asked += 1);
    const [agent = "", of] = plane.value.split("/");
    const query = words.value.trim() === "" ? null : words.value.trim();
    const which = of === "ephemeral" ? of : "append-only";
    const { entries: found, unreadable } = await ask("memory-entries", { agent, plane: which, before, query });
    // Somebody has turned on meanwhile.
    if (mine !== asked) return;
    last = unreadable.before ?? found.at(-1)?.entry ?? null;
    // A search gives the newest that it finds.
    older.disabled = (found.length < PAGE && unreadable.before === null) || query !== null;
    fill(
      place,
      found.length === 0 ? "" : found.length === 1 ? "One entry." : `${found.length} entries, the newest first.`,
      unreadable.count === 0 ? null : h("span", { class: "bad", role: "alert" }, describeUnreadable(unreadable)),
    );
    const none = found.length + unreadable.count === 0;
    fill(list, none ? h("li", {}, empty("There is no entry like that.")) : null, found.map(drawEntry));
  }
  const turn = (before: number | null): void =>
    void show(before).catch((error: unknown) => fill(place, h("span", { class: "bad", role: "alert" }, why(error))));
  const begin = (): void => turn(null);

  Promise.all([ask("memory-planes", {}), ask("memory-proposals", {})])
    .then(([planes, proposed]) => {
      fill(overview, drawPlanes(planes, roles), drawProposed(proposed));
      const names = planes.planes.filter(isKept).map(({ agent, what }) => `${agent}/${what}`);
      fill(
        plane,
        names.map((name) => h("option", { value: name }, name)),
      );
      entries.hidden = names.length === 0;
      if (names.length > 0) begin();
    })
    .catch((error: unknown) => fill(overview, h("p", { class: "bad", role: "alert" }, why(error))));
  return { element, draw: () => {} };
}

function isKept({ what }: PlaneView): boolean {
  return !isOfContext(what);
}

const DAMAGE = {
  keys: "Entries from before do not open: a file of keys/memory is gone or was changed",
  index: "Entries do not open where they are read from, and do from the log: index/memory.db was changed",
} as const;

function drawPlanes({ planes, snapshots, quarantines, waits, damage }: Planes, roles: Roles): readonly HTMLElement[] {
  const rows = planes.map(({ agent, what, bytes, count, mostBytes, mostCount }) => {
    const unit = isOfContext(what) ? "tokens" : "entries";
    const now = isOfContext(what) ? "" : `${bytes} bytes in ${count} entries`;
    return [theirs(agent), what, now, `${mostBytes} bytes in ${mostCount} ${unit}`];
  });
  return [
    rows.length === 0
      ? empty("No agent keeps anything in memory.")
      : table("Planes of memory", ["Agent", "Plane", "Holds", "At most"], rows),
    ...(damage === null ? [] : [h("p", { class: "bad" }, `${DAMAGE[damage]}: aios doctor says what to do`)]),
    ...(waits ? [h("p", { class: "wait" }, "What is past its end waits: aios doctor --set-clock")] : []),
    ...(snapshots.length === 0
      ? []
      : [
          table(
            "Frozen",
            ["Agent", "Frozen", "Version", ""],
            snapshots.map(({ agent, name, version, standing }) => [
              theirs(agent),
              theirs(name),
              version,
              STANDS[standing],
            ]),
          ),
        ]),
    ...(quarantines.length === 0
      ? []
      : [
          table(
            "In quarantine",
            ["In quarantine by", "Which", "Taken back"],
            quarantines.map(({ by, value }) => [
              by,
              theirs(value),
              signLink(roles, {
                purpose: "release-memory",
                value: `${by} ${value}`,
                words: "Let agents have it again",
              }),
            ]),
          ),
        ]),
  ];
}

function drawProposed({ proposals, more }: ConsoleRequests["memory-proposals"]["ok"]): readonly HTMLElement[] {
  if (proposals.length === 0) return [];
  const rows = proposals.map(({ at, agent, name, entries }) => [
    theirs(agent),
    theirs(name),
    timeOf(at),
    h("code", {}, `aios memory freeze ${agent} ${name} ${entries.map((entry) => `--entry ${entry}`).join(" ")}`),
  ]);
  const older = h("p", { class: "faint" }, "There may be older ones: aios log show --kind memory-proposed");
  return [
    table("Proposed to be frozen", ["Agent", "Proposes", "Since", "At a terminal, where you read and sign it"], rows),
    ...(more ? [older] : []),
  ];
}

const STANDS: { readonly [standing in SnapshotStanding]: string } = {
  given: "",
  withheld: "not given since the home was restored: freeze the next version",
  erased: "erased",
};

const QUARANTINED: { readonly [how in Origin]: string } = {
  named: "in quarantine  ",
  perhaps: "in quarantine, since it has more sources than it names  ",
};

/** What should be there and is not shown: whoever reads less must not take it for all. */
function describeUnreadable({ count, entries }: Unreadable): string {
  const more = count > entries.length ? ` and ${count - entries.length} more` : "";
  return ` Not shown, since ${count === 1 ? "it does" : "they do"} not open (memory-damaged): ${entries.join(", ")}${more}. At a terminal: aios memory verify`;
}

/** Closed it is a line; open it is all of it, with what it comes from. */
function drawEntry(entry: EntryView): HTMLElement {
  const { at, expires, by, instance, labels, sources, text, quarantined } = entry;
  const facts: readonly (readonly [string, HTMLElement | string])[] = [
    ["Written by", theirs(`${by} (${instance})`)],
    ["Ends", expires === null ? "not by itself" : timeOf(expires)],
    ["Labels", labels.length === 0 ? "none" : labels.join(", ")],
    ["It had read", sources.length === 0 ? "nothing" : theirs(describeSources(sources).join(", "), 2000)],
  ];
  return h(
    "li",
    {},
    h(
      "details",
      {},
      h(
        "summary",
        {},
        `${entry.entry}  ${timeOf(at)}  `,
        labels.length === 0 ? null : h("span", { class: "wait" }, `${labels.join(", ")}  `),
        quarantined === null ? null : h("span", { class: "bad" }, QUARANTINED[quarantined]),
        theirs(text, 120),
      ),
      h(
        "dl",
        {},
        facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
      ),
      box(`Text of entry ${entry.entry}`, visibleRows(text)),
      h(
        "p",
        { class: "faint" },
        "Out of agents' reach, at a terminal: ",
        h("code", {}, `aios memory quarantine entry ${entry.entry}`),
      ),
    ),
  );
}
