import { isObject, type JsonValue } from "../../kernel/json.ts";
import type { LogRecord } from "../../protocol/record.ts";
import { summariseRecord } from "../../showing/describe-record.ts";

/** Rows of a list in a report; what is over is counted, and in the records all the same. */
const MOST = 5000;

/** A list that stops growing. */
export interface Rows<Row> {
  readonly rows: readonly Row[];
  /** How many there were, those that have no row included. */
  readonly count: number;
}

/** A human's answer to an action, or a grant that answered for one. */
export interface Answer {
  readonly seq: number;
  readonly at: number;
  readonly what: string;
  readonly agent: string;
  readonly verdict: "allowed" | "denied";
  readonly key: string;
  /** Milliseconds that it waited; null when its asking is not in this evidence. */
  readonly waited: number | null;
}

export interface Authority {
  readonly seq: number;
  readonly at: number;
  readonly what: string;
  readonly key: string;
}

export interface Course {
  readonly instance: string;
  readonly agent: string;
  readonly started: number | null;
  readonly ended: number | null;
  readonly why: string;
}

/** What an agent did with one tool. */
export interface Tally {
  readonly agent: string;
  readonly what: string;
  asked: number;
  held: number;
  ran: number;
  failed: number;
  denied: number;
}

export interface Happening {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly who: string;
  readonly text: string;
}

/** What a report tells, summed up from records. */
export interface Story {
  readonly records: number;
  readonly leftOut: number;
  readonly first: number | null;
  readonly last: number | null;
  readonly owners: readonly {
    readonly key: string;
    readonly name: string;
    readonly at: number;
    readonly seq: number;
  }[];
  readonly authority: Rows<Authority>;
  readonly answers: Rows<Answer>;
  readonly courses: Rows<Course>;
  readonly tallies: readonly Tally[];
  readonly incidents: Rows<Happening>;
  readonly erased: Rows<Happening>;
  readonly timeline: Rows<Happening>;
  /** Payloads that records name and this evidence does not have. */
  readonly notGiven: number;
}

/** Takes records in their order and tells what they add up to. */
export interface StoryFold {
  /** One of before the stretch that is asked for: authority alone. */
  addBackground(record: LogRecord, payload: JsonValue): void;
  add(record: LogRecord, payload: JsonValue): void;
  leaveOut(): void;
  tell(): Story;
}

/** Kinds that an auditor looks at first. */
const INCIDENTS: ReadonlySet<LogRecord["kind"]> = new Set([
  "terminal",
  "instance-frozen",
  "all-frozen",
  "restored",
  "limit-reached",
  "driver-quarantined",
  "refused",
  "hold-asked",
  "secret-not-refreshed",
  "passkey-rolled-back",
  "witness-refused",
  "recovery-begun",
  "files-refused",
  "calls-refused",
]);

/** Records that name a key that signed nothing of an owner's authority. */
const UNSIGNED: ReadonlySet<LogRecord["kind"]> = new Set(["port-entered", "owner-signed-in", "passkey-rolled-back"]);

/** Begins a story in which nothing has happened. */
export function createStory(): StoryFold {
  const agents = new Map<string, string>();
  const asked = new Map<string, number>();
  const owners: Story["owners"][number][] = [];
  const courses = new Map<string, { -readonly [field in keyof Course]: Course[field] }>();
  const tallies = new Map<string, Tally>();
  const [authority, answers, incidents, erased, timeline] = [
    createRows<Authority>(),
    createRows<Answer>(),
    createRows<Happening>(),
    createRows<Happening>(),
    createRows<Happening>(),
  ];
  let [records, leftOut, notGiven] = [0, 0, 0];
  let first: number | null = null;
  let last: number | null = null;

  function addAuthority(record: LogRecord, payload: JsonValue): void {
    if (!("key" in record) || UNSIGNED.has(record.kind)) return;
    const { seq, at, kind, key } = record;
    if (record.kind === "owner-enrolled") owners.push({ key: record.owner, name: nameIn(payload), at, seq });
    authority.add({ seq, at, what: `${kind}: ${summariseRecord(record).text}`, key });
  }

  function addAnswer(record: LogRecord): void {
    if ((record.kind !== "approved" && record.kind !== "denied") || record.by.kind !== "owner") return;
    const { seq, at, what, agent, by, action } = record;
    const since = asked.get(action);
    const verdict = record.kind === "approved" ? "allowed" : "denied";
    answers.add({ seq, at, what, agent, verdict, key: by.key, waited: since === undefined ? null : at - since });
  }

  function addCourse(record: LogRecord): void {
    if (record.kind === "instance-started") {
      const { instance, agent, at } = record;
      courses.set(instance, { instance, agent, started: at, ended: null, why: "" });
    } else if (record.kind === "instance-ended" || record.kind === "terminal") {
      const course = courses.get(record.instance);
      const ended = { ended: record.at, why: record.kind === "terminal" ? `terminal: ${record.code}` : record.why };
      if (course === undefined) {
        const agent = agents.get(record.instance) ?? "";
        courses.set(record.instance, { instance: record.instance, agent, started: null, ...ended });
      } else if (course.ended === null) Object.assign(course, ended);
    }
  }

  function addTally(record: LogRecord): void {
    const kind = record.kind;
    if (kind !== "held" && kind !== "intent" && kind !== "outcome" && kind !== "denied") return;
    const key = `${record.agent} ${record.what}`;
    const tally = tallies.get(key) ?? {
      agent: record.agent,
      what: record.what,
      asked: 0,
      held: 0,
      ran: 0,
      failed: 0,
      denied: 0,
    };
    if (kind === "held") tally.held += 1;
    else if (kind === "denied") tally.denied += 1;
    else if (kind === "intent") tally.ran += 1;
    else if (record.result !== "ok") tally.failed += 1;
    if (tallies.size < MOST || tallies.has(key)) tallies.set(key, tally);
  }

  return {
    addBackground(record, payload) {
      if (record.kind === "instance-started") agents.set(record.instance, record.agent);
      addAuthority(record, payload);
    },
    add(record, payload) {
      records += 1;
      first ??= record.at;
      last = record.at;
      if (record.kind === "instance-started") agents.set(record.instance, record.agent);
      if (record.kind === "held") asked.set(record.action, record.at);
      if (record.payload !== null && payload === null) notGiven += 1;
      addAuthority(record, payload);
      addAnswer(record);
      addCourse(record);
      addTally(record);
      const { instance, text } = summariseRecord(record);
      const who = "agent" in record ? record.agent : instance === null ? "" : (agents.get(instance) ?? instance);
      const happening = { seq: record.seq, at: record.at, kind: record.kind, who, text };
      if (INCIDENTS.has(record.kind)) incidents.add(happening);
      if (record.kind === "payload-erased" || record.kind === "payloads-expired") erased.add(happening);
      timeline.add(happening);
    },
    leaveOut() {
      leftOut += 1;
    },
    tell: () => ({
      records,
      leftOut,
      first,
      last,
      owners,
      notGiven,
      authority: authority.get(),
      answers: answers.get(),
      courses: { rows: [...courses.values()].slice(0, MOST), count: courses.size },
      tallies: [...tallies.values()].map((tally) => ({ ...tally, asked: tally.ran + tally.denied })),
      incidents: incidents.get(),
      erased: erased.get(),
      timeline: timeline.get(),
    }),
  };
}

function createRows<Row>(): { add(row: Row): void; get(): Rows<Row> } {
  const rows: Row[] = [];
  let count = 0;
  return {
    add(row) {
      count += 1;
      if (rows.length < MOST) rows.push(row);
    },
    get: () => ({ rows, count }),
  };
}

function nameIn(payload: JsonValue): string {
  const document = isObject(payload) ? payload["document"] : null;
  const name = isObject(document) ? document["name"] : null;
  return typeof name === "string" ? name : "";
}
