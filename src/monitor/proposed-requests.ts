import { decodeGrant } from "../kernel/grant-decoder.ts";
import type { ProposalTerms, ProposedRequests } from "../protocol/proposed-grants.ts";
import { aboutProposal, openIn, proposedGrant, whyNothing } from "../showing/proposed-grant.ts";
import { Refusal } from "./faults.ts";
import { jsonView } from "./json-view.ts";
import type { OwnerParts } from "./owner-parts.ts";
import type { ProposedBy } from "./proposed-desk.ts";
import type { PolicyEngine } from "./policy/policy-engine.ts";
import { findAsked, type ProposingPorts } from "./proposing.ts";
import type { Statements } from "./statements.ts";

/** More than a person reads of a proposal beside it; and of one line, the length that one may have. */
const [MOST_LINES, LONGEST_LINE] = [200, 1000];

interface Ports extends Omit<ProposingPorts, "state"> {
  readonly journal: { readonly state: ProposingPorts["state"] };
  readonly proposed: OwnerParts["proposed"];
  readonly statements: Pick<Statements, "prepare">;
  readonly policy: Pick<PolicyEngine, "version">;
  now(): number;
}

type Handlers = {
  readonly [K in keyof ProposedRequests]: (body: ProposedRequests[K]["body"]) => Promise<ProposedRequests[K]["ok"]>;
};

/** Answers requests about proposed grants. What is laid on the desk is made here, of what was asked for, and nowhere else. */
export function proposedHandlers(ports: Ports, from: ProposedBy): Handlers {
  const { proposed, statements, policy } = ports;
  return {
    "propose-grant": (terms) => propose({ ...ports, from }, terms),
    async "proposed-grants"() {
      return { proposed: proposed.list() };
    },
    "proposed-grant": ({ id }) =>
      proposed.show(id, {
        draw: (document) => statements.prepare("sign-grant", document, { place: "desk" }),
        policy: policy.version,
      }),
    async "narrow-grant"({ id, document }) {
      proposed.narrow(id, document);
      return {};
    },
    async "proposed-code"({ id, subject }) {
      return { code: proposed.tell(id, subject) };
    },
  };
}

async function propose(
  { journal, from, ...ports }: Ports & { readonly from: ProposedBy },
  terms: ProposalTerms,
): Promise<ProposedRequests["propose-grant"]["ok"]> {
  const asked = await findAsked({ ...ports, state: journal.state }, terms);
  if (asked === null)
    throw nothing(
      `Instance ${terms.instance} ${terms.from === "held" ? "has nothing of that held" : "was denied nothing for want of a grant"}.`,
    );
  const { uses, span } = terms;
  const made = proposedGrant(asked, { lease: terms.from === "held", uses, span, now: ports.now() });
  if (made === null) throw nothing(whyNothing(asked));
  const isUsed = (id: string): boolean => journal.state.grants.has(id) || ports.proposed.isOthers(id, from);
  const decoded = decodeGrant(jsonView({ ...made, id: freshId(made.id, isUsed) }));
  if (decoded.kind !== "ok") throw nothing(`What would cover it is no grant: ${decoded.message}.`);
  const about = [...asked.whence, ...aboutProposal(asked)];
  // What cannot be said in full is not proposed: a person would sign what they were told half of (SHOWN-SIGNED-RUN).
  if (about.length > MOST_LINES || about.some((each) => each.length > LONGEST_LINE))
    throw nothing("There is more to say about it than a person reads.");
  const grant = decoded.value;
  const examples = terms.from === "held" ? asked.covering.covered : null;
  ports.proposed.lay({ instance: terms.instance, from, grant, about, open: openIn(asked), examples });
  return { grant, about };
}

/** An id that no grant ever had, nor a proposal of the other side: what was left out of one that was signed may be proposed again. */
function freshId(id: string, isUsed: (id: string) => boolean): string {
  let fresh = id;
  for (let next = 2; isUsed(fresh); next += 1) fresh = `${id}-${next}`;
  return fresh;
}

function nothing(why: string): Refusal {
  return new Refusal(
    "nothing-to-propose",
    why,
    "`aios approvals list` and `aios digest` say what waits and what was denied.",
  );
}
