import type { InstanceView } from "../protocol/requests.ts";
import type { Counts } from "./counts.ts";
import { showMoney } from "./describe-inference.ts";
import type { Deeds } from "./instance-deeds.ts";
import { join, line, type Line, type Tone } from "./line.ts";
import { showSpan } from "./moment.ts";
import { makeVisible } from "./visible.ts";

/** Names that a line has room for, and characters of one. */
const NAMES = 4;
const LONGEST = 60;

/** What did it do? At most ten lines, what nobody needs to read left out. Pure; visible text. */
export function tellDeeds(
  deeds: Deeds,
  { view, now }: { readonly view: Pick<InstanceView, "state" | "since" | "held" | "why"> | null; readonly now: number },
): readonly Line[] {
  const lines = [
    tellRun(deeds, { view, now }),
    ...tellTask(deeds),
    ...tellActions(deeds),
    ...tellAsked(deeds, view?.held ?? 0),
    ...tellCounts("Started", deeds.programs, "program"),
    ...tellCounts("Wrote", deeds.files, "file"),
    ...tellCounts("Reached", deeds.hosts, "host"),
    ...tellSecrets(deeds.secrets),
    ...tellModels(deeds),
    ...tellStops(deeds),
  ];
  return lines.length > 1 ? lines : [...lines, line("Nothing of it left its sandbox.", "faint")];
}

function tellRun(
  { started, ended }: Deeds,
  { view, now }: { readonly view: Pick<InstanceView, "state" | "since" | "why"> | null; readonly now: number },
): Line {
  const since = started?.at ?? view?.since ?? now;
  const command = started === null || started.command.length === 0 ? "" : `: ${names(started.command, " ")}`;
  if (ended !== null)
    return join(`Ran for ${showSpan(ended.at - since)}, then ${makeVisible(ended.words)}`, ["faint", command]);
  if (view?.state === "running" || view?.state === "frozen") {
    const tone: Tone = view.state === "frozen" ? "wait" : "good";
    return join([tone, view.state === "frozen" ? "Frozen" : "Runs"], ` for ${showSpan(now - since)}`, [
      "faint",
      command,
    ]);
  }
  return join(`Ended: ${makeVisible(view?.why ?? "the monitor ended before it")}`, ["faint", command]);
}

function tellTask({ started }: Deeds): readonly Line[] {
  const words = started?.words.join(" ") ?? "";
  return words === "" ? [] : [join("You asked it: ", ["strong", short(words, 3 * LONGEST)])];
}

function tellActions({ done, failed, denied }: Deeds): readonly Line[] {
  if (done.total + failed.total + denied.total === 0) return [];
  const parts = [
    ...(done.total > 0 ? [`${done.total} done (${top(done)})`] : []),
    ...(failed.total > 0 ? [`${failed.total} failed (${top(failed)})`] : []),
    ...(denied.total > 0 ? [`${denied.total} denied (${top(denied)})`] : []),
  ];
  return [line(`Actions: ${parts.join(", ")}`, denied.total > 0 ? "bad" : "plain")];
}

function tellAsked({ asked }: Deeds, waiting: number): readonly Line[] {
  if (asked.held === 0 && waiting === 0) return [];
  const waits = waiting > 0 ? `, ${waiting} wait${waiting === 1 ? "s" : ""} now` : "";
  const times = asked.held === 1 ? "once" : `${asked.held} times`;
  return [
    line(
      `Asked people ${times}: ${asked.allowed} allowed, ${asked.denied} denied${waits}`,
      waiting > 0 ? "wait" : "plain",
    ),
  ];
}

function tellCounts(verb: string, counts: Counts, noun: string): readonly Line[] {
  if (counts.total === 0) return [];
  const times = counts.total === 1 ? "once" : `${counts.total} times`;
  const kinds = counts.names.length;
  const many = kinds === 0 ? `a ${noun}` : `${kinds} ${noun}${kinds === 1 ? "" : "s"}`;
  return [line(`${verb} ${many}, ${times}${kinds === 0 ? "" : `: ${top(counts)}`}`)];
}

function tellSecrets(secrets: Counts): readonly Line[] {
  return secrets.total === 0
    ? []
    : [line(`Used, without seeing ${secrets.names.length === 1 ? "it" : "them"}: ${top(secrets)}`, "wait")];
}

function tellModels({ models, spent }: Deeds): readonly Line[] {
  if (models.total === 0 && spent.input + spent.output === 0) return [];
  const asked =
    models.total === 0 ? "Asks a model" : `Asked models ${models.total === 1 ? "once" : `${models.total} times`}`;
  const which = models.names.length === 0 ? "" : ` (${top(models)})`;
  return [
    join(`${asked}${which}: ${spent.input} tokens in, ${spent.output} out, `, [
      "strong",
      `cost ${showMoney(spent.cost)}`,
    ]),
  ];
}

function tellStops({ labels, refused, stops }: Deeds): readonly Line[] {
  const parts = [
    ...(labels.length > 0 ? [`took in ${[...new Set(labels.map(({ label }) => label))].join(", ")} data`] : []),
    ...(refused.calls > 0 ? [`${refused.calls} system calls refused`] : []),
    ...(refused.files > 0 ? [`${refused.files} changes to files refused`] : []),
    ...stops.slice(-2).map((words) => short(words, 2 * LONGEST)),
  ];
  if (parts.length === 0) return [];
  const [first = "", ...rest] = parts;
  const text = [first.charAt(0).toUpperCase() + first.slice(1), ...rest].join("; ");
  return [line(text, stops.length > 0 || refused.files > 0 ? "bad" : "wait")];
}

/** The most frequent names, with how often each came. */
function top({ names: all }: Counts): string {
  const shown = all.slice(0, NAMES).map(({ name, times }) => `${short(name)}${times === 1 ? "" : ` ×${times}`}`);
  return [...shown, ...(all.length > NAMES ? [`${all.length - NAMES} more`] : [])].join(", ");
}

function names(words: readonly string[], between: string): string {
  return short(words.join(between), 2 * LONGEST);
}

/** A name as a line has room for it: of a path its end says most. */
function short(text: string, longest: number = LONGEST): string {
  const shown = makeVisible(text);
  if (shown.length <= longest) return shown;
  const cut = text.startsWith("/") ? `…${shown.slice(shown.length - longest)}` : `${shown.slice(0, longest)}…`;
  return cut.toWellFormed();
}
