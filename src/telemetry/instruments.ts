/** A kind of measurement; names of OpenTelemetry, from which those of Prometheus follow. */
export interface Instrument {
  readonly kind: "counter" | "gauge" | "histogram";
  /** UCUM, as OpenTelemetry has it. */
  readonly unit: string;
  readonly help: string;
  /** Upper bounds of a histogram's buckets. */
  readonly bounds?: readonly number[];
}

/** Seconds, as the semantic conventions advise for calls of tools and models. */
const SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/** How long people take. */
const PATIENCE = [1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400];
/** Powers of four, as the semantic conventions advise for tokens. */
const TOKENS = Array.from({ length: 14 }, (_, power) => 4 ** power);

const NAMES = [
  "aios.actions",
  "aios.action.duration",
  "aios.approval.duration",
  "aios.held",
  "aios.instances",
  "aios.prompts",
  "aios.terminals",
  "aios.freezes",
  "aios.grant.uses",
  "aios.result.bytes",
  "aios.inference.cost",
  "aios.log.records",
  "gen_ai.client.token.usage",
  "gen_ai.client.operation.duration",
  "mcp.client.operation.duration",
] as const;
export type InstrumentName = (typeof NAMES)[number];
/** Their names, in the order in which they are told. */
export const INSTRUMENT_NAMES: readonly InstrumentName[] = NAMES;

/** Everything that is measured. Labels are words of ours or of what owners signed, never an agent's. */
export const INSTRUMENTS: { readonly [name in InstrumentName]: Instrument } = {
  "aios.actions": { kind: "counter", unit: "{action}", help: "Steps of actions by stage, decision and risk." },
  "aios.action.duration": {
    kind: "histogram",
    unit: "s",
    help: "From the intent of an action to its outcome.",
    bounds: SECONDS,
  },
  "aios.approval.duration": {
    kind: "histogram",
    unit: "s",
    help: "How long held actions waited for a human.",
    bounds: PATIENCE,
  },
  "aios.held": { kind: "gauge", unit: "{action}", help: "Actions that wait for a human now." },
  "aios.instances": { kind: "gauge", unit: "{instance}", help: "Instances that run now." },
  "aios.prompts": {
    kind: "histogram",
    unit: "{prompt}",
    help: "Prompts for humans in one task, those of its delegates among them.",
    bounds: [0, 1, 2, 3, 5, 8, 13, 21, 34, 55],
  },
  "aios.terminals": { kind: "counter", unit: "{instance}", help: "Instances that were ended for good, by code." },
  "aios.freezes": { kind: "counter", unit: "{instance}", help: "Instances that were frozen, by code." },
  "aios.grant.uses": { kind: "counter", unit: "{use}", help: "Uses of grants." },
  "aios.result.bytes": { kind: "counter", unit: "By", help: "Bytes of results, which grants may count." },
  "aios.inference.cost": { kind: "counter", unit: "{currency}", help: "Money spent with providers of models." },
  "aios.log.records": { kind: "gauge", unit: "{record}", help: "Records in the public files of the log." },
  "gen_ai.client.token.usage": {
    kind: "histogram",
    unit: "{token}",
    help: "Tokens of calls of models.",
    bounds: TOKENS,
  },
  "gen_ai.client.operation.duration": {
    kind: "histogram",
    unit: "s",
    help: "Duration of calls of models.",
    bounds: SECONDS,
  },
  "mcp.client.operation.duration": {
    kind: "histogram",
    unit: "s",
    help: "Duration of requests to MCP servers.",
    bounds: SECONDS,
  },
};
