import type { RecordKind } from "../protocol/record.ts";
import { ask, why } from "./api.ts";
import { recordLine } from "./agents.ts";
import { empty, fill, h } from "./dom.ts";
import type { View } from "./view.ts";

/** Records of one page. */
const PAGE = 50;

/** What people look for, as kinds of records; none is all. */
const ABOUT: { readonly [words: string]: readonly RecordKind[] } = {
  everything: [],
  actions: ["held", "approved", "denied", "intent", "outcome"],
  "what was denied, refused and stopped": [
    "denied",
    "refused",
    "terminal",
    "limit-reached",
    "instance-frozen",
    "instance-resumed",
    "all-frozen",
    "hold-asked",
    "driver-quarantined",
    "driver-ended",
    "calls-refused",
    "files-refused",
  ],
  "what owners signed": [
    "owner-enrolled",
    "owner-removed",
    "recovery-set",
    "recovery-begun",
    "recovery-stopped",
    "grant-signed",
    "grant-revoked",
    "policy-set",
    "approved",
    "secret-set",
    "secret-rotated",
    "secret-bound",
    "secret-removed",
    "provider-set",
    "provider-removed",
    "witnesses-set",
    "telemetry-set",
    "second-screen-set",
    "publishers-set",
    "retention-set",
    "payload-erased",
    "instance-thawed",
    "all-thawed",
    "hold-lifted",
    "home-put",
    "home-wiped",
    "memory-frozen",
    "memory-erased",
    "memory-budget-set",
    "memory-imported",
    "agent-restarted",
    "clock-set",
  ],
  "starts and ends of agents": ["instance-started", "instance-ended", "terminal", "agent-restarted"],
  "what happened inside": [
    "programs-started",
    "probe-observed",
    "files-written",
    "files-undone",
    "calls-refused",
    "files-refused",
    "labelled",
  ],
  memory: [
    "memory-kept",
    "memory-expired",
    "memory-destroyed",
    "memory-proposed",
    "memory-quarantined",
    "memory-released",
  ],
  extensions: [
    "extension-added",
    "extension-attested",
    "extension-published",
    "extension-quarantined",
    "extension-removed",
  ],
  "the monitor and the console": [
    "start",
    "stop",
    "backup-made",
    "restored",
    "console-opened",
    "console-closed",
    "console-entered",
    "console-visited",
    "owner-signed-in",
    "passkey-rolled-back",
    "witness-refused",
  ],
};

/** The log, page by page, the newest first; each record has a page of its own, on which it is verified. */
export function logView(instance: string): View {
  const list = h("ol", { class: "records" });
  const place = h("p", { class: "faint", role: "status" });
  const about = h(
    "select",
    { id: "about", onchange: () => begin() },
    Object.keys(ABOUT).map((words) => h("option", { value: words }, words)),
  );
  const whose = h("input", {
    type: "search",
    id: "instance",
    value: instance,
    placeholder: "Instance, all by default",
    maxlength: 128,
    spellcheck: "false",
    onchange: () => begin(),
  });
  const newer = h("button", { type: "button", onclick: () => turn(pages.slice(0, -2)) }, "Newer");
  const older = h("button", { type: "button", onclick: () => turn(pages) }, "Older");
  const element = h(
    "section",
    { "aria-labelledby": "title" },
    h("h1", { id: "title" }, "Log"),
    h(
      "div",
      { class: "row" },
      h("label", { for: "about", class: "hidden" }, "About"),
      about,
      h("label", { for: "instance", class: "hidden" }, "Instance"),
      whose,
      h("button", { type: "button", onclick: () => begin() }, "Newest"),
    ),
    place,
    list,
    h("p", { class: "row" }, newer, older),
  );
  /** Where each page that was turned to ends: below which number the next one is. The last is the one that is shown. */
  let pages: readonly number[] = [];
  let asked = 0;

  async function show(before: readonly number[]): Promise<void> {
    const mine = (asked += 1);
    const { entries, size, more } = await ask("log-newest", {
      from: 0,
      before: before.at(-1) ?? null,
      limit: PAGE,
      instance: whose.value.trim() === "" ? null : whose.value.trim(),
      kinds: ABOUT[about.value] ?? [],
      action: null,
      payloads: false,
    });
    // Somebody has turned on meanwhile.
    if (mine !== asked) return;
    const [first, last] = [entries[0]?.record.seq, entries.at(-1)?.record.seq];
    pages = [...before, last ?? 0];
    newer.disabled = before.length === 0;
    older.disabled = !more;
    fill(place, last === undefined ? `None of ${size} records.` : `Records ${last} to ${first} of ${size}.`);
    fill(
      list,
      entries.length === 0 ? h("li", {}, empty("No record is like that.")) : null,
      entries.map(({ record }) => recordLine(record)),
    );
  }
  const turn = (before: readonly number[]): void =>
    void show(before).catch((error: unknown) => fill(place, h("span", { class: "bad" }, why(error))));
  const begin = (): void => turn([]);
  begin();
  return { element, draw: () => {} };
}
