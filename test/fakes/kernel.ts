import { createHash } from "node:crypto";
import type { Action } from "../../src/kernel/action.ts";
import { whatOf, meets } from "../../src/kernel/allowance.ts";
import type { DecisionInput, Evaluator, Subject } from "../../src/kernel/decision.ts";
import { DEFAULT_BUDGETS, type ContextFacts } from "../../src/kernel/memory-budget.ts";
import { allowParts, type Grant, type Label, type ToolClass } from "../../src/kernel/grant.ts";

export const INSTANCE = "i-00000000000000aa";
export const PARENT = "i-00000000000000bb";
export const REQUEST = "0123456789abcdef0123456789abcdef";
export const NOW = 1_800_000_000_000;

export const digest = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

export function action(change: Partial<Action> = {}): Action {
  const rest = { verb: "call", driver: "files", name: "read", arguments: {} } as const;
  return { v: 1, request: REQUEST, agent: "worker", instance: INSTANCE, ...rest, ...change };
}

export function tool(change: Partial<ToolClass> = {}): ToolClass {
  return { risk: "observe", labels: [], fields: {}, recipients: {}, ...change };
}

export function subject(change: Partial<Subject> = {}): Subject {
  return { agent: "worker", instance: INSTANCE, labels: [], endorsed: new Set(), heldCount: 0, ...change };
}

type GrantChange = Partial<Omit<Grant, "limits">> & { readonly limits?: Partial<Grant["limits"]> };

/** A grant of one agent for one tool, valid for an hour around `NOW`. */
export function grant(change: GrantChange = {}): Grant {
  return {
    v: 1,
    id: "g-plain",
    agents: ["worker"],
    drivers: {},
    allow: [{ what: "files/read", where: {} }],
    lease: false,
    sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
    ...change,
    limits: { uses: null, rate: null, bytes: null, notBefore: NOW - 1000, expires: NOW + 3_600_000, ...change.limits },
  };
}

/** A small policy engine: grants mean what they say, and each forbid is a set of `agent what` pairs. */
export function evaluator(grants: Iterable<Grant>, forbids: readonly string[] = []): Evaluator {
  const known = [...grants];
  return {
    version: `sha256:${"9".repeat(64)}`,
    evaluate: ({ agent }, asked) => ({
      permits: known.filter((each) => each.agents.includes(agent) && permits(each, asked)).map(({ id }) => id),
      forbids: forbids.filter((forbid) => forbid === `${agent} ${whatOf(asked)}` || forbid === `* ${whatOf(asked)}`),
      errors: [],
    }),
  };
}

function permits(each: Grant, asked: Action): boolean {
  return each.allow.some(({ what, where }) => {
    const parts = allowParts(what);
    const named =
      what === whatOf(asked) ||
      (parts?.verb === "read" && asked.verb === "read" && what.endsWith("/") && whatOf(asked).startsWith(what));
    return named && Object.entries(where).every(([name, condition]) => meets(asked.arguments[name] ?? null, condition));
  });
}

/** A context in which any request fits and nothing of memory was loaded. */
export const OPEN_CONTEXT: ContextFacts = {
  context: DEFAULT_BUDGETS.context,
  workingSet: DEFAULT_BUDGETS["working-set"],
  loaded: { bytes: 0, count: 0 },
};

/** Everything a decision needs, with grants that the evaluator knows. */
export function decisionInput(
  change: Partial<Omit<DecisionInput, "grants">> & { readonly grants?: readonly Grant[] } = {},
): DecisionInput {
  const grants = change.grants ?? [grant()];
  return {
    action: action(),
    tool: tool(),
    chain: [subject()],
    usage: new Map(),
    evaluator: evaluator(grants),
    digest,
    now: NOW,
    ownPaths: ["/home/owner/.aios"],
    injections: [],
    infer: { providers: new Map(), seesWorkspace: false, context: OPEN_CONTEXT },
    ...change,
    grants: new Map(grants.map((each) => [each.id, each])),
  };
}

export const TAINTED: readonly Label[] = ["untrusted", "private"];
