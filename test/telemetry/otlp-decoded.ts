import { isDeepStrictEqual } from "node:util";
import generated from "@opentelemetry/otlp-transformer/build/src/generated/root.js";

/**
 * Requests of OTLP as code that was not written here decodes them: what protobufjs makes of the published definitions
 * (github.com/open-telemetry/opentelemetry-proto), in the package in which OpenTelemetry itself carries it.
 */
interface Message {
  fromObject(given: object): object;
  verify(message: object): string | null;
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
  toObject(message: object, options: object): object;
}
type Signal = "traces" | "logs" | "metrics";

// The package says nothing of the types of what it generated; a name that is not there would throw below.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
const { collector } = (generated as unknown as { opentelemetry: { proto: { collector: Collector } } }).opentelemetry
  .proto;
interface Collector {
  readonly trace: { readonly v1: { readonly ExportTraceServiceRequest: Message } };
  readonly logs: { readonly v1: { readonly ExportLogsServiceRequest: Message } };
  readonly metrics: { readonly v1: { readonly ExportMetricsServiceRequest: Message } };
}
const REQUESTS: { readonly [signal in Signal]: Message } = {
  traces: collector.trace.v1.ExportTraceServiceRequest,
  logs: collector.logs.v1.ExportLogsServiceRequest,
  metrics: collector.metrics.v1.ExportMetricsServiceRequest,
};
/** Bytes that OTLP's JSON writes in hex, where the one of protobuf has base64. */
const IDS: ReadonlySet<string> = new Set(["traceId", "spanId", "parentSpanId"]);

/**
 * What is left of a request that was read by those definitions, written in protobuf, and read back: a field that they do not
 * have is gone, and one of another type is another. `why`: what they say against it, or null.
 */
export function throughProtobuf(
  signal: Signal,
  given: object,
): { readonly left: unknown; readonly why: string | null } {
  const message = REQUESTS[signal];
  try {
    const read = message.fromObject(rewrite(given, (hex) => Buffer.from(hex, "hex").toString("base64")) as object);
    const why = message.verify(read);
    const back = message.decode(message.encode(read).finish());
    const object = message.toObject(back, { longs: String, enums: Number, bytes: String });
    return { left: rewrite(object, (base64) => Buffer.from(base64, "base64").toString("hex")), why };
  } catch (error) {
    return { left: null, why: error instanceof Error ? error.message : String(error) };
  }
}

/** Whether nothing was lost or changed on the way. */
export function isPublished(signal: Signal, given: object): boolean {
  const { left, why } = throughProtobuf(signal, given);
  return (
    why === null &&
    isDeepStrictEqual(
      left,
      rewrite(given, (hex) => hex),
    )
  );
}

/** With ids written another way, and without lists that are empty, which protobuf does not tell from none. */
function rewrite(value: unknown, id: (text: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => rewrite(each, id));
  if (typeof value !== "object" || value === null) return value;
  const made: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(value)) {
    if (Array.isArray(each) && each.length === 0) continue;
    made[name] = IDS.has(name) && typeof each === "string" ? id(each) : rewrite(each, id);
  }
  return made;
}
