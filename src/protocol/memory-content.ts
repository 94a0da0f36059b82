import type { Label } from "../kernel/grant.ts";
import { PLANES, type PlaneOf } from "../kernel/memory.ts";
import { MOST_SOURCE, MOST_SOURCES } from "../kernel/memory-sources.ts";
import { list, literal, nullable, object, oneOf, text, type Decoder } from "./decode.ts";
import { agentName, instanceId, labels, moment } from "./fields.ts";

/** All that is known of an entry, as it is sealed: its text, and where that comes from. */
export interface Content extends PlaneOf {
  readonly v: 1;
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  readonly expires: number | null;
  /** Who wrote it: an agent, and the instance of it. */
  readonly by: string;
  readonly instance: string;
  /** What that instance had taken in by then. */
  readonly labels: readonly Label[];
  /** What it had read by then: `driver/tool` and the like, as `gatherSources` lists them. */
  readonly sources: readonly string[];
  readonly text: string;
}

/** Reads it strictly, from the text that a record commits to. */
export const CONTENT: Decoder<Content> = object<Content>({
  v: literal(1),
  agent: agentName,
  plane: oneOf(PLANES),
  at: moment,
  expires: nullable(moment),
  by: agentName,
  instance: instanceId,
  labels,
  sources: list(text({ max: MOST_SOURCE }), { max: MOST_SOURCES }),
  text: text({ max: 65_536 }),
});
