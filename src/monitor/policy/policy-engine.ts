import type { Digest } from "../../kernel/action.ts";
import { canonicalize } from "../../kernel/canonical.ts";
import type { Evaluator } from "../../kernel/decision.ts";
import type { Grant } from "../../kernel/grant.ts";
import type { PolicyProblem } from "../../protocol/requests.ts";
import { type Cedar, guardCedar } from "./cedar.ts";
import { GrantIndex } from "./grant-index.ts";
import { grantToCedar } from "./grant-permits.ts";
import { PolicyFault } from "./policy-fault.ts";
import { hasNoRules, textProblem } from "./policy-text.ts";
import { createEvaluator } from "./rule-evaluator.ts";
import { createRuleSet, type RuleSet } from "./rule-set.ts";
import { schemaText } from "./schema.ts";
import type { Slice } from "./slice.ts";
import { SlotPool } from "./slot-pool.ts";
import { readVetting } from "./vetting-parts.ts";
import type { Vetting, VettingInput } from "./vetting.ts";

/** Vets a policy text away from the monitor's event loop; `createPolicyLoader` over `main/policy-worker.ts` is one. */
export interface PolicyLoader {
  /** Answers with the `vettingParts` of what `vetPolicy` returned. Throws when the worker failed or took too long. */
  run(input: VettingInput): AsyncIterable<unknown>;
}

export type PolicyLoad =
  | {
      readonly kind: "loaded";
      readonly version: string;
      /** Rules that can never match, or (after a restore) no longer type-check. */
      readonly warnings: readonly PolicyProblem[];
    }
  | { readonly kind: "refused"; readonly problems: readonly PolicyProblem[] };

/** What is wrong with a text; with no problems it can be loaded, in spite of any warnings. */
export interface PolicyCheck {
  readonly problems: readonly PolicyProblem[];
  readonly warnings: readonly PolicyProblem[];
  readonly version: string;
}

/**
 * The owner's policy and the grants, evaluated by Cedar. Loads run one after the other in the order of the calls; what is
 * in force changes only when one has succeeded, and decisions go on meanwhile with what was in force.
 */
export interface PolicyEngine {
  /** Checks a text an owner signs now and puts it in force. A refused text changes nothing. */
  load(text: string): Promise<PolicyLoad>;
  /**
   * Puts a text in force that an owner signed earlier, at a start. Set the grants first. Rules that no longer type-check,
   * because a tool is gone or was classified anew, do not refuse it: they deny what they could match. Before the first
   * `restore` or `load` every evaluation throws (ERRORS-DENY); a home without a policy restores the empty text.
   */
  restore(text: string): Promise<PolicyLoad>;
  /** Whether `load` would refuse the text (it has problems), and the version it would have; changes nothing. */
  check(text: string): Promise<PolicyCheck>;
  /** An evaluator over a draft and the current grants. Rejects with PolicyFault `policy-refused`. */
  draft(text: string): Promise<Evaluator>;
  /** Makes these the grants in force; only what differs costs anything. */
  setGrants(grants: ReadonlyMap<string, Grant>): void;
  addGrant(grant: Grant): void;
  removeGrant(id: string): void;
  /** The permits that a grant means, as they are evaluated, one a line, each after a comment with its rule id. */
  cedarOf(grant: Grant): string;
  /** Always over the current rules and grants. */
  readonly evaluator: Evaluator;
  readonly text: string;
  /** `sha256:` over the canonical JSON of `{constitution, policy}`: equal for equal texts, also after a restart. */
  readonly version: string;
}

/** Rule sets kept parsed: 256 pairs of agent and action, or 8 Mi units of rules. */
const BOUNDS = { slots: 256, text: 8_388_608 };
const NO_PROBLEMS: readonly PolicyProblem[] = Object.freeze([]);

/** Makes the engine. `constitution` is the digest of the compiled floor of rules; it is part of the version. */
export function createPolicyEngine(options: {
  cedar: Cedar;
  loader: PolicyLoader;
  digest: Digest;
  constitution: string;
}): PolicyEngine {
  const { loader, digest, constitution } = options;
  const cedar = guardCedar(options.cedar);
  const grants = new GrantIndex();
  const pool = new SlotPool<Slice>(cedar, BOUNDS);
  let inForce: RuleSet | null = null;
  let queue: Promise<unknown> = Promise.resolve();

  const versionOf = (text: string): string => digest(canonicalize({ constitution, policy: text }));

  function evaluatorOf(rules: () => RuleSet | null): Evaluator {
    return createEvaluator({
      cedar,
      pool,
      grants,
      digest,
      rules() {
        const current = rules();
        if (current === null) throw new PolicyFault("not-loaded", "Cannot decide: no policy was restored yet");
        return current;
      },
      version: () => rules()?.version ?? versionOf(""),
    });
  }

  /** One text after the other, so that of two loads the later call wins. */
  function inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = queue.then(task);
    queue = result.catch(() => null);
    return result;
  }

  async function vet(text: string, purpose: VettingInput["purpose"]): Promise<Vetted> {
    const problem = textProblem(text);
    if (problem !== null) return { kind: "refused", problems: [problem] };
    const shapes = grants.shapes();
    const vetting: Vetting = hasNoRules(text)
      ? { kind: "vetted", rules: [], typed: true, warnings: NO_PROBLEMS }
      : await askLoader(loader, {
          text,
          purpose,
          schema: schemaText({ actions: shapes, mentioned: [], drivers: grants.drivers() }),
        });
    if (vetting.kind === "refused") return vetting;
    const typed = new Map<string, string>();
    for (const [id, [shape, ...others]] of vetting.typed ? shapes : []) {
      if (shape !== undefined && others.length === 0) typed.set(id, shape.key);
    }
    const rules = createRuleSet({ text, version: versionOf(text), rules: vetting.rules, typed });
    return { kind: "rules", rules, warnings: vetting.warnings };
  }

  async function enforce(text: string, purpose: VettingInput["purpose"]): Promise<PolicyLoad> {
    const vetted = await vet(text, purpose);
    if (vetted.kind === "rules") inForce = vetted.rules;
    return loadOf(vetted);
  }

  return Object.freeze({
    load: (text: string) => inTurn(() => enforce(text, "load")),
    restore: (text: string) => inTurn(() => enforce(text, "restore")),
    check: (text: string) =>
      inTurn(async () => {
        const vetted = await vet(text, "load");
        const problems = vetted.kind === "refused" ? vetted.problems : NO_PROBLEMS;
        const warnings = vetted.kind === "refused" ? NO_PROBLEMS : vetted.warnings;
        return { problems, warnings, version: versionOf(text.toWellFormed()) };
      }),
    draft: (text: string) =>
      inTurn(async () => {
        const vetted = await vet(text, "load");
        if (vetted.kind === "rules") return evaluatorOf(() => vetted.rules);
        throw new PolicyFault("policy-refused", "Cannot try the draft: it was refused", vetted.problems);
      }),
    setGrants: (next: ReadonlyMap<string, Grant>) => grants.replace(next),
    addGrant: (grant: Grant) => grants.add(grant),
    removeGrant: (id: string) => grants.remove(id),
    cedarOf: (grant: Grant) =>
      Object.entries(grantToCedar(grant))
        .map(([rule, text]) => `// ${rule}\n${text}\n`)
        .join(""),
    evaluator: evaluatorOf(() => inForce),
    get text() {
      return inForce?.text ?? "";
    },
    get version() {
      return inForce?.version ?? versionOf("");
    },
  });
}

type Vetted =
  | { readonly kind: "rules"; readonly rules: RuleSet; readonly warnings: readonly PolicyProblem[] }
  | { readonly kind: "refused"; readonly problems: readonly PolicyProblem[] };

function loadOf(vetted: Vetted): PolicyLoad {
  if (vetted.kind === "refused") return vetted;
  return { kind: "loaded", version: vetted.rules.version, warnings: vetted.warnings };
}

/** A worker that crashed, hung or answered nonsense has refused the text. */
async function askLoader(loader: PolicyLoader, input: VettingInput): Promise<Vetting> {
  try {
    return await readVetting(loader.run(input), input.text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      kind: "refused",
      problems: [{ rule: "policy", message: `the text could not be checked: ${why}`, line: null }],
    };
  }
}
