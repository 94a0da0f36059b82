import { integer, list, object, text, type Decoder } from "./decode.ts";
import { count, visibleLine } from "./fields.ts";
import { MAX_FRAME } from "./frame.ts";
import type { Side } from "./side.ts";

/** Most findings that are told one by one. */
export const MOST_FOUND = 200;

/** One finding of a vetting. What its rule weighs is for whoever shows it to know. */
export interface VettedFinding {
  /** Name of a rule (`src/extensions/vet/finding.ts`); one that nobody knows counts as grave. */
  readonly rule: string;
  readonly message: string;
  /** Relative to the tree. */
  readonly path: string;
  /** Counts from one. */
  readonly line: number;
}

/** What vetting says of a tree: the worst first, at most `MOST_FOUND` of them, and how many more there are. */
export interface Vetted {
  readonly findings: readonly VettedFinding[];
  readonly more: number;
}

/** What the monitor asks of a vetter. It has one folder that it only reads, and no network. */
export interface VetterRequests {
  vet: { body: Record<string, never>; ok: Vetted };
}

/** A vetter reads what strangers made, so its words are checked like a stranger's. */
export const VETTED: Decoder<Vetted> = object<Vetted>({
  findings: list(
    object<VettedFinding>({
      rule: text({ max: 40, pattern: /^[a-z][a-z-]*$/, is: "a name of a rule" }),
      message: visibleLine,
      path: visibleLine,
      line: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    }),
    { max: MOST_FOUND },
  ),
  more: count,
});

type None = object;
/** The monitor's end of the channel, and the vetter's. */
export const MONITOR_VETTER: Side<{ serves: None; hears: None; asks: VetterRequests; says: None }> = {
  serves: {},
  hears: {},
  asks: { vet: VETTED },
  says: {},
  maxFrame: MAX_FRAME,
};
export const VETTER_SIDE: Side<{ serves: VetterRequests; hears: None; asks: None; says: None }> = {
  serves: { vet: object<VetterRequests["vet"]["body"]>({}) },
  hears: {},
  asks: {},
  says: {},
  maxFrame: MAX_FRAME,
};
