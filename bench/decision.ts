import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import type { Action, Digest } from "../src/kernel/action.ts";
import type { Evaluator } from "../src/kernel/decision.ts";
import type { Grant, ToolClass } from "../src/kernel/grant.ts";
import { createPolicyEngine } from "../src/monitor/policy/policy-engine.ts";
import { vettingParts } from "../src/monitor/policy/vetting-parts.ts";
import { vetPolicy } from "../src/monitor/policy/vetting.ts";
import { createCrypto } from "../src/platform/keys/crypto.ts";
import type { Row } from "./row.ts";

const WARM_UP = 3_000;
const ROUNDS = 6_000;
const FIRST_USES = 200;
const GRANTS = 10_000;
/** DESIGN 11: microseconds for one decision, what ten thousand grants may cost more, milliseconds for a first use. */
const DECISION_US = 120;
const MANY_RATIO = 1.5;
const FIRST_USE_MS = 1.5;

const TOOL: ToolClass = { risk: "observe", labels: [], fields: { path: "path" }, recipients: {} };
const crypto = createCrypto();
const digest: Digest = (text) => crypto.digest(text);

/** Measures decisions by the policy engine, and Cedar alone with the same ten rules in the same run. */
export async function run(): Promise<readonly Row[]> {
  const few = await engineOver(grantsOf(1));
  const many = await engineOver(grantsOf(GRANTS / 10));
  const alone = cedarAlone();
  const taken = { alone: new Array<number>(), few: new Array<number>(), many: new Array<number>() };
  // Taken in turns, so that what else the machine does falls on all of them.
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    const path = `/data/3/file-${round}`;
    const times = {
      alone: micros(() => alone(path)),
      few: micros(() => decide(few, path)),
      many: micros(() => decide(many, path)),
    };
    if (round < WARM_UP) continue;
    taken.alone.push(times.alone);
    taken.few.push(times.few);
    taken.many.push(times.many);
  }
  const first = await firstUses();
  const [base, ten, thousands] = [median(taken.alone), median(taken.few), median(taken.many)];
  const note = `p50 of ${ROUNDS}, arguments new each time`;
  return [
    { what: "Cedar alone, 10 rules", value: base, unit: "µs", bar: "", met: null, note },
    { what: "decision, 10 rules", value: ten, unit: "µs", bar: `≤ ${DECISION_US}`, met: ten <= DECISION_US, note },
    { what: "decision against Cedar alone", value: ten / base, unit: "×", bar: "", met: null, note: "same run" },
    {
      what: `decision, ${GRANTS} grants against 10`,
      value: thousands / ten,
      unit: "×",
      bar: `≤ ${MANY_RATIO}`,
      met: thousands / ten <= MANY_RATIO,
      note: `${GRANTS / 10} agents with 10 grants each`,
    },
    {
      what: "first use of a slice, 10 rules",
      value: first,
      unit: "ms",
      bar: `≤ ${FIRST_USE_MS}`,
      met: first <= FIRST_USE_MS,
      note: `p50 of ${FIRST_USES}`,
    },
  ];
}

/** Eight grants and two forbids for each agent and tool: the ten rules of a slice. */
const POLICY = `
  @id("no-keys") forbid(principal, action == Action::"files/read_file", resource) when { context.args has path && context.args.path like "*.pem" };
  @id("no-secrets") forbid(principal, action == Action::"files/read_file", resource) when { context.args has path && context.args.path like "/data/secret/*" };
`;

/** Ten grants for each of `agents` agents: eight for the tool that is asked for, two for another. */
function grantsOf(agents: number): ReadonlyMap<string, Grant> {
  const grants = new Map<string, Grant>();
  for (let agent = 0; agent < agents; agent += 1) {
    for (let index = 0; index < 10; index += 1) {
      const id = `g-${agent}-${index}`;
      const what = index < 8 ? "files/read_file" : "files/stat";
      grants.set(id, {
        v: 1,
        id,
        agents: [`agent-${agent}`],
        drivers: {
          files: {
            source: { kind: "stdio", command: ["node"], code: [], workspace: "none" },
            pin: "",
            tools: { read_file: TOOL, stat: TOOL },
            resources: [],
            prompts: [],
          },
        },
        allow: [{ what, where: { path: { under: `/data/${index}` } } }],
        limits: { uses: null, rate: null, bytes: null, notBefore: 0, expires: 2 ** 42 },
        lease: false,
        sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
      });
    }
  }
  return grants;
}

async function engineOver(grants: ReadonlyMap<string, Grant>): Promise<Evaluator> {
  const engine = createPolicyEngine({ cedar, loader: { run: vetHere }, digest, constitution: "" });
  engine.setGrants(grants);
  const loaded = await engine.load(POLICY);
  if (loaded.kind === "refused") throw new Error(`Cannot measure: ${JSON.stringify(loaded.problems)}`);
  return engine.evaluator;
}

async function* vetHere(input: Parameters<typeof vetPolicy>[1]): AsyncGenerator {
  yield* vettingParts(vetPolicy(cedar, input));
}

function decide(evaluator: Evaluator, path: string, agent = "agent-0"): void {
  const said = evaluator.evaluate({ agent, labels: ["untrusted"], risk: "observe" }, actionOn(path, agent), TOOL);
  if (said.permits.length !== 1 || said.forbids.length > 0) throw new Error(`Cannot measure: wrong answer for ${path}`);
}

function actionOn(path: string, agent: string): Action {
  return {
    v: 1,
    request: "0".repeat(32),
    agent,
    instance: `i-${"0".repeat(16)}`,
    verb: "call",
    driver: "files",
    name: "read_file",
    arguments: { path },
  };
}

/** The same ten rules and the same request, handed to Cedar as they are. */
function cedarAlone(): (path: string) => void {
  const permits = Array.from(
    { length: 8 },
    (_, index) =>
      `permit(principal == Agent::"agent-0", action == Action::"files/read_file", resource == Driver::"files") when { context.args has "path" && (context.args["path"] == "/data/${index}" || context.args["path"] like "/data/${index}/*") };`,
  );
  cedar.preparsePolicySet("bench", { staticPolicies: [...permits, POLICY].join("\n") });
  return (path) => {
    const answer = cedar.statefulIsAuthorized({
      principal: { type: "Agent", id: "agent-0" },
      action: { type: "Action", id: "files/read_file" },
      resource: { type: "Driver", id: "files" },
      context: { args: { path } },
      entities: [],
      validateRequest: false,
      preparsedPolicySetId: "bench",
    });
    if (answer.type === "failure" || answer.response.decision !== "allow")
      throw new Error("Cannot measure: wrong answer");
  };
}

/** Milliseconds from the first request of an agent to its answer: rules collected, parsed and asked. */
async function firstUses(): Promise<number> {
  const evaluator = await engineOver(grantsOf(FIRST_USES));
  const times: number[] = [];
  for (let agent = 0; agent < FIRST_USES; agent += 1) {
    times.push(micros(() => decide(evaluator, "/data/3/x", `agent-${agent}`)) / 1_000);
  }
  return median(times);
}

function micros(task: () => void): number {
  const start = process.hrtime.bigint();
  task();
  return Number(process.hrtime.bigint() - start) / 1_000;
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? Number.NaN;
}
