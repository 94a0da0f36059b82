import type { LogTrouble } from "../protocol/log-trouble.ts";
import type { RecoveryPending } from "../protocol/owner-requests.ts";
import type { InstanceView } from "../protocol/requests.ts";
import type { HeldLine } from "./held.ts";
import { join, line, plainText, type Line, type Tone } from "../showing/line.ts";
import { showSpan } from "../showing/moment.ts";
import { LEAST_COLUMNS } from "../showing/render-action.ts";
import { makeVisible } from "../showing/visible.ts";
import { cutRows, measureText, padText, wrapProse } from "../showing/width.ts";

/** Where an action of an instance stands. Words of a record or an event, not yet visible. */
export interface StageSeen {
  readonly what: string;
  readonly stage: string;
  readonly verdict: string;
}

/** All that `aios top` shows. */
export interface TopModel {
  readonly instances: readonly InstanceView[];
  /** Oldest first. */
  readonly held: readonly HeldLine[];
  readonly stages: ReadonlyMap<string, StageSeen>;
  /** Number of the record by which everything is frozen. */
  readonly allFrozen: number | null;
  /** Somebody recovers a lost key, and is an owner soon. */
  readonly recovering: RecoveryPending | null;
  /** What a record takes until it is durable, milliseconds, while that is long; else null. */
  readonly slowLog: number | null;
  /** Why the log takes no records, or null. */
  readonly log: LogTrouble | null;
  /** That nobody is there to be asked, and until when, while it is so; visible text. */
  readonly away: string | null;
  readonly pane: "instances" | "held";
  /** Places of what is chosen in the two lists. */
  readonly chosen: { readonly instances: number; readonly held: number };
  /** What is left of the budgets of the chosen instance, one visible text each. */
  readonly budgets: readonly string[];
  /** A question that the next key answers, or what came of the last one. */
  readonly notes: readonly Line[];
}

const TONES: { readonly [state in InstanceView["state"]]: Tone } = {
  running: "good",
  frozen: "wait",
  ended: "faint",
  terminal: "bad",
};
/** Below this many columns ids are cut and less is said of each. */
const NARROW = 72;
const KEYS = "arrows, Tab choose  a approve  d deny  p lease  f freeze  k kill  t thaw  q leave";
/** Below this many columns, which leave one of a terminal's free, nothing can be approved, and columns of less are shown in full. */
const SHORT = LEAST_COLUMNS - 1;
/** Below this many columns there is no room for a list. */
const LEAST_OF_LIST = 24;
const SHORT_KEYS = ["d deny f freeze k kill", "t thaw q leave", `to approve and see more: ${LEAST_COLUMNS} columns`];

interface Column<T> {
  readonly heading: string;
  readonly columns: number;
  /** Words that are made visible when they are drawn, or visible text already. */
  text(item: T): string;
  readonly isVisible?: true;
  tone?(item: T): Tone;
}

function recoveryWarning({ name, due }: RecoveryPending, now: number): string {
  return `SOMEBODY RECOVERS A KEY: ${makeVisible(name)} is an owner in ${showSpan(due - now)}. Stop it: aios owners stop`;
}

function logWarning({ code, message }: LogTrouble): string {
  return `THE LOG TAKES NO RECORDS: ${makeVisible(message)} (${code}). Nothing happens; aios doctor says what to do`;
}

function slowWarning(millis: number): string {
  return `THE LOG IS SLOW: ${millis} ms a record. Every effect waits for it; aios doctor says more`;
}

/**
 * One screen of `aios top`: at most `rows` lines of at most `columns` columns, whatever agents named or wrote. Pure. What is
 * cut ends in `…`; approving shows the whole action first.
 */
export function drawTop(
  model: TopModel,
  { columns, rows, now }: { readonly columns: number; readonly rows: number; readonly now: number },
): readonly Line[] {
  const wide = columns >= NARROW;
  const count = (state: InstanceView["state"]): number => model.instances.filter((each) => each.state === state).length;
  const short = columns < SHORT;
  const summary = `${count("running")} running, ${count("frozen")} frozen, ${model.held.reduce((sum, { times }) => sum + times, 0)} held`;
  const warn = (text: string, tone: Tone): readonly Line[] =>
    short ? breakUp(line(text, tone), columns) : [line(cut(text, columns), tone)];
  const head = [
    ...(short ? breakUp(line(summary, "strong"), columns) : [join(["strong", "aios top"], `  ${summary}`)]),
    ...(model.allFrozen !== null
      ? warn(`EVERYTHING IS FROZEN (record ${model.allFrozen})  [T] you sign, all goes on`, "bad")
      : short
        ? breakUp(line("[S] STOP: freezes all", "bad"), columns)
        : [join(["bad", "[S] STOP"], "  freezes everything at once")]),
    ...(model.log === null ? [] : warn(logWarning(model.log), "bad")),
    ...(model.slowLog === null ? [] : warn(slowWarning(model.slowLog), "wait")),
    ...(model.away === null ? [] : warn(model.away, "wait")),
    ...(model.recovering === null ? [] : warn(recoveryWarning(model.recovering, now), "bad")),
    line(""),
  ];
  const keys = short ? SHORT_KEYS.flatMap((each) => breakUp(line(each, "faint"), columns)) : [line(KEYS, "faint")];
  const foot = [
    ...model.budgets.slice(0, wide ? 3 : 1).map((text) => line(text, "faint")),
    ...model.notes.flatMap((note) => breakUp(note, columns)).slice(0, Math.max(1, Math.floor(rows / 3))),
    ...keys,
  ];
  const shown = (body: readonly Line[]): readonly Line[] =>
    [...[...head, ...body].slice(0, Math.max(0, rows - foot.length)), ...foot]
      .slice(-rows)
      .map((each) => fit(each, columns));
  if (columns < LEAST_OF_LIST) return shown([]);
  // Two headings and the line between the lists.
  const left = Math.max(2, rows - head.length - foot.length - 3);
  const fewer = Math.min(model.instances.length, Math.max(1, model.pane === "held" ? Math.floor(left / 3) : left - 3));
  const forHeld = Math.max(1, left - Math.max(1, fewer));
  const body = [
    ...drawList(instanceColumns(model, { wide, columns, now }), {
      items: model.instances,
      chosen: model.chosen.instances,
      active: model.pane === "instances",
      most: Math.max(1, fewer),
      empty: "No instance runs.",
    }),
    line(""),
    ...drawList(heldColumns({ wide, columns, now }), {
      items: model.held,
      chosen: model.chosen.held,
      active: model.pane === "held",
      most: forHeld,
      empty: "Nothing is held.",
    }),
  ];
  return shown(body);
}

function instanceColumns(
  { stages }: TopModel,
  { wide, columns, now }: { readonly wide: boolean; readonly columns: number; readonly now: number },
): readonly Column<InstanceView>[] {
  const held: Column<InstanceView> = {
    heading: "HELD",
    columns: 4,
    text: (view) => String(view.held),
    tone: (view) => (view.held > 0 ? "wait" : "plain"),
  };
  const state: Column<InstanceView> = {
    heading: "STATE",
    columns: 8,
    text: (view) => view.state,
    tone: (view) => TONES[view.state],
  };
  if (columns < SHORT)
    return [{ heading: "AGENT", columns: columns - 2 - 9 - 5, text: ({ agent }) => agent }, state, held];
  const first: readonly Column<InstanceView>[] = [
    { heading: "INSTANCE", columns: wide ? 18 : 8, text: ({ instance }) => instance },
    { heading: "AGENT", columns: wide ? 14 : 10, text: ({ agent }) => agent },
    state,
  ];
  const counts: readonly Column<InstanceView>[] = wide
    ? [
        { heading: "AGE", columns: 6, text: ({ since }) => showSpan(now - since) },
        { heading: "DONE", columns: 5, text: ({ done }) => String(done) },
        { heading: "DENY", columns: 5, text: ({ denied }) => String(denied) },
      ]
    : [];
  const used = [...first, ...counts, held].reduce((sum, each) => sum + each.columns + 1, 2);
  const last: Column<InstanceView> = {
    heading: "STAGE",
    columns: columns - used,
    tone: ({ holdAt }) => (holdAt.length > 0 ? "wait" : "plain"),
    text({ instance, why, labels, holdAt }) {
      const seen = stages.get(instance);
      const all = holdAt.length === 0 ? "" : "  [every action waits]";
      const labelled = `${all}${labels.length === 0 ? "" : `  [${labels.join(",")}]`}`;
      if (why !== null) return why + labelled;
      return (seen === undefined ? "-" : `${seen.stage} ${seen.verdict} ${seen.what}`) + labelled;
    },
  };
  return [...first, ...counts, held, last];
}

function heldColumns({
  wide,
  columns,
  now,
}: {
  readonly wide: boolean;
  readonly columns: number;
  readonly now: number;
}): readonly Column<HeldLine>[] {
  const first: readonly Column<HeldLine>[] = [
    { heading: "HELD", columns: 8, text: ({ request }) => request.slice(0, 8) },
    ...(columns < SHORT
      ? []
      : ([
          { heading: "AGENT", columns: wide ? 14 : 10, text: ({ agent }) => agent },
          { heading: "ENDS IN", columns: 8, text: ({ expires }) => showSpan(expires - now), tone: () => "wait" },
        ] satisfies readonly Column<HeldLine>[])),
  ];
  const used = first.reduce((sum, each) => sum + each.columns + 1, 2);
  return [
    ...first,
    {
      heading: "WHAT AND WHY",
      columns: columns - used,
      isVisible: true,
      text: ({ what, about, reasons, times }) =>
        [`${times === 1 ? "" : `${times} times `}${makeVisible(what)}`, about, makeVisible(reasons.join(", "))].join(
          "  ",
        ),
    },
  ];
}

function drawList<T>(
  columns: readonly Column<T>[],
  list: {
    readonly items: readonly T[];
    readonly chosen: number;
    readonly active: boolean;
    readonly most: number;
    readonly empty: string;
  },
): readonly Line[] {
  const { items, chosen, active, most } = list;
  const heading = line(
    `  ${columns
      .map((each) => padText(each.heading, each.columns))
      .join(" ")
      .trimEnd()}`,
    "faint",
  );
  if (items.length === 0) return [heading, line(`  ${list.empty}`, "faint")];
  const from = Math.max(0, Math.min(chosen - Math.floor(most / 2), items.length - most));
  return [
    heading,
    ...items.slice(from, from + most).map((item, at) => {
      const here = from + at === chosen;
      return join(
        [active && here ? "strong" : "faint", here ? "> " : "  "],
        ...columns.map((each, place): readonly [Tone, string] => {
          const text = cut(each.isVisible === true ? each.text(item) : makeVisible(each.text(item)), each.columns);
          const tone = each.tone?.(item) ?? (active && here ? "strong" : "plain");
          return [tone, place === columns.length - 1 ? text : `${padText(text, each.columns)} `];
        }),
      );
    }),
  ];
}

/** A visible text in so many columns; what is cut ends in `…`. */
export function cut(text: string, columns: number): string {
  if (measureText(text) <= columns) return text;
  const [row = ""] = cutRows(text, Math.max(1, columns - 1));
  return measureText(row) < columns ? `${row}…` : "…";
}

/** A line in as many as it needs, in the tone that it begins with. */
function breakUp(shown: Line, columns: number): readonly Line[] {
  const text = plainText(shown);
  if (measureText(text) <= columns) return [shown];
  const rows = wrapProse(text, columns).flatMap((row) => cutRows(row, columns));
  return rows.map((row) => line(row, shown.pieces[0]?.tone ?? "plain"));
}

function fit(shown: Line, columns: number): Line {
  if (measureText(plainText(shown)) <= columns) return shown;
  let left = columns;
  return {
    pieces: shown.pieces.flatMap(({ tone, text }) => {
      if (left <= 0) return [];
      const part = cut(text, left);
      left -= measureText(part);
      return [{ tone, text: part }];
    }),
  };
}
