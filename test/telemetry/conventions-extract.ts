import * as conventions from "@opentelemetry/semantic-conventions/incubating";

/**
 * What OpenTelemetry's semantic conventions say of the attributes, spans and metrics that are sent. Members of enumerations
 * come from the package that is generated of them. It has no types, requirement levels and names of spans: those were
 * written by hand from the model of open-telemetry/semantic-conventions: mcp/registry.yaml (ede4660e), mcp/common.yaml (09e859c0), mcp/spans.yaml (e08b5f30),
 * gen-ai/registry.yaml (575e9abb), gen-ai/deprecated/spans-deprecated.yaml (0ebb1a01), gen-ai/metrics.yaml (b29e7598, whose
 * gen_ai.system is gen_ai.provider.name since 1.37). `any` may be text of JSON on a span.
 */
type AttributeType = "string" | "int" | "any" | { readonly members: readonly string[]; readonly open: boolean };

/** Values of an enumeration, as the published package has them: constants whose names begin so. */
function membersOf(name: string): readonly string[] {
  const found = Object.entries(conventions).flatMap(([key, value]) =>
    key.startsWith(`${name}_VALUE_`) && typeof value === "string" ? [value] : [],
  );
  if (found.length === 0) throw new Error(`the conventions have no values of ${name}`);
  return found;
}

export const ATTRIBUTE_TYPES: { readonly [name: string]: AttributeType } = {
  "mcp.method.name": { members: membersOf("MCP_METHOD_NAME"), open: false },
  "mcp.resource.uri": "string",
  "gen_ai.operation.name": { members: membersOf("GEN_AI_OPERATION_NAME"), open: false },
  // Who is none of those that are listed has a name of its own.
  "gen_ai.provider.name": { members: membersOf("GEN_AI_PROVIDER_NAME"), open: true },
  "gen_ai.token.type": { members: membersOf("GEN_AI_TOKEN_TYPE"), open: false },
  "gen_ai.request.model": "string",
  "gen_ai.usage.input_tokens": "int",
  "gen_ai.usage.output_tokens": "int",
  "gen_ai.conversation.id": "string",
  "gen_ai.agent.name": "string",
  "gen_ai.tool.name": "string",
  "gen_ai.tool.call.arguments": "any",
  "gen_ai.tool.call.result": "any",
  "gen_ai.prompt.name": "string",
  "error.type": { members: membersOf("ERROR_TYPE"), open: true },
};

/** A kind of span: how it is known, what it must have, and what its name is made of. */
interface SpanGroup {
  /** The attribute by which it is known, and its value; null is any. */
  readonly by: readonly [string, string | null];
  readonly kind: number;
  readonly required: readonly string[];
  /** Required where the first attribute has this value. */
  readonly where: readonly (readonly [attribute: string, value: string, needed: string])[];
  /** Attributes whose values make the name, those that are there. */
  readonly name: readonly string[];
}

const [INTERNAL, CLIENT] = [1, 3];

/** Those that are sent; the first that fits counts. */
export const SPAN_GROUPS: readonly SpanGroup[] = [
  {
    by: ["mcp.method.name", null],
    kind: CLIENT,
    required: ["mcp.method.name"],
    where: [
      ["mcp.method.name", "tools/call", "gen_ai.tool.name"],
      ["mcp.method.name", "tools/call", "gen_ai.operation.name"],
      ["mcp.method.name", "prompts/get", "gen_ai.prompt.name"],
      ["mcp.method.name", "resources/read", "mcp.resource.uri"],
    ],
    name: ["mcp.method.name", "gen_ai.tool.name", "gen_ai.prompt.name"],
  },
  {
    by: ["gen_ai.operation.name", "chat"],
    kind: CLIENT,
    required: ["gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.conversation.id"],
    where: [],
    name: ["gen_ai.operation.name", "gen_ai.request.model"],
  },
  {
    by: ["gen_ai.operation.name", "invoke_agent"],
    kind: INTERNAL,
    // gen_ai.provider.name is required too: an agent here may ask many providers or none (docs/decisions/telemetry.md).
    required: ["gen_ai.operation.name", "gen_ai.agent.name", "gen_ai.conversation.id"],
    where: [],
    name: ["gen_ai.operation.name", "gen_ai.agent.name"],
  },
];

/** Metrics that are sent under names of the conventions. */
export const METRICS: {
  readonly [name: string]: { readonly kind: string; readonly unit: string; readonly required: readonly string[] };
} = {
  "gen_ai.client.token.usage": {
    kind: "histogram",
    unit: "{token}",
    required: ["gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.token.type", "gen_ai.request.model"],
  },
  "gen_ai.client.operation.duration": {
    kind: "histogram",
    unit: "s",
    required: ["gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model"],
  },
  "mcp.client.operation.duration": { kind: "histogram", unit: "s", required: ["mcp.method.name"] },
};
