import { isObject, type JsonValue } from "../kernel/json.ts";
import { isEnding } from "../kernel/sandbox-limits.ts";
import type { LogRecord } from "../protocol/record.ts";
import { summariseRecord } from "../showing/describe-record.ts";
import { join, line, type Line } from "../showing/line.ts";
import type { InstanceView } from "../protocol/requests.ts";
import type { MonitorClient } from "./powers.ts";
import { makeVisible } from "../showing/visible.ts";

interface Entry {
  readonly record: LogRecord;
  readonly payload: JsonValue;
}

/** A program that was started inside, as the log has it. */
interface Started {
  readonly pid: number;
  readonly parent: number;
  readonly words: string;
}

/** Records that say why an instance stopped, and that it went on. */
const TURNS = ["terminal", "limit-reached", "instance-frozen", "instance-thawed", "instance-resumed", "instance-ended"];
/** The code of a freeze that `all-thawed` lifts. */
const ALL_FROZEN = "all-frozen";
/** That of a freeze that gives way to any other, and that `instance-resumed` lifts. */
const LOG_UNAVAILABLE = "log-unavailable";
/** What may have led to a freeze. */
const LEADS = ["denied", "calls-refused"];
const LEADS_SHOWN = 5;
const MOST_RECORDS = 10_000;
/** Characters of an action or a command line that are shown; the rest is in the log. */
const MOST_SHOWN = 600;
/** How a record says which process made a system call. */
const OF_PROCESS = / of process ([1-9][0-9]*)$/u;

/**
 * What stopped an instance, for the person who decides whether that was a false alarm: the record, what was tried, and
 * the programs that led to it. All words in it are an agent's or of its making, and made visible.
 */
export async function describeCause(
  client: MonitorClient,
  { instance, state, why }: Pick<InstanceView, "instance" | "state" | "why">,
): Promise<readonly Line[]> {
  const show = async (kinds: readonly string[], of: string | null = instance): Promise<readonly Entry[]> =>
    (await client.request("log-show", { from: 0, limit: MOST_RECORDS, instance: of, kinds: [...kinds] })).entries;
  const turns = [...(await show(TURNS)), ...(await show(["all-thawed"], null))];
  const cause = causeIn(turns.toSorted((one, other) => one.record.seq - other.record.seq));
  if (cause === null || (state === "frozen" && cause.record.kind !== "instance-frozen"))
    return [line(`The log has no record of why it stopped${why === null ? "." : `: ${makeVisible(why)}.`}`, "wait")];
  const lines: Line[] = [describeEntry(cause)];
  if (cause.record.kind === "instance-frozen") {
    const { seq } = cause.record;
    const led = (await show(LEADS)).filter(({ record }) => record.seq < seq);
    lines.push(...led.slice(-LEADS_SHOWN).map(describeEntry));
  }
  const pid = processOf(cause);
  if (pid === null) return lines;
  const tree = familyOf(await show(["programs-started"]), pid);
  if (tree.length === 0) return lines;
  return [
    ...lines,
    line("Programs that led to it, the first one outermost:"),
    ...tree.map(({ words }, depth) => line(`${"  ".repeat(depth + 1)}${makeVisible(words)}`, "faint")),
  ];
}

/**
 * The record that counts: what ended it for good; else the limit that did; else the freeze that stands, which is the first one
 * since it was last let go on, or the first that is not
 * for the log; else its end. A freeze that was lifted is no cause of anything.
 */
function causeIn(turns: readonly Entry[]): Entry | null {
  const last = (kind: LogRecord["kind"]): Entry | undefined =>
    turns.findLast(({ record }) => record.kind === kind && (record.kind !== "limit-reached" || isEndOfAgent(record)));
  let freeze: Entry | null = null;
  for (const entry of turns) {
    const { record } = entry;
    if (record.kind === "instance-frozen") freeze = freeze === null || isOf(freeze, LOG_UNAVAILABLE) ? entry : freeze;
    else if (record.kind === "instance-thawed") freeze = null;
    else if (record.kind === "instance-resumed" && isOf(freeze, LOG_UNAVAILABLE)) freeze = null;
    else if (record.kind === "all-thawed" && isOf(freeze, ALL_FROZEN)) freeze = null;
  }
  return last("terminal") ?? last("limit-reached") ?? freeze ?? last("instance-ended") ?? null;
}

/** Whether it ended the instance: over a limit of its own a server ends, and its agent goes on. */
function isEndOfAgent({ limit, driver }: Extract<LogRecord, { kind: "limit-reached" }>): boolean {
  return driver === undefined && isEnding(limit);
}

function isOf(freeze: Entry | null, code: string): boolean {
  return freeze?.record.kind === "instance-frozen" && freeze.record.code === code;
}

function describeEntry({ record, payload }: Entry): Line {
  const tried = [textIn(payload, "what"), textIn(payload, "action")].filter((text) => text !== "").join(": ");
  // Of a system call what is named is the program that made it.
  const how = isOfProcess(record) ? ", which ran" : "; it tried";
  return join(["bad", `record ${record.seq}: ${record.kind} `], makeVisible(summariseRecord(record).text), [
    "faint",
    tried === "" ? "" : `${how} ${makeVisible(cut(tried))}`,
  ]);
}

function isOfProcess(record: LogRecord): boolean {
  return record.kind === "terminal" && OF_PROCESS.test(record.by);
}

/** The process that made the call, as the record or its first example names it. */
function processOf({ record, payload }: Entry): number | null {
  const named = record.kind === "terminal" ? OF_PROCESS.exec(record.by)?.[1] : undefined;
  if (named !== undefined) return Number(named);
  const [example] = listIn(payload, "examples");
  return example === undefined ? null : numberIn(example, "pid");
}

/** The start of a process and those of its parents, outermost first. */
function familyOf(entries: readonly Entry[], pid: number): readonly Started[] {
  const started = new Map<number, Started>();
  for (const { payload } of entries) {
    for (const program of listIn(payload, "programs")) {
      const words = listIn(program, "arguments").filter((word) => typeof word === "string");
      const each = { pid: numberIn(program, "pid") ?? 0, parent: numberIn(program, "parent") ?? 0 };
      // A process that became another program is what it became last.
      started.set(each.pid, { ...each, words: cut([textIn(program, "program"), ...words.slice(1)].join(" ")) });
    }
  }
  const family: Started[] = [];
  // A process that only forked started nothing; its parent is not known then, and the line ends there.
  for (let each = started.get(pid); each !== undefined && !family.includes(each); each = started.get(each.parent)) {
    family.unshift(each);
  }
  return family;
}

function cut(text: string): string {
  return text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN)} ...`;
}

function textIn(value: JsonValue, name: string): string {
  const found = value !== null && isObject(value) ? value[name] : undefined;
  return typeof found === "string" ? found : "";
}

function numberIn(value: JsonValue, name: string): number | null {
  const found = value !== null && isObject(value) ? value[name] : undefined;
  return typeof found === "number" ? found : null;
}

function listIn(value: JsonValue, name: string): readonly JsonValue[] {
  const found = value !== null && isObject(value) ? value[name] : undefined;
  return Array.isArray(found) ? found : [];
}
