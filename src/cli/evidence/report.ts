import { makeVisible } from "../../showing/visible.ts";
import type { Happening, Rows, Story } from "./story.ts";

/** What stands at the head of a report. */
export interface ReportFacts {
  readonly origin: string;
  readonly size: number;
  readonly from: number;
  readonly to: number;
  readonly made: number;
  /** In words: whose records, with payloads or without. */
  readonly selection: string;
}

/**
 * The report for people: one page without scripts, that loads nothing. What agents and files wrote is shown with code points in the place of
 * characters that could deceive, and none of it is markup.
 */
export function writeReport(story: Story, facts: ReportFacts): string {
  const { authority, answers, courses, incidents, erased, timeline } = story;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Evidence of ${escape(facts.origin)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Evidence of ${escape(facts.origin)}</h1>
<p>A reading of the records beside it. The records are the evidence: <code>node check-evidence.mjs FOLDER --key KEY</code>, with a verifier and a key that you have from elsewhere, says whether they stood in the log.</p>
${list([
  [
    "Records",
    `${facts.from} to ${facts.to - 1} of a log of ${facts.size}; ${story.records} shown, ${story.leftOut} left out`,
  ],
  ["Time", story.first === null ? "none" : `${when(story.first)} to ${when(story.last ?? story.first)}`],
  ["Selection", facts.selection],
  ["Payloads that are not here", `${story.notGiven} (erased, left out, or too large)`],
  ["Made", when(facts.made)],
])}
${section(
  "owners",
  "Who may decide",
  table(
    ["Record", "Since", "Key", "Name"],
    { rows: story.owners, count: story.owners.length },
    ({ seq, at, key, name }) => [seq, when(at), key, name],
  ),
)}
${section(
  "authority",
  "What owners signed",
  table(["Record", "At", "What", "Key"], authority, ({ seq, at, what, key }) => [seq, when(at), what, key]),
)}
${section(
  "oversight",
  "What humans answered",
  table(["Record", "At", "Agent", "Action", "Answer", "Waited", "Key"], answers, (each) => [
    each.seq,
    when(each.at),
    each.agent,
    each.what,
    each.verdict,
    each.waited === null ? "?" : `${(each.waited / 1000).toFixed(1)} s`,
    each.key,
  ]),
)}
${section(
  "runs",
  "Runs of agents",
  table(["Instance", "Agent", "Started", "Ended", "Why"], courses, (each) => [
    each.instance,
    each.agent,
    each.started === null ? "before" : when(each.started),
    each.ended === null ? "not in here" : when(each.ended),
    each.why,
  ]),
)}
${section(
  "actions",
  "What agents did",
  table(
    ["Agent", "Action", "Decided", "Held", "Ran", "Of these failed", "Denied"],
    { rows: story.tallies, count: story.tallies.length },
    (each) => [each.agent, each.what, each.asked, each.held, each.ran, each.failed, each.denied],
  ),
)}
${section("incidents", "What was stopped", happenings(incidents))}
${section("erased", "What was erased", happenings(erased))}
${section("timeline", "Every record", happenings(timeline))}
</body>
</html>
`;
}

const STYLE =
  "body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}table{border-collapse:collapse;width:100%;font-size:13px}td,th{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid #ddd;vertical-align:top;overflow-wrap:anywhere}h2{margin-top:2.5rem;font-size:1.2rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.5rem}dd{margin:0;overflow-wrap:anywhere}code{font-size:13px}@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}td,th{border-color:#3a3a3a}}";

function section(id: string, title: string, body: string): string {
  return `<h2 id="${id}">${title}</h2>\n${body}`;
}

function list(rows: readonly (readonly [string, string])[]): string {
  return `<dl>\n${rows.map(([name, value]) => `<dt>${name}</dt><dd>${escape(value)}</dd>`).join("\n")}\n</dl>`;
}

function table<Row>(
  heads: readonly string[],
  { rows, count }: Rows<Row>,
  cells: (row: Row) => readonly (string | number)[],
): string {
  if (count === 0) return "<p>None.</p>";
  const head = heads.map((name) => `<th scope="col">${name}</th>`).join("");
  const body = rows.map(
    (row) =>
      `<tr>${cells(row)
        .map((cell) => `<td>${escape(String(cell))}</td>`)
        .join("")}</tr>`,
  );
  const more = count > rows.length ? `<p>And ${count - rows.length} more, in records.jsonl.</p>` : "";
  return `<table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join("\n")}\n</tbody>\n</table>${more}`;
}

function happenings(rows: Rows<Happening>): string {
  return table(["Record", "At", "Kind", "Agent", "What"], rows, ({ seq, at, kind, who, text }) => [
    seq,
    when(at),
    kind,
    who,
    text,
  ]);
}

function when(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

const ENTITIES: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return makeVisible(text).replaceAll(/[&<>"']/gu, (character) => ENTITIES[character] ?? "");
}
