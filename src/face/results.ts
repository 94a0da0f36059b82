import type { JsonObject } from "../kernel/json.ts";
import type { Outcome } from "../protocol/requests.ts";

type Stopped = Extract<Outcome, { kind: "stopped" }>;

/** Key under which a result's `_meta` carries why an action stopped. */
const STOPPED_META = "aios/stopped";
/** Key under which a driver's result carries a JSON-RPC error of its server: `{code, message}`. */
export const SERVER_ERROR_META = "aios/server-error";
/** JSON-RPC error code of an action that stopped; of the range that JSON-RPC leaves to servers. */
export const STOPPED_CODE = -32_050;

/** An error that the SDK turns into a JSON-RPC error response with its code and data. */
export class JsonRpcFault extends Error {
  override readonly name = "JsonRpcFault";
  readonly code: number;
  readonly data: JsonObject | undefined;

  constructor(code: number, message: string, data?: JsonObject) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/**
 * What a client gets for `tools/call`. A stopped action is a tool error, so that the model reads why and does not try
 * to repair its client. `structured` repeats it as structured content; clients check that against the tool's output
 * schema, so it stays out for tools that have one.
 */
export function toToolResult(outcome: Outcome, structured: boolean): JsonObject {
  if (outcome.kind === "done") return toPlainResult(outcome.result, "content");
  const stopped = describeStop(outcome);
  return {
    isError: true,
    content: [{ type: "text", text: explainStop(outcome) }],
    ...(structured ? { structuredContent: stopped } : {}),
    _meta: { [STOPPED_META]: stopped },
  };
}

/** What a client gets for `resources/read` and `prompts/get`. Throws JsonRpcFault for what stopped and server errors. */
export function toReadResult(outcome: Outcome, list: "contents" | "messages"): JsonObject {
  if (outcome.kind === "stopped") throw new JsonRpcFault(STOPPED_CODE, explainStop(outcome), describeStop(outcome));
  const fault = readServerError(outcome.result);
  if (fault !== null) throw fault;
  return toPlainResult(outcome.result, list);
}

/**
 * A server's result without the fields by which a 2026-07-28 server would ask the client for input: no driver may
 * make an agent's client ask its user something (the substrate's prompts are the only ones).
 */
function toPlainResult(result: JsonObject, list: string): JsonObject {
  const { resultType: _type, inputRequests: _requests, requestState: _state, ...rest } = result;
  return Array.isArray(rest[list]) ? rest : { ...rest, [list]: [] };
}

function describeStop({ stage, code, message, proposal }: Stopped): JsonObject {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- JSON by construction; interfaces lack the index signature
  return { stage, code, message, proposal: proposal as unknown as JsonObject | null };
}

/** Codes of actions that reached their driver, so that nobody may say that they did not run. */
const MAY_HAVE_RUN: ReadonlySet<string> = new Set([
  "driver-failed",
  "driver-timeout",
  "result-too-large",
  "log-unavailable",
]);

function explainStop({ stage, code, message, proposal }: Stopped): string {
  const hint =
    proposal === null
      ? ""
      : " A human can grant it: the smallest grant that would allow it is attached for them to sign.";
  const fate = MAY_HAVE_RUN.has(code) ? "It may have run, in part or whole." : "It did not run.";
  return `AIOS stopped this at ${stage} (${code}): ${message}. ${fate} Do not retry it unchanged.${hint}`;
}

function readServerError(result: JsonObject): JsonRpcFault | null {
  const meta = result["_meta"];
  if (typeof meta !== "object" || meta === null || !(SERVER_ERROR_META in meta)) return null;
  const error = meta[SERVER_ERROR_META];
  if (typeof error !== "object" || error === null || !("code" in error) || !("message" in error)) return null;
  const { code, message } = error;
  return typeof code === "number" && typeof message === "string" ? new JsonRpcFault(code, message) : null;
}
