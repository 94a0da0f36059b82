import type { LogRecord } from "../protocol/record.ts";
import type { HeldView } from "../protocol/requests.ts";
import { eventsOf, SECTIONS, type Section } from "./digest-events.ts";

/** One thing that happened, once or again and again. */
export interface DigestLine {
  readonly kind: LogRecord["kind"];
  /** The agent that it is about, its instance where the agent is not known, the peer that was refused, or nobody: "". */
  readonly who: string;
  readonly text: string;
  readonly times: number;
  /** When it happened first and last, milliseconds since 1970 UTC. */
  readonly first: number;
  readonly last: number;
}

/** A part of a digest. */
export interface DigestPart {
  readonly section: Section;
  /** Its lines, so ordered that the first few have something of everyone and of every kind. */
  readonly lines: readonly DigestLine[];
  /** Records of this part that have no line, since there were too many that differ; 0 mostly. */
  readonly uncounted: number;
}

/** What happened while its owner was away, counted from records. */
export interface Digest {
  /** What waits now. */
  readonly held: readonly HeldView[];
  /** Instances that started meanwhile and run still. */
  readonly running: readonly { readonly instance: string; readonly agent: string; readonly since: number }[];
  /** The parts in which something happened, in the order of `SECTIONS`. */
  readonly parts: readonly DigestPart[];
}

/** Takes records one after the other and keeps what is equal as one line. */
export interface DigestFold {
  add(record: LogRecord): void;
  sum(held: readonly HeldView[]): Digest;
}

/** Lines of one kind and one agent that are kept apart: whoever makes more of them does not fill our memory. */
const LINES = 256;

/** Starts an empty digest. Records come in their order, of one stretch of the log. */
export function createDigest(): DigestFold {
  const agents = new Map<string, string>();
  const running = new Map<string, Digest["running"][number]>();
  const parts = new Map<Section, Map<string, Source>>();
  return {
    add(record) {
      if (record.kind === "instance-started") {
        const { instance, agent, at } = record;
        agents.set(instance, agent);
        running.set(instance, { instance, agent, since: at });
      }
      if (record.kind === "instance-ended") running.delete(record.instance);
      const who = whoOf(record, agents);
      for (const { section, text, times } of eventsOf(record)) {
        const sources = entry(parts, section, () => new Map<string, Source>());
        const source = entry(sources, `${record.kind} ${who}`, () => ({
          lines: new Map<string, Mutable>(),
          uncounted: 0,
        }));
        count(source, { kind: record.kind, who, text, times, first: record.at, last: record.at });
      }
    },
    sum(held) {
      const shown = SECTIONS.flatMap((section) => {
        const sources = [...(parts.get(section)?.values() ?? [])];
        if (sources.length === 0) return [];
        const uncounted = sources.reduce((sum, source) => sum + source.uncounted, 0);
        return [{ section, lines: takeTurns(sources), uncounted }];
      });
      return { held, running: [...running.values()], parts: shown };
    },
  };
}

type Mutable = { -readonly [field in keyof DigestLine]: DigestLine[field] };
/** One kind of one agent: its lines share the room of a part with those of others, however many they are. */
interface Source {
  readonly lines: Map<string, Mutable>;
  uncounted: number;
}

function count(source: Source, line: Mutable): void {
  const known = source.lines.get(line.text);
  if (known !== undefined) {
    known.times += line.times;
    known.last = line.last;
  } else if (source.lines.size < LINES) source.lines.set(line.text, line);
  else source.uncounted++;
}

/** The most frequent line of each source, then the second of each, and so on: a flood of one hides nothing of another. */
function takeTurns(sources: readonly Source[]): readonly DigestLine[] {
  const sorted = sources.map(({ lines }) => [...lines.values()].toSorted((one, other) => other.times - one.times));
  const most = sorted.reduce((longest, { length }) => Math.max(longest, length), 0);
  return Array.from({ length: most }, (_, turn) => sorted.flatMap((lines) => lines[turn] ?? [])).flat();
}

function whoOf(record: LogRecord, agents: ReadonlyMap<string, string>): string {
  if ("agent" in record) return record.agent;
  if ("instance" in record) return agents.get(record.instance) ?? record.instance;
  if (record.kind !== "refused") return "";
  // A face is one of its instance, and restarts of an agent are no others.
  const face = /^face (i-[0-9a-f]+)$/.exec(record.peer)?.[1];
  return (face === undefined ? undefined : agents.get(face)) ?? record.peer;
}

function entry<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
