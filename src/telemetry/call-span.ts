import type { LogRecord } from "../protocol/record.ts";
import type { PayloadFields } from "../protocol/telemetry-table.ts";
import { CALL_SPAN } from "../protocol/trace-context.ts";
import type { Attributes } from "./attributes.ts";
import { showText, type Names, type Subject } from "./names.ts";
import { contentAttributes } from "./record-attributes.ts";
import { SPAN_KIND, type SpanDraft } from "./spans.ts";
import type { OpenAction } from "./traces.ts";

type Outcome = Extract<LogRecord, { readonly kind: "outcome" }>;

const METHODS = { call: "tools/call", read: "resources/read", prompt: "prompts/get" } as const;
/** Built-in devices that are no MCP servers. */
export const DEVICES: ReadonlySet<string> = new Set(["net", "infer", "git-ssh", "memory"]);

/** What went wrong with a call, as spans and metrics say it: a code, or the conventions' word for a tool that says it failed. */
export function errorOfOutcome({ result, code }: Pick<Outcome, "result" | "code">): string | null {
  if (result === "ok") return null;
  return result === "tool-error" ? "tool_error" : (code ?? result);
}

/**
 * The span of the call of a driver, by the semantic conventions: `mcp.*` with `gen_ai.*` for a call of a server's tool,
 * `gen_ai.*` for a call of a model, `http.*` for an exchange. What a server or a provider was told is below this one.
 */
export function callSpan(
  record: Outcome,
  {
    open,
    fields,
    names,
  }: {
    readonly open: OpenAction;
    readonly fields: PayloadFields | null;
    readonly names: Names;
  },
): Pick<SpanDraft, "id" | "name" | "kind" | "attributes"> {
  const subject = names.subject(record);
  const common = { "aios.instance": record.instance, "gen_ai.conversation.id": record.instance };
  const { name, attributes } = parts(subject, { open, fields, names });
  const args = open.arguments === null ? {} : contentAttributes({ arguments: open.arguments, result: null });
  const result = contentAttributes({ arguments: null, result: fields?.content?.result ?? null });
  return {
    id: CALL_SPAN,
    name,
    kind: SPAN_KIND.client,
    attributes: { ...common, ...attributes, ...args, ...result },
  };
}

function parts(
  subject: Subject,
  { open, fields, names }: { readonly open: OpenAction; readonly fields: PayloadFields | null; readonly names: Names },
): { readonly name: string; readonly attributes: Attributes } {
  const { driver, verb, name } = subject;
  if (driver === "infer") return inference(open, fields);
  if (DEVICES.has(driver)) return exchange(subject, { open, fields, names });
  const method = METHODS[verb];
  switch (verb) {
    case "call":
      return {
        name: `${method} ${name}`,
        attributes: {
          "mcp.method.name": method,
          "gen_ai.operation.name": "execute_tool",
          "gen_ai.tool.name": name,
          "aios.driver": driver,
        },
      };
    case "read":
      return {
        name: method,
        attributes: { "mcp.method.name": method, "mcp.resource.uri": name, "aios.driver": driver },
      };
    case "prompt":
      return {
        name: `${method} ${name}`,
        attributes: { "mcp.method.name": method, "gen_ai.prompt.name": name, "aios.driver": driver },
      };
  }
}

function inference(
  open: OpenAction,
  fields: PayloadFields | null,
): { readonly name: string; readonly attributes: Attributes } {
  const model = open.infer?.model ?? null;
  const spent = fields?.infer?.spent ?? null;
  return {
    name: model === null ? "chat" : `chat ${showText(model)}`,
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": showText(open.infer?.provider ?? "unknown"),
      "gen_ai.request.model": model === null ? null : showText(model),
      "gen_ai.usage.input_tokens": spent?.input ?? null,
      "gen_ai.usage.output_tokens": spent?.output ?? null,
    },
  };
}

function exchange(
  { driver, name }: Subject,
  { open, fields, names }: { readonly open: OpenAction; readonly fields: PayloadFields | null; readonly names: Names },
): { readonly name: string; readonly attributes: Attributes } {
  const { host = null, port = null, method = null } = open.net ?? {};
  return {
    name: method === null ? `${driver} ${name}` : showText(method),
    attributes: {
      "http.request.method": method === null ? null : showText(method),
      "http.response.status_code": fields?.net?.status ?? null,
      "server.address": host === null ? null : names.resource(host),
      "server.port": port,
      "aios.driver": driver,
    },
  };
}
