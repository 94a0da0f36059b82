import { integer, list, object, oneOf, text, type Decoder } from "./decode.ts";
import { agentName, grantId, instanceId, moment } from "./fields.ts";
import type { HeldView } from "./held-view.ts";

/** The parts of a digest in their order: what was stopped stands first, what went well after it. */
export const SECTIONS = [
  "ended",
  "frozen",
  "refused",
  "failed",
  "sent",
  "signed",
  "secrets",
  "ran",
  "done",
  "files",
  "inside",
  "ports",
  "asked",
  "monitor",
] as const;
export type Section = (typeof SECTIONS)[number];

/** Lines of a part, agents, leases and instances of one digest; more are counted, or left out where the newest matter. */
export const MOST_LINES = 512;
/** Longest text of a line, UTF-16 units. */
export const MOST_TEXT = 512;

/** One thing that happened, once or again and again. */
export interface DigestLine {
  /** Kind of its records. */
  readonly kind: string;
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

/** What became of the actions of one agent, and what its models took. */
export interface DigestAgent {
  readonly agent: string;
  readonly done: number;
  readonly failed: number;
  /** Begun, and nobody knows what came of it. */
  readonly unknown: number;
  readonly denied: number;
  readonly held: number;
  readonly approved: number;
  /** Tokens, and millionths of money. */
  readonly input: number;
  readonly output: number;
  readonly cost: number;
}

/** What one agent did under one grant. */
export interface DigestUse {
  readonly grant: string;
  readonly agent: string;
  readonly times: number;
  readonly first: number;
  readonly last: number;
}

/** What happened while its owner was away, counted from the records of one stretch of the log. */
export interface DigestSum {
  readonly agents: readonly DigestAgent[];
  /** Uses of leases: what ran without anybody being asked. */
  readonly leases: readonly DigestUse[];
  /** Instances that started meanwhile and run still. */
  readonly running: readonly { readonly instance: string; readonly agent: string; readonly since: number }[];
  /** The parts in which something happened, in the order of `SECTIONS`. */
  readonly parts: readonly DigestPart[];
}

/** A digest as it is shown: with what waits now. */
export interface Digest extends DigestSum {
  readonly held: readonly HeldView[];
}

/** How it is asked for. */
export interface DigestRequests {
  /** What happened from a moment on. */
  digest: { body: { readonly since: number }; ok: DigestSum };
}

const number = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const times = integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const line = text({ max: MOST_TEXT });

/** Decodes the sum that a monitor makes. */
export const DIGEST_SUM: Decoder<DigestSum> = object<DigestSum>({
  agents: list(
    object<DigestAgent>({
      agent: agentName,
      done: number,
      failed: number,
      unknown: number,
      denied: number,
      held: number,
      approved: number,
      input: number,
      output: number,
      cost: number,
    }),
    { max: MOST_LINES },
  ),
  leases: list(object<DigestUse>({ grant: grantId, agent: agentName, times, first: moment, last: moment }), {
    max: MOST_LINES,
  }),
  running: list(object<DigestSum["running"][number]>({ instance: instanceId, agent: agentName, since: moment }), {
    max: MOST_LINES,
  }),
  parts: list(
    object<DigestPart>({
      section: oneOf(SECTIONS),
      lines: list(object<DigestLine>({ kind: line, who: line, text: line, times, first: moment, last: moment }), {
        max: MOST_LINES,
      }),
      uncounted: number,
    }),
    { max: SECTIONS.length, unique: ({ section }) => section },
  ),
});
