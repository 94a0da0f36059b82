import type { JsonObject } from "../kernel/json.ts";
import type { LogRecord } from "../protocol/record.ts";
import { MOST_CONTENT, type PayloadFields } from "../protocol/telemetry-table.ts";
import { showText, type Names } from "./names.ts";
import { SEVERITY, type Draft } from "./ocsf-draft.ts";
import { deciderAttributes, type ActionRecord } from "./record-attributes.ts";

/** An agent as OCSF's actor: no person, a program that acts under a name of its own. */
export function agentActor(of: { readonly instance: string; readonly agent: string }): JsonObject {
  return {
    user: { name: of.agent, uid: of.agent, type_id: 99, type: "Agent" },
    session: { uid: of.instance },
  };
}

/** An agent as the profile `ai_operation` tells of it, beside the actor that classes require and searches know. */
export function aiAgent(of: { readonly instance: string; readonly agent: string }): JsonObject {
  return { ai_agent: { name: of.agent, uid: of.agent, instance_uid: of.instance } };
}

const READS: ReadonlySet<string> = new Set(["observe"]);
/** OCSF's reads, and its word for what may be anything. */
const [READ, OTHER] = [2, 99];

/** API Activity: a call, a read of a resource or a prompt, at one of its stages. */
export function actionEvent(record: ActionRecord, fields: PayloadFields | null, names: Names): Draft {
  const { driver, verb, name } = names.subject(record);
  const reads = READS.has(record.risk) || verb === "read";
  const { step, status, severity, code } = stepOf(record);
  return {
    kind: "api",
    activity: reads ? READ : OTHER,
    ...(reads ? {} : { activityName: verb === "prompt" ? "Prompt" : "Call" }),
    severity,
    status,
    message: `${step}: ${driver} ${name} of agent ${record.agent}`,
    own: {
      actor: agentActor(record),
      api: {
        operation: name,
        service: { name: driver },
        request: { uid: record.action },
        ...(code === null ? {} : { response: { error: code } }),
      },
      src_endpoint: { name: record.agent, uid: record.instance },
      ...(code === null ? {} : { status_code: code }),
      ...aiAgent(record),
      ...controlled(record),
      // Of what was denied, the model may be no more than a word of the agent's.
      ...(record.kind === "denied" ? {} : model(fields, driver)),
    },
    unmapped: {
      step,
      risk: record.risk,
      labels: record.labels,
      ancestry: record.ancestry,
      policy: record.policy,
      ...decision(record),
      ...inference(fields),
      ...content(fields),
    },
  };
}

function decision(record: ActionRecord): JsonObject {
  if (record.kind === "held") return { expires: record.expires };
  if (record.kind === "outcome") {
    return { intent: record.intent, result: record.result, bytes: record.bytes, micros: record.micros };
  }
  const decider = Object.fromEntries(
    Object.entries(deciderAttributes(record.by)).map(([key, value]) => [key.slice("aios.".length), value]),
  );
  switch (record.kind) {
    case "denied":
      return { stage: record.stage, ...decider };
    case "approved":
      return { statement: record.statement, ...decider };
    case "intent":
      return { pin: record.pin, ...decider };
  }
}

/** What the monitor let pass or did not, and by which policy, as the profile `security_control` says it. */
function controlled({ kind, policy }: ActionRecord): JsonObject {
  const by = { policy: { uid: policy } };
  const allowed = { action_id: 1, action: "Allowed", ...by };
  switch (kind) {
    case "denied":
      return { action_id: 2, action: "Denied", disposition_id: 2, disposition: "Blocked", ...by };
    case "held":
      return { action_id: 99, action: "Held", ...by };
    case "approved":
      return { ...allowed, disposition_id: 8, disposition: "Approved" };
    case "intent":
    case "outcome":
      return { ...allowed, disposition_id: 1, disposition: "Allowed" };
  }
}

/** The model that was asked, where both its name and its provider are known, and what it took. */
function model(fields: PayloadFields | null, driver: string): JsonObject {
  const { provider = null, model: name = null, spent = null } = fields?.infer ?? {};
  return {
    ...(provider === null || name === null
      ? {}
      : { ai_model: { name: showText(name), ai_provider: showText(provider) } }),
    ...(spent === null
      ? {}
      : {
          message_context: {
            service: { name: driver },
            prompt_tokens: spent.input,
            completion_tokens: spent.output,
            total_tokens: spent.input + spent.output,
          },
        }),
  };
}

function inference(fields: PayloadFields | null): JsonObject {
  const { infer = null } = fields ?? {};
  if (infer === null) return {};
  return {
    provider: infer.provider === null ? null : showText(infer.provider),
    model: infer.model === null ? null : showText(infer.model),
    ...(infer.spent === null ? {} : { input_tokens: infer.spent.input, output_tokens: infer.spent.output }),
  };
}

function content(fields: PayloadFields | null): JsonObject {
  const { arguments: args = null, result = null } = fields?.content ?? {};
  return {
    ...(args === null ? {} : { arguments: showText(args, MOST_CONTENT) }),
    ...(result === null ? {} : { result: showText(result, MOST_CONTENT) }),
  };
}

function stepOf(record: ActionRecord): {
  readonly step: string;
  readonly status: Draft["status"];
  readonly severity: number;
  readonly code: string | null;
} {
  switch (record.kind) {
    case "denied":
      return { step: "denied", status: 2, severity: SEVERITY.medium, code: record.code };
    case "outcome":
      return record.result === "ok"
        ? { step: "done", status: 1, severity: SEVERITY.informational, code: null }
        : { step: "failed", status: 2, severity: SEVERITY.low, code: record.code ?? record.result };
    case "held":
    case "approved":
    case "intent":
      return { step: record.kind, status: null, severity: SEVERITY.informational, code: null };
  }
}

/** Network Activity: an exchange with another machine that has ended. */
export function exchangeEvent(
  record: Extract<LogRecord, { kind: "outcome" }>,
  net: NonNullable<PayloadFields["net"]>,
  names: Names,
): Draft {
  const done = record.result === "ok";
  const host = net.host === null ? "unknown" : names.resource(net.host);
  const received = net.received ?? 0;
  const sent = net.sent ?? 0;
  const code = net.status === null ? record.code : String(net.status);
  return {
    kind: "network",
    // Traffic, or a connection that failed.
    activity: done ? 6 : 4,
    severity: done ? SEVERITY.informational : SEVERITY.low,
    status: done ? 1 : 2,
    message: `${done ? "exchange" : "failed exchange"} with ${host} of agent ${record.agent}`,
    own: {
      actor: agentActor(record),
      src_endpoint: { name: record.agent, uid: record.instance },
      dst_endpoint: { name: host, ...addressOf(net.host, host), ...(net.port === null ? {} : { port: net.port }) },
      traffic: { bytes_in: received, bytes_out: sent, bytes: received + sent },
      connection_info: { direction_id: 2, direction: "Outbound", protocol_name: "tcp" },
      initiator_id: 1,
      initiator: "Source Endpoint",
      ...(code === null ? {} : { status_code: code }),
      ...aiAgent(record),
      ...controlled(record),
    },
    unmapped: {
      intent: record.intent,
      action: record.action,
      risk: record.risk,
      result: record.result,
      code: record.code,
      micros: record.micros,
      http_status: net.status,
    },
  };
}

/** The host by what it is, where it is shown as it is: a digest is neither a name nor an address of one. */
function addressOf(host: string | null, shown: string): JsonObject {
  if (host !== shown) return {};
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/u.test(host)) return { ip: host };
  return /^[\w-]+(?:\.[\w-]+)*$/u.test(host) ? { hostname: host } : {};
}

/** Process Activity: programs that were started inside a sandbox, one event each as far as they are told of. */
export function launchEvents(
  record: Extract<LogRecord, { kind: "programs-started" }>,
  fields: PayloadFields | null,
  names: Names,
): readonly Draft[] {
  const programs = fields?.programs ?? [];
  const draft = (process: JsonObject, unmapped: JsonObject): Draft => ({
    kind: "process",
    activity: 1,
    severity: SEVERITY.informational,
    status: null,
    message: `program started inside ${record.instance} of agent ${record.agent}`,
    own: {
      actor: agentActor(record),
      device: { type_id: 99, type: "Sandbox", uid: record.instance, name: record.agent },
      process,
      // The supervisor sees that a process becomes another program.
      launch_type_id: 3,
      launch_type: "Exec",
      ...aiAgent(record),
    },
    unmapped: {
      count: record.count,
      ...(record.driver === undefined ? {} : { driver: showText(record.driver) }),
      ...unmapped,
    },
  });
  if (programs.length === 0) return [draft({ uid: `record-${record.seq}` }, {})];
  return programs.map(({ pid, parent, program }) =>
    draft(
      {
        pid,
        uid: `${record.instance}-${pid}`,
        name: names.resource(program.slice(program.lastIndexOf("/") + 1)),
        path: names.resource(program),
        parent_process: { pid: parent },
      },
      {},
    ),
  );
}
