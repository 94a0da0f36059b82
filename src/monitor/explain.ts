import { decodeAction, type Digest, type Proposal } from "../kernel/action.ts";
import { REASONS, type ReasonCode } from "../kernel/codes.ts";
import type { Decision, Evaluator, Subject } from "../kernel/decision.ts";
import { endorsedTokens } from "../kernel/endorsement.ts";
import type { Label } from "../kernel/grant.ts";
import { DEFAULT_BOUNDS, parseJson } from "../kernel/json.ts";
import { waitsFor } from "../kernel/limits.ts";
import { decide, type DriverLookup, select, validate } from "../kernel/pipeline.ts";
import type { Staged } from "../kernel/staged.ts";
import type { Explanation } from "../protocol/requests.ts";
import { declaredDriver } from "./driver-table.ts";
import { factsOfNobody } from "./infer-facts.ts";
import type { Entry } from "./log/log.ts";
import type { State } from "./state.ts";

export interface ExplainPorts {
  readonly state: State;
  readonly digest: Digest;
  readonly ownPaths: readonly string[];
}

interface Question {
  readonly who: { readonly request: string; readonly agent: string; readonly instance: string };
  readonly proposal: Proposal;
  readonly subject: Subject;
  readonly evaluator: Evaluator;
  readonly now: number;
}

/** A driver as it was signed for, taken at its word: explaining starts nothing. */
function signedDrivers(state: State, agent: string): DriverLookup {
  return (name) => {
    const declared = declaredDriver(state, agent, name);
    if (declared.kind !== "declared") return declared;
    const { pin, tools } = declared.spec;
    return { kind: "ready", pin, expected: pin, tools, offers: () => true };
  };
}

/** Decide, select and validate as the real decision does, with the same functions; nothing is executed or counted. */
function answer(ports: ExplainPorts, question: Question, stages: Explanation["stages"][number][]): Staged<Decision> {
  const because = (stopped: { readonly code: ReasonCode; readonly by: string }): string => {
    const waits = waitsFor(stopped, { grants: ports.state.active, now: question.now });
    return `${stopped.code}: ${REASONS[stopped.code]} (${stopped.by})${waits === null ? "" : `: ${waits}`}`;
  };
  const note = <T>(stage: "decide" | "select" | "validate", staged: Staged<T>): Staged<T> => {
    stages.push({
      stage,
      verdict: staged.kind === "next" ? "passed" : staged.kind,
      because: staged.kind === "next" ? "" : because(staged),
    });
    return staged;
  };
  const { who, proposal, subject, evaluator, now } = question;
  const decided = note("decide", decide({ proposal, who, state: "running", clock: "steady" }, ports.digest));
  if (decided.kind !== "next") return decided;
  const selected = note("select", select(decided.value, signedDrivers(ports.state, who.agent)));
  if (selected.kind !== "next") return selected;
  const validated = note(
    "validate",
    validate(selected.value, {
      chain: [subject],
      grants: ports.state.active,
      usage: ports.state.usage,
      evaluator,
      digest: ports.digest,
      now,
      ownPaths: ports.ownPaths,
      // Whose placeholder it would be is known of an instance that runs.
      injections: [],
      infer: factsOfNobody(ports.state, who.agent),
      ownerAsks: false,
    }),
  );
  return validated.kind === "next" ? { kind: "next", value: validated.value.decision } : validated;
}

/** What would happen to this proposal now, stage by stage. */
export function explainProposal(
  ports: ExplainPorts,
  asked: {
    agent: string;
    labels: readonly Label[];
    task: string | null;
    proposal: Proposal;
    evaluator: Evaluator;
    now: number;
  },
): Explanation {
  const stages: Explanation["stages"][number][] = [];
  const { agent, labels, proposal, evaluator, now } = asked;
  const subject: Subject = {
    agent,
    instance: NO_INSTANCE,
    labels,
    endorsed: endorsedTokens(asked.task ?? ""),
    heldCount: 0,
  };
  const decision = answer(
    ports,
    { who: { request: NO_REQUEST, agent, instance: NO_INSTANCE }, proposal, subject, evaluator, now },
    stages,
  );
  if (decision.kind === "next") {
    const { value } = decision;
    if (value.kind === "held") {
      stages.push({ stage: "approve", verdict: "held", because: value.reasons.join(", ") });
    } else if (value.kind === "granted") {
      stages.push({
        stage: "approve",
        verdict: "passed",
        because: value.lease === null ? "no human is needed" : `lease ${value.lease}`,
      });
    }
    return { stages, decision: value.kind, code: null, proposal: null };
  }
  return {
    stages,
    decision: decision.kind === "terminal" ? "terminal" : "denied",
    code: decision.code,
    proposal: decision.kind === "stopped" ? decision.proposal : null,
  };
}

export interface Change {
  readonly seq: number;
  readonly what: string;
  readonly was: string;
  readonly now: string;
  readonly because: string;
}

/**
 * Replays recorded actions under two sets of rules and reports where the verdict differs.
 * Grants are those active now, each action with the labels and at the time it had, so that only the rules differ.
 */
export async function simulatePolicy(
  ports: ExplainPorts,
  { entries, current, draft }: { entries: AsyncIterable<Entry>; current: Evaluator; draft: Evaluator },
): Promise<{ replayed: number; changed: readonly Change[] }> {
  let replayed = 0;
  const changed: Change[] = [];
  for await (const { record, payload } of entries) {
    if (record.kind !== "intent" && record.kind !== "held" && record.kind !== "denied") continue;
    const action = readRecordedAction(payload?.["action"]);
    if (action === null) continue;
    replayed += 1;
    const words = ports.state.instances.get(record.instance)?.words ?? [];
    const subject: Subject = {
      agent: record.agent,
      instance: record.instance,
      labels: record.labels,
      endorsed: endorsedTokens(words.join("\n")),
      heldCount: 0,
    };
    const who = { request: action.request, agent: action.agent, instance: action.instance };
    const judge = (evaluator: Evaluator): Staged<Decision> =>
      answer(ports, { who, proposal: action, subject, evaluator, now: record.at }, []);
    const [was, now] = [judge(current), judge(draft)];
    if (verdictOf(was) !== verdictOf(now)) {
      changed.push({
        seq: record.seq,
        what: record.what,
        was: verdictOf(was),
        now: verdictOf(now),
        because: reasonOf(now),
      });
    }
  }
  return { replayed, changed };
}

const NO_INSTANCE = "i-0000000000000000";
const NO_REQUEST = "0".repeat(32);

function readRecordedAction(text: unknown): (Proposal & { request: string; agent: string; instance: string }) | null {
  if (typeof text !== "string") return null;
  const parsed = parseJson(text, DEFAULT_BOUNDS);
  if (parsed.kind !== "ok") return null;
  const decoded = decodeAction(parsed.value);
  return decoded.kind === "ok" ? decoded.value : null;
}

function verdictOf(staged: Staged<Decision>): string {
  if (staged.kind === "next") return staged.value.kind;
  return staged.kind === "terminal" ? "terminal" : `denied (${staged.code})`;
}

function reasonOf(staged: Staged<Decision>): string {
  return staged.kind === "next" ? "" : staged.by;
}
