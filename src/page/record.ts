import { writeProof } from "../protocol/proof-file.ts";
import type { LogRecord } from "../protocol/record.ts";
import type { LogProof } from "../protocol/requests.ts";
import { summariseRecord } from "../showing/describe-record.ts";
import { actionSeen } from "../showing/instance-deeds.ts";
import { ask, why } from "./api.ts";
import { checkRecord, openPayload, type Checked } from "./checking.ts";
import { box, fill, h, theirs } from "./dom.ts";
import { visibleRows } from "./grants.ts";
import type { Entry } from "./newest.ts";
import { drawDecider, ownerNames, type Names } from "./owners.ts";
import { table } from "./table.ts";
import { timeOf } from "./time.ts";
import type { View } from "./view.ts";

/** Characters of a payload that are shown, and records of one action. */
const MOST_SHOWN = 64 * 1024;
const MOST_OF_ACTION = 100;

/** One record in full, verified in this browser. */
export function recordView(number: string): View {
  const seq = /^\d{1,15}$/.test(number) ? Number(number) : -1;
  const content = h("div", {}, h("p", { class: "faint", role: "status" }, "Reading …"));
  const element = h(
    "section",
    { "aria-labelledby": "title" },
    h(
      "p",
      { class: "row" },
      h("a", { href: "#log" }, "The log"),
      seq > 0 ? h("a", { href: `#log/${seq - 1}` }, "The record before") : null,
      h("a", { href: `#log/${seq + 1}` }, "The record after"),
    ),
    h("h1", { id: "title" }, `Record ${number}`),
    content,
  );
  show(content, seq).catch((error: unknown) => fill(content, h("p", { class: "bad", role: "alert" }, why(error))));
  return { element, draw: () => {} };
}

async function show(content: HTMLElement, seq: number): Promise<void> {
  const [{ entries, size }, names] = await Promise.all([
    ask("log-show", { from: Math.max(0, seq), limit: 1, instance: null, kinds: [] }),
    ownerNames(),
  ]);
  const [entry] = entries;
  if (entry?.record.seq !== seq)
    return fill(content, h("p", { role: "status" }, `There is none: the log has ${size} records.`));
  const { record } = entry;
  const proof = h("div", { class: "card", role: "status" }, h("p", {}, "Verifying in this browser …"));
  const others = h("div");
  const payload = h("div", { role: "status" });
  fill(
    content,
    drawSummary(record, names),
    proof,
    others,
    h("h2", {}, "The record, as the log's tree has it"),
    box("Record", visibleRows(JSON.stringify(record, null, 2))),
    h("h2", {}, "What is sealed beside it"),
    payload,
  );
  await Promise.all([drawProof(proof, record), drawAction(others, { record, names }), drawPayload(payload, entry)]);
}

function drawSummary(record: LogRecord, names: Names): HTMLElement {
  const { tone, text, instance } = summariseRecord(record);
  return h(
    "div",
    {},
    h("p", {}, h("span", { class: `strong ${tone}` }, record.kind), " ", theirs(text)),
    h(
      "p",
      { class: "faint" },
      timeOf(record.at),
      instance === null ? null : [", about ", h("a", { href: `#agents/${instance}` }, instance)],
      "by" in record && typeof record.by === "object" ? [", decided by ", drawDecider(record.by, names)] : null,
    ),
  );
}

async function drawProof(place: HTMLElement, record: LogRecord): Promise<void> {
  try {
    const { proof, checked } = await checkRecord(record);
    fill(place, drawChecked(checked), saveButton(proof));
  } catch (error) {
    fill(place, h("p", { class: "bad" }, "NOT VERIFIED: ", theirs(why(error), 2000)));
  }
}

function drawChecked(checked: Checked): HTMLElement {
  if (checked.kind === "refused") return h("p", { class: "bad strong" }, "NOT VERIFIED: ", theirs(checked.why, 2000));
  const { size, key, before } = checked;
  return h(
    "div",
    {},
    h("p", { class: "good strong" }, `Verified against the checkpoint of ${size} records`),
    h("p", {}, "signed by ", h("code", { class: "theirs" }, key)),
    h(
      "p",
      { class: "faint" },
      before === null
        ? "This browser sees this log for the first time and remembers its key: compare it with what aios log verify prints."
        : `The log has grown from the ${before} records that this browser verified before, under the same key.`,
    ),
  );
}

/** Saves the proof as `aios log prove` writes it. */
function saveButton(proof: LogProof): HTMLElement {
  const save = (): void => {
    const url = URL.createObjectURL(new Blob([writeProof(proof)], { type: "text/plain" }));
    h("a", { href: url, download: `${proof.seq}.tlog-proof` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return h(
    "p",
    { class: "row" },
    h("button", { type: "button", onclick: save }, "Save the proof"),
    h("span", { class: "faint" }, "aios log check reads it on any machine"),
  );
}

/** All records of the action that a record is about, in their order: why it was let pass, held or denied. */
async function drawAction(
  place: HTMLElement,
  { record, names }: { readonly record: LogRecord; readonly names: Names },
): Promise<void> {
  if (!("action" in record)) return;
  const { entries } = await ask("log-newest", {
    from: 0,
    before: null,
    limit: MOST_OF_ACTION,
    instance: null,
    kinds: [],
    action: record.action,
    payloads: false,
  });
  const rows = entries.toReversed().flatMap(({ record: each }) => {
    const seen = actionSeen(each);
    if (seen === null) return [];
    return [
      [
        h("a", { href: `#log/${seen.seq}`, "aria-current": seen.seq === record.seq ? "true" : null }, seen.seq),
        seen.stage,
        h("span", { class: seen.tone }, seen.words),
        "by" in each && typeof each.by === "object" ? drawDecider(each.by, names) : "",
      ],
    ];
  });
  fill(
    place,
    h("h2", {}, "What became of this action, and why"),
    table("Records of this action", ["Record", "Stage", "Outcome", "Decided by"], rows),
    h("p", {}, h("a", { href: `#policy/${record.seq}` }, "What would happen to it now?")),
  );
}

/** What is shown is what was checked, to the byte. What cannot be checked here says so. */
async function drawPayload(place: HTMLElement, { record, payload }: Entry): Promise<void> {
  if (record.payload === null) return fill(place, h("p", { class: "faint" }, "Nothing."));
  const opened = await openPayload(record).catch((error: unknown) => ({ kind: "refused" as const, why: why(error) }));
  if (opened?.kind === "refused")
    return fill(place, h("p", { class: "bad strong" }, "NOT VERIFIED: ", theirs(opened.why, 2000)));
  if (opened !== null)
    return fill(
      place,
      h("p", { class: "good" }, "It is what the record commits to: this browser has made its digest."),
      drawText(JSON.stringify(JSON.parse(opened.text), null, 2), record),
    );
  if (payload === null)
    return fill(
      place,
      h("p", { class: "faint" }, "Its key was destroyed, as an owner or a rule of theirs wanted: nobody can open it."),
    );
  fill(
    place,
    h("p", { class: "bad" }, "NOT VERIFIED: it is too large to be checked here; aios log evidence checks it."),
    drawText(JSON.stringify(payload, null, 2), record),
  );
}

function drawText(text: string, { seq }: LogRecord): HTMLElement {
  const cut = text.length > MOST_SHOWN;
  return h(
    "div",
    {},
    box("Payload", visibleRows(text.slice(0, MOST_SHOWN).toWellFormed())),
    cut
      ? h(
          "p",
          { class: "faint" },
          `${text.length - MOST_SHOWN} characters more: aios log show --from ${seq} --limit 1 --payload`,
        )
      : null,
  );
}
