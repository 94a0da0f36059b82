import type { Grant } from "../kernel/grant.ts";
import type { Covering } from "./covering.ts";
import type { OpenArguments } from "./describe-open.ts";
import { makeVisible } from "./visible.ts";

/** What was asked for and could not be made an example of, in words; not yet visible text. */
export interface Unproposed {
  readonly what: string;
  readonly why: string;
}

/** What an instance asked for, and what would cover it. */
export interface AskedFor {
  readonly agent: string;
  readonly covering: Covering;
  readonly left: readonly Unproposed[];
  /** The drivers of the covered calls, as the grants in force have them. */
  readonly drivers: Grant["drivers"];
}

/** What the person chose about a proposal. Spans in milliseconds. */
export interface ProposalChoice {
  readonly lease: boolean;
  /** Null: as many times as it was asked for. */
  readonly uses: number | null;
  readonly span: number;
  readonly now: number;
}

/** How long a proposal lasts when the person says nothing else, milliseconds. */
export const USUAL_SPAN = 3_600_000;

/**
 * The grant that a person may sign over what was asked for: nothing but its calls, counted, with an end, and nothing of a
 * sandbox. Null when nothing of it can be proposed.
 */
export function proposedGrant(asked: AskedFor, choice: ProposalChoice): Grant | null {
  const { agent, covering, drivers } = asked;
  const [first] = covering.covered;
  if (first === undefined) return null;
  return {
    v: 1,
    // A request is drawn by the monitor and never comes again.
    id: `${choice.lease ? "lease" : "grant"}-${agent}-${first.action.request.slice(0, 8)}`,
    agents: [agent],
    drivers,
    allow: covering.allow,
    limits: {
      uses: choice.uses ?? covering.covered.length,
      rate: null,
      bytes: null,
      notBefore: choice.now,
      expires: choice.now + choice.span,
    },
    lease: choice.lease,
    sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
  };
}

/** Why nothing can be proposed, in visible text. */
export function whyNothing({ left }: AskedFor): string {
  const why = new Set(left.map((each) => `${makeVisible(each.what)}: ${makeVisible(each.why)}`));
  return `Nothing of it can be proposed: ${[...why].slice(0, 3).join("; ")}.`;
}

/** What was asked with and is held by nothing, tool by tool: nothing of a lease, which binds it by its digest. */
export function openIn({ covering: { allow, others } }: Pick<AskedFor, "covering">): readonly OpenArguments[] {
  const bound = new Set(allow.filter(({ rest }) => rest !== undefined).map(({ what }) => what));
  const open = [...others].filter(([what]) => !bound.has(what));
  return open.map(([what, names]) => ({ what, names: names.map(makeVisible) }));
}

/** What a person should know of a proposal beside what it says itself; visible text. */
export function aboutProposal({ covering, left }: Pick<AskedFor, "covering" | "left">): readonly string[] {
  const open = new Set(openIn({ covering }).map(({ what }) => what));
  return [
    ...[...covering.others].map(([what, names]) => {
      const how = open.has(what)
        ? "these may be anything, since no owner declared them"
        : "these are all together as they were asked with, and there are no others";
      return `of ${makeVisible(what)} ${how}: ${makeVisible(names.join(", "))}`;
    }),
    ...left.map(({ what, why }) => `not in it: ${makeVisible(what)}: ${makeVisible(why)}`),
  ];
}
