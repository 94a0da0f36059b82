/**
 * A strict reader of OTLP's JSON: what the published definition (github.com/open-telemetry/opentelemetry-proto,
 * `trace.proto`, `logs.proto`, `metrics.proto`, `common.proto`, `resource.proto`, Apache-2.0) and the JSON rules of the
 * OTLP specification say of the messages that are sent here. Written by hand; compared with `trace.proto` alone. A field that is not in it is an
 * error, as it is for a receiver that discards nothing.
 */
type Shape =
  | "text"
  | "flag"
  | "number"
  /** fixed64 and uint64: decimal in a string. */
  | "long"
  | "small"
  | "trace-id"
  | "span-id"
  | { readonly list: Shape }
  | {
      readonly fields: { readonly [name: string]: Shape };
      readonly required?: readonly string[];
      readonly oneOf?: readonly string[];
    };

const value: Shape = {
  fields: {
    stringValue: "text",
    boolValue: "flag",
    intValue: "long",
    doubleValue: "number",
    get arrayValue(): Shape {
      return { fields: { values: { list: value } } };
    },
  },
  oneOf: ["stringValue", "boolValue", "intValue", "doubleValue", "arrayValue"],
};
const attributes: Shape = { list: { fields: { key: "text", value }, required: ["key", "value"] } };
const resource: Shape = { fields: { attributes }, required: ["attributes"] };
const scope: Shape = { fields: { name: "text", version: "text" }, required: ["name"] };
const link: Shape = {
  fields: { traceId: "trace-id", spanId: "span-id", flags: "small" },
  required: ["traceId", "spanId"],
};
const span: Shape = {
  fields: {
    traceId: "trace-id",
    spanId: "span-id",
    parentSpanId: "span-id",
    flags: "small",
    name: "text",
    kind: "small",
    startTimeUnixNano: "long",
    endTimeUnixNano: "long",
    attributes,
    links: { list: link },
    status: { fields: { code: "small", message: "text" } },
  },
  required: ["traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"],
};
const logRecord: Shape = {
  fields: {
    timeUnixNano: "long",
    observedTimeUnixNano: "long",
    severityNumber: "small",
    severityText: "text",
    eventName: "text",
    body: value,
    attributes,
    traceId: "trace-id",
    spanId: "span-id",
    flags: "small",
  },
  required: ["timeUnixNano", "observedTimeUnixNano", "body"],
};
const times = { startTimeUnixNano: "long", timeUnixNano: "long" } as const;
const numbers: Shape = {
  list: {
    fields: { ...times, attributes, asInt: "long", asDouble: "number" },
    required: ["timeUnixNano"],
    oneOf: ["asInt", "asDouble"],
  },
};
const histograms: Shape = {
  list: {
    fields: {
      ...times,
      attributes,
      count: "long",
      sum: "number",
      bucketCounts: { list: "long" },
      explicitBounds: { list: "number" },
    },
    required: ["timeUnixNano", "count", "bucketCounts", "explicitBounds"],
  },
};
const metric: Shape = {
  fields: {
    name: "text",
    description: "text",
    unit: "text",
    gauge: { fields: { dataPoints: numbers }, required: ["dataPoints"] },
    sum: {
      fields: { dataPoints: numbers, aggregationTemporality: "small", isMonotonic: "flag" },
      required: ["dataPoints", "aggregationTemporality"],
    },
    histogram: {
      fields: { dataPoints: histograms, aggregationTemporality: "small" },
      required: ["dataPoints", "aggregationTemporality"],
    },
  },
  required: ["name"],
  oneOf: ["gauge", "sum", "histogram"],
};
const request = (outer: string, inner: string, name: string, item: Shape): Shape => ({
  fields: {
    [outer]: {
      list: {
        fields: {
          resource,
          [inner]: { list: { fields: { scope, [name]: { list: item } }, required: ["scope", name] } },
        },
        required: ["resource", inner],
      },
    },
  },
  required: [outer],
});

const REQUESTS = {
  traces: request("resourceSpans", "scopeSpans", "spans", span),
  logs: request("resourceLogs", "scopeLogs", "logRecords", logRecord),
  metrics: request("resourceMetrics", "scopeMetrics", "metrics", metric),
} as const;

/** What is wrong with a request, each with its place; nothing when a strict receiver takes it. */
export function checkOtlp(signal: keyof typeof REQUESTS, given: unknown): readonly string[] {
  return check(REQUESTS[signal], given, "");
}

const TEXTS: { readonly [shape: string]: RegExp } = {
  long: /^(?:0|[1-9][0-9]{0,19})$/u,
  "trace-id": /^(?!0{32})[0-9a-f]{32}$/u,
  "span-id": /^(?!0{16})[0-9a-f]{16}$/u,
  text: /^/u,
};

function check(shape: Shape, given: unknown, at: string): readonly string[] {
  const wrong = (why: string): readonly string[] => [`${at}: ${why}`];
  if (typeof shape === "string") {
    if (shape === "flag") return typeof given === "boolean" ? [] : wrong("no truth value");
    if (shape === "number") return Number.isFinite(given) ? [] : wrong("no number");
    if (shape === "small") return Number.isInteger(given) && Number(given) >= 0 ? [] : wrong("no whole number");
    return typeof given === "string" && (TEXTS[shape]?.test(given) ?? false) ? [] : wrong(`no ${shape}`);
  }
  if ("list" in shape) {
    return Array.isArray(given)
      ? given.flatMap((each: unknown, n) => check(shape.list, each, `${at}/${n}`))
      : wrong("no list");
  }
  if (given === null || typeof given !== "object" || Array.isArray(given)) return wrong("no object");
  const names = Object.keys(given);
  const { required = [], oneOf } = shape;
  return [
    ...required.filter((name) => !names.includes(name)).map((name) => `${at}: ${name} is missing`),
    ...(oneOf === undefined || oneOf.filter((name) => names.includes(name)).length === 1
      ? []
      : wrong(`not one of ${oneOf.join()}`)),
    ...Object.entries(given).flatMap(([name, each]) => {
      const inner = shape.fields[name];
      return inner === undefined ? [`${at}/${name}: unknown`] : check(inner, each, `${at}/${name}`);
    }),
  ];
}
