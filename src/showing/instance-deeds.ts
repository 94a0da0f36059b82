import type { Stage } from "../kernel/codes.ts";
import type { Label } from "../kernel/grant.ts";
import type { Spent } from "../kernel/infer.ts";
import { isArray, isObject, type JsonValue } from "../kernel/json.ts";
import type { LogRecord } from "../protocol/record.ts";
import { createCounter, type Counts } from "./counts.ts";
import { describeLimit } from "./describe-limits.ts";
import type { Tone } from "./line.ts";
import { asks, factsOf, reaches, spentOf, type RecordFacts } from "./record-facts.ts";

/** An action as the last record of it has it. */
export interface ActionSeen {
  /** Number of that record. */
  readonly seq: number;
  readonly at: number;
  readonly action: string;
  readonly what: string;
  readonly stage: Stage;
  readonly words: string;
  readonly tone: Tone;
}

/** What one instance did, as its records tell it. Words in it may be an agent's; whoever shows them makes them visible. */
export interface Deeds {
  readonly records: number;
  readonly started: {
    readonly at: number;
    readonly command: readonly string[];
    readonly words: readonly string[];
  } | null;
  readonly ended: { readonly at: number; readonly words: string } | null;
  /** Stages at which an owner wants to see every action. */
  readonly holdAt: readonly Stage[];
  readonly labels: readonly { readonly label: Label; readonly because: string; readonly at: number }[];
  /** What was tried, by `driver/tool`. */
  readonly done: Counts;
  readonly failed: Counts;
  readonly denied: Counts;
  /** How often a person was asked, and what they said. */
  readonly asked: { readonly held: number; readonly allowed: number; readonly denied: number };
  readonly programs: Counts;
  readonly files: Counts;
  readonly hosts: Counts;
  readonly secrets: Counts;
  readonly models: Counts;
  /** What calls of models have spent; those under way by what they are expected to. */
  readonly spent: Spent;
  readonly refused: { readonly calls: number; readonly files: number };
  /** What stopped it, or would have: the newest last. */
  readonly stops: readonly string[];
  /** The latest actions, the newest first. */
  readonly actions: readonly ActionSeen[];
}

/** Takes the records of one instance in their order. */
export interface DeedsFold {
  add(record: LogRecord, payload: JsonValue): void;
  sum(): Deeds;
}

/** Actions and stops that are kept; older ones are in the log. */
const ACTIONS = 50;
const STOPS = 16;
/** Intents whose outcome may still come. */
const OPEN = 1000;

type Takes = {
  readonly [K in LogRecord["kind"]]?: (record: Extract<LogRecord, { kind: K }>, payload: JsonValue) => void;
};
type Mutable<T> = { -readonly [field in keyof T]: T[field] };

/** Begins with nothing done. Records of other instances are passed over. */
export function createDeeds(instance: string): DeedsFold {
  const counters = {
    done: createCounter(),
    failed: createCounter(),
    denied: createCounter(),
    programs: createCounter(),
    files: createCounter(),
    hosts: createCounter(),
    secrets: createCounter(),
    models: createCounter(),
  };
  const open = new Map<number, RecordFacts>();
  const actions = new Map<string, ActionSeen>();
  const labels: Mutable<Deeds["labels"][number]>[] = [];
  const stops: string[] = [];
  const spent = { input: 0, output: 0, cost: 0 };
  const asked = { held: 0, allowed: 0, denied: 0 };
  const refused = { calls: 0, files: 0 };
  let [records, holdAt]: [number, readonly Stage[]] = [0, []];
  let started: Deeds["started"] = null;
  let ended: Deeds["ended"] = null;

  /** What an intent names has happened, unless its outcome says that it did not. */
  function settle(record: Extract<LogRecord, { kind: "outcome" }>, payload: JsonValue): void {
    counters[record.result === "ok" ? "done" : "failed"].add(record.what);
    const facts = open.get(record.intent);
    open.delete(record.intent);
    const actual = spentOf(record, payload, facts?.expected ?? null);
    if (actual !== null) addSpent(spent, actual);
    if (record.result === "failed") return;
    // An intent that is not at hand, or is too long for a page of many, still counts.
    if (reaches(record.what)) counters.hosts.add(facts?.host ?? "");
    if (asks(record.what)) counters.models.add(facts?.model ?? "");
    for (const secret of facts?.secrets ?? []) counters.secrets.add(secret);
  }

  function note(record: LogRecord): void {
    const action = actionSeen(record);
    if (action === null) return;
    actions.delete(action.action);
    actions.set(action.action, action);
    const [oldest] = actions.keys();
    if (actions.size > ACTIONS && oldest !== undefined) actions.delete(oldest);
  }

  function stop(words: string): void {
    stops.push(words);
    if (stops.length > STOPS) stops.shift();
  }

  /** What records of a kind tell; those of the others tell nothing of what it did. */
  const takes: Takes = {
    "instance-started": ({ at }, payload) => {
      started = { at, command: textsIn(payload, "command"), words: textsIn(payload, "words") };
    },
    "instance-ended": ({ at, why, exit }) => {
      ended ??= { at, words: `${why}${exit === null ? "" : `, exit ${exit}`}` };
    },
    terminal({ at, code, by }) {
      ended = { at, words: `ended for good: ${code}` };
      stop(`tried to climb: ${code}, ${by}`);
    },
    "limit-reached": ({ limit, most, driver }) =>
      stop(`limit reached${driver === undefined ? "" : ` by server ${driver}`}: ${describeLimit(limit, most)}`),
    "instance-frozen": ({ code }) => stop(`frozen: ${code}`),
    "instance-thawed": ({ key }) => stop(`thawed by ${key}`),
    "instance-resumed": ({ why }) => stop(`went on: ${why}`),
    "hold-asked": ({ stages }) => void (holdAt = stages),
    "hold-lifted": () => void (holdAt = []),
    labelled({ labels: more, because, at }) {
      for (const label of more) labels.push({ label, because, at });
    },
    "programs-started": (record, payload) => {
      const { programs } = factsOf(record, payload);
      for (const program of programs) counters.programs.add(program);
      // A payload that is gone still says how many.
      counters.programs.add("", record.count - programs.length);
    },
    "files-written": (record, payload) => {
      const { files } = factsOf(record, payload);
      for (const { path } of files) counters.files.add(path);
      counters.files.add("", record.count - files.length);
    },
    "calls-refused": ({ calls }) => {
      refused.calls += Object.values(calls).reduce((sum, times) => sum + times, 0);
    },
    "files-refused": ({ count }) => void (refused.files += count),
    held: () => void (asked.held += 1),
    approved: ({ by }) => void (asked.allowed += by.kind === "owner" ? 1 : 0),
    denied({ by, what }) {
      asked.denied += by.kind === "owner" ? 1 : 0;
      counters.denied.add(what);
    },
    intent(record, payload) {
      if (open.size < OPEN) open.set(record.seq, factsOf(record, payload));
    },
    outcome: settle,
  };

  return {
    add(record, payload) {
      if (!("instance" in record) || record.instance !== instance) return;
      records += 1;
      note(record);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the entry of this very kind
      const take = takes[record.kind] as ((record: LogRecord, payload: JsonValue) => void) | undefined;
      take?.(record, payload);
    },
    sum() {
      const pending = { ...spent };
      for (const { expected } of open.values()) if (expected !== null) addSpent(pending, expected);
      const { done, failed, denied, programs, files, hosts, secrets, models } = counters;
      return {
        records,
        started,
        ended,
        holdAt,
        labels: [...labels],
        done: done.sum(),
        failed: failed.sum(),
        denied: denied.sum(),
        asked: { ...asked },
        programs: programs.sum(),
        files: files.sum(),
        hosts: hosts.sum(),
        secrets: secrets.sum(),
        models: models.sum(),
        spent: pending,
        refused: { ...refused },
        stops: [...stops],
        actions: [...actions.values()].toReversed(),
      };
    },
  };
}

/** What a record says of an action: the stage that it has come to, and how it stands there. Null for a record of none. */
export function actionSeen(record: LogRecord): ActionSeen | null {
  const { kind } = record;
  if (kind === "held")
    return seen(record, "approve", { words: `waits for a person: ${record.reasons.join(", ")}`, tone: "wait" });
  if (kind === "approved") return seen(record, "approve", { words: "approved", tone: "good" });
  if (kind === "denied") return seen(record, record.stage, { words: `denied: ${record.code}`, tone: "bad" });
  if (kind === "intent") return seen(record, "execute", { words: "under way, or unknown", tone: "plain" });
  if (kind !== "outcome") return null;
  const { result, code, micros } = record;
  const end = `${result === "ok" ? "done" : result}${code === null ? "" : `: ${code}`}`;
  const words = `${end}, ${(micros / 1000).toFixed(1)} ms`;
  return seen(record, "audit", { words, tone: result === "ok" ? "good" : "bad" });
}

function seen(
  { seq, at, action, what }: Pick<ActionSeen, "seq" | "at" | "action" | "what">,
  stage: Stage,
  { words, tone }: Pick<ActionSeen, "words" | "tone">,
): ActionSeen {
  return { seq, at, action, what, stage, words, tone };
}

function addSpent(sum: Mutable<Spent>, more: Spent): void {
  sum.input += more.input;
  sum.output += more.output;
  sum.cost += more.cost;
}

function textsIn(payload: JsonValue, field: string): readonly string[] {
  const list = payload !== null && isObject(payload) ? payload[field] : null;
  return list !== undefined && list !== null && isArray(list) ? list.filter((each) => typeof each === "string") : [];
}
