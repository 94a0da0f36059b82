import {
  MOST_LINES,
  MOST_TEXT,
  SECTIONS,
  type DigestAgent,
  type DigestLine,
  type DigestSum,
  type DigestUse,
  type Section,
} from "../protocol/digest.ts";
import type { LogRecord } from "../protocol/record.ts";
import { eventsOf, NO_FACTS, type DigestFacts } from "./digest-events.ts";

type Running = DigestSum["running"][number];

/** What a digest knows of a stretch of the log: plain data, from which another digest goes on. */
export interface DigestPiece {
  readonly agents: readonly DigestAgent[];
  /** Uses of grants, leases among them. */
  readonly uses: readonly DigestUse[];
  readonly lines: readonly (DigestLine & { readonly section: Section })[];
  readonly uncounted: readonly (Pick<DigestLine, "kind" | "who" | "times"> & { readonly section: Section })[];
  readonly started: readonly Running[];
  /** Instances that ended and did not start in this stretch. */
  readonly ended: readonly string[];
}

/** Takes records one after the other and keeps what is equal as one line. */
export interface DigestFold {
  /** `facts` is what the record's payload says, where it has one that opens. */
  add(record: LogRecord, facts?: DigestFacts): void;
  /** As if the records of the piece had been added, in their order. */
  take(piece: DigestPiece): void;
  piece(): DigestPiece;
  /** `isLease` says of a grant's id whether it lets reserved actions run without asking. */
  sum(isLease: (grant: string) => boolean): DigestSum;
}

/** Lines of one kind and one agent that are kept apart: whoever makes more of them does not fill our memory. */
const LINES = 256;
/** The same for agents, and for grants of them. */
const NAMES = 1024;

/**
 * Starts an empty digest. Records come in their order, of one stretch of the log. Pure: it reads no clock, and equal records
 * give equal digests. `agentOf` knows instances that started before the stretch; null for one that it does not know.
 */
export function createDigest(agentOf: (instance: string) => string | null = () => null): DigestFold {
  const known = new Map<string, string>();
  const running = new Map<string, Running>();
  const ended = new Set<string>();
  const agents = new Map<string, Mutable<DigestAgent>>();
  const uses = new Map<string, Mutable<DigestUse>>();
  const parts = new Map<Section, Map<string, Source>>();

  const nameOf = (instance: string): string => known.get(instance) ?? agentOf(instance) ?? instance;

  function sourceOf(section: Section, { kind, who }: Pick<DigestLine, "kind" | "who">): Source {
    const sources = entry(parts, section, () => new Map<string, Source>());
    return entry(sources, `${kind} ${who}`, () => ({ kind, who, lines: new Map(), uncounted: 0 }));
  }
  function start(one: Running): void {
    known.set(one.instance, one.agent);
    running.set(one.instance, one);
  }
  function end(instance: string): void {
    if (!running.delete(instance)) ended.add(instance);
  }
  function use(one: DigestUse): void {
    const key = `${one.grant} ${one.agent}`;
    const before = uses.get(key);
    if (before !== undefined) {
      before.times += one.times;
      before.last = one.last;
    } else if (uses.size < NAMES) uses.set(key, { ...one });
  }
  function addCounts(agent: string, counts: Counts): void {
    if (!agents.has(agent) && agents.size >= NAMES) return;
    const sum = entry(agents, agent, () => ({ agent, ...NOTHING }));
    for (const name of COUNTS) sum[name] += counts[name] ?? 0;
  }

  return {
    add(record, facts = NO_FACTS) {
      const { at } = record;
      if (record.kind === "instance-started") start({ instance: record.instance, agent: record.agent, since: at });
      if (record.kind === "instance-ended") end(record.instance);
      const counts = countsOf(record, facts);
      if (counts !== null && "agent" in record) addCounts(record.agent, counts);
      if (record.kind === "intent" && record.by.kind === "grant")
        for (const grant of record.by.grants) use({ grant, agent: record.agent, times: 1, first: at, last: at });
      const { kind } = record;
      const who = whoOf(record, nameOf);
      for (const { section, text, times } of eventsOf(record, facts))
        count(sourceOf(section, { kind, who }), { kind, who, text: cut(text), times, first: at, last: at });
    },
    take(piece) {
      for (const instance of piece.ended) end(instance);
      for (const one of piece.started) start(one);
      for (const { agent, ...counts } of piece.agents) addCounts(agent, counts);
      for (const one of piece.uses) use(one);
      for (const { section, ...line } of piece.lines) count(sourceOf(section, line), line);
      for (const { section, times, ...of } of piece.uncounted) sourceOf(section, of).uncounted += times;
    },
    piece() {
      const sources = [...parts].flatMap(([section, of]) => [...of.values()].map((each) => ({ section, ...each })));
      return {
        agents: [...agents.values()].map((each) => ({ ...each })),
        uses: [...uses.values()].map((each) => ({ ...each })),
        lines: sources.flatMap(({ section, lines }) => [...lines.values()].map((each) => ({ section, ...each }))),
        uncounted: sources
          .filter(({ uncounted }) => uncounted > 0)
          .map(({ section, kind, who, uncounted }) => ({ section, kind, who, times: uncounted })),
        // Those that started and ended in it are no news to whoever goes on from here.
        started: [...running.values()],
        ended: [...ended],
      };
    },
    sum(isLease) {
      const shown = SECTIONS.flatMap((section) => {
        const sources = [...(parts.get(section)?.values() ?? [])];
        if (sources.length === 0) return [];
        const lines = takeTurns(sources);
        const left = lines.slice(MOST_LINES).reduce((sum, { times }) => sum + times, 0);
        const uncounted = sources.reduce((sum, source) => sum + source.uncounted, left);
        return [{ section, lines: lines.slice(0, MOST_LINES), uncounted }];
      });
      return {
        agents: [...agents.values()].slice(0, MOST_LINES),
        leases: [...uses.values()].filter(({ grant }) => isLease(grant)).slice(0, MOST_LINES),
        running: [...running.values()].slice(-MOST_LINES),
        parts: shown,
      };
    },
  };
}

type Mutable<Value> = { -readonly [field in keyof Value]: Value[field] };
/** One kind of one agent: its lines share the room of a part with those of others, however many they are. */
interface Source {
  readonly kind: string;
  readonly who: string;
  readonly lines: Map<string, Mutable<DigestLine>>;
  uncounted: number;
}

type Counts = Partial<Omit<DigestAgent, "agent">>;
const NOTHING: Omit<DigestAgent, "agent"> = {
  done: 0,
  failed: 0,
  unknown: 0,
  denied: 0,
  held: 0,
  approved: 0,
  input: 0,
  output: 0,
  cost: 0,
};
const COUNTS = ["done", "failed", "unknown", "denied", "held", "approved", "input", "output", "cost"] as const;

/** What a record adds to the counts of its agent, or null. */
function countsOf(record: LogRecord, { spent }: DigestFacts): Counts | null {
  if (record.kind === "denied" || record.kind === "held" || record.kind === "approved") return { [record.kind]: 1 };
  if (record.kind !== "outcome") return null;
  const { result } = record;
  return { ...spent, [result === "ok" ? "done" : result === "unknown" ? "unknown" : "failed"]: 1 };
}

function count(source: Source, line: DigestLine): void {
  const known = source.lines.get(line.text);
  if (known !== undefined) {
    known.times += line.times;
    known.last = line.last;
  } else if (source.lines.size < LINES) source.lines.set(line.text, { ...line });
  else source.uncounted += line.times;
}

/** The most frequent line of each source, then the second of each, and so on: a flood of one hides nothing of another. */
function takeTurns(sources: readonly Source[]): readonly DigestLine[] {
  const sorted = sources.map(({ lines }) => [...lines.values()].toSorted((one, other) => other.times - one.times));
  const most = sorted.reduce((longest, { length }) => Math.max(longest, length), 0);
  return Array.from({ length: most }, (_, turn) => sorted.flatMap((lines) => lines[turn] ?? [])).flat();
}

function whoOf(record: LogRecord, nameOf: (instance: string) => string): string {
  if ("agent" in record) return record.agent;
  if ("instance" in record) return cut(nameOf(record.instance));
  if (record.kind !== "refused") return "";
  // A face is one of its instance, and restarts of an agent are no others.
  const face = /^face (i-[0-9a-f]+)$/.exec(record.peer)?.[1];
  const agent = face === undefined ? undefined : nameOf(face);
  return cut(agent === undefined || agent === face ? record.peer : agent);
}

function cut(text: string): string {
  return text.slice(0, MOST_TEXT).toWellFormed();
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
