import { Document } from "yaml";
import type { Grant } from "../kernel/grant.ts";
import { makeVisible } from "../showing/visible.ts";
import type { AskedFor } from "./cover-asked.ts";
import { CliFailure } from "./failure.ts";
import { toDocument } from "./document.ts";

/** What the person chose about a proposal. Spans in milliseconds. */
export interface ProposalTerms {
  readonly lease: boolean;
  /** Null: as many times as it was asked for. */
  readonly uses: number | null;
  readonly span: number;
  readonly now: number;
}

/** A lease as it is proposed when the person says nothing else. */
export const USUAL: Pick<ProposalTerms, "lease" | "uses" | "span"> = { lease: true, uses: null, span: 3_600_000 };

/**
 * The grant that a person may sign over what was asked for: nothing but its calls, counted, with an end. Throws `CliFailure`
 * `cannot-show` when nothing of it can be proposed.
 */
export function proposedGrant(asked: AskedFor, terms: ProposalTerms): Grant {
  const { agent, covering, drivers } = asked;
  const [first] = covering.covered;
  if (first === undefined) {
    const why = new Set(asked.left.map((each) => `${each.what}: ${each.why}`));
    throw CliFailure.of("cannot-show", `Nothing of it can be proposed: ${[...why].slice(0, 3).join("; ")}`);
  }
  return {
    v: 1,
    // A request is drawn by the monitor and never comes again, so the name was never used.
    id: `${terms.lease ? "lease" : "grant"}-${agent}-${first.action.request.slice(0, 8)}`,
    agents: [agent],
    drivers,
    allow: covering.allow,
    limits: {
      uses: terms.uses ?? covering.covered.length,
      rate: null,
      bytes: null,
      notBefore: terms.now,
      expires: terms.now + terms.span,
    },
    lease: terms.lease,
    sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
  };
}

/** What a person should know of a proposal beside what it says itself; visible text. */
export function aboutProposal({ covering, left }: AskedFor): readonly string[] {
  return [
    ...[...covering.open].map(
      ([what, names]) =>
        `of ${makeVisible(what)} these may be anything, since no owner declared them: ${makeVisible(names.join(", "))}`,
    ),
    ...left.map(({ what, why }) => `not in it: ${makeVisible(what)}: ${makeVisible(why)}`),
  ];
}

/** A grant as a file to read, change and sign: the whole document, in YAML, with comments at the top. Pure. */
export function writeGrant(grant: Grant, heading: readonly string[]): string {
  // What is read stands where it is read: no aliases, which reading refuses.
  const document = new Document(toDocument(grant), { aliasDuplicateObjects: false });
  document.commentBefore = heading.map((row) => ` ${row}`).join("\n");
  return document.toString({ lineWidth: 110, flowCollectionPadding: true });
}
