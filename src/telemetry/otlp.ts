import { isObject, parseJson, type JsonObject } from "../kernel/json.ts";
import { encodeAttributes, type Attributes } from "./attributes.ts";

/** Who tells: the same in everything that is sent. */
export interface Teller {
  /** Version of the substrate. */
  readonly version: string;
  /** Which home, without saying where: a salted digest. */
  readonly home: string;
}

/** The whole of one OTLP request for some spans, log records or metrics (opentelemetry-proto, JSON of OTLP 1.x). */
export function otlpRequest(
  signal: "traces" | "logs" | "metrics",
  values: readonly JsonObject[],
  { version, home }: Teller,
): JsonObject {
  const attributes: Attributes = { "service.name": "aios", "service.version": version, "service.instance.id": home };
  const resource = { attributes: encodeAttributes(attributes) };
  const scope = { name: "aios", version };
  switch (signal) {
    case "traces":
      return { resourceSpans: [{ resource, scopeSpans: [{ scope, spans: values }] }] };
    case "logs":
      return { resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords: values }] }] };
    case "metrics":
      return { resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics: values }] }] };
  }
}

/** How many of what was sent a receiver says that it left out, though it took the request (`partial_success`). */
export function leftOut(answer: string): number {
  const read = parseJson(answer);
  const partial = read.kind === "ok" && isObject(read.value) ? read.value["partialSuccess"] : undefined;
  if (!isObject(partial)) return 0;
  const [, rejected] = Object.entries(partial).find(([name]) => name.startsWith("rejected")) ?? [];
  const count = typeof rejected === "string" || typeof rejected === "number" ? Number(rejected) : 0;
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}
