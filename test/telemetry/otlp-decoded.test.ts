import { expect, test } from "vitest";
import { isPublished, throughProtobuf } from "./otlp-decoded.ts";

/* That the reader of telemetry.test.ts, which was not written here, refuses what it should. */

const [TRACE, SPAN] = ["0123456789abcdef0123456789abcdef", "0123456789abcdef"];
const span = { traceId: TRACE, spanId: SPAN, name: "a", kind: 3, startTimeUnixNano: "1", endTimeUnixNano: "2" };
const spans = (change: object): object => ({ resourceSpans: [{ scopeSpans: [{ spans: [{ ...span, ...change }] }] }] });
const logs = (change: object): object => ({
  resourceLogs: [{ scopeLogs: [{ logRecords: [{ timeUnixNano: "1", ...change }] }] }],
});
const sum = (change: object): object => {
  const dataPoints = [{ timeUnixNano: "1", asInt: "5", ...change }];
  return {
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: "a", sum: { dataPoints, isMonotonic: true } }] }] }],
  };
};

test("what the published definitions have goes through protobuf unchanged", () => {
  const attributes = [
    { key: "a", value: { stringValue: "ü" } },
    { key: "b", value: { intValue: "9007199254740993" } },
    { key: "c", value: { boolValue: false } },
    { key: "d", value: { arrayValue: { values: [{ doubleValue: 0.5 }] } } },
  ];
  expect(
    isPublished("traces", spans({ attributes, links: [{ traceId: TRACE, spanId: SPAN }], status: { code: 2 } })),
  ).toBe(true);
  expect(isPublished("logs", logs({ eventName: "aios.start", body: { stringValue: "" }, severityNumber: 9 }))).toBe(
    true,
  );
  expect(isPublished("metrics", sum({ attributes: [] }))).toBe(true);
  expect(throughProtobuf("logs", logs({})).left).toEqual(logs({}));
});

test.each([
  ["a field that is none", "traces", spans({ nmae: "a" })],
  ["a name in the manner of protobuf's files", "traces", spans({ end_time_unix_nano: "2" })],
  ["a number for a text", "traces", spans({ name: 5 })],
  ["a number for a long one", "traces", spans({ endTimeUnixNano: 2 })],
  ["an id of odd length", "traces", spans({ spanId: "0123456789abcde" })],
  ["a text for a kind", "traces", spans({ kind: "SPAN_KIND_CLIENT" })],
  ["two values in one", "traces", spans({ attributes: [{ key: "a", value: { stringValue: "a", boolValue: true } }] })],
  ["a value that is none", "logs", logs({ body: "text" })],
  ["an event's name elsewhere", "logs", logs({ name: "aios.start" })],
  ["two numbers in one", "metrics", sum({ asDouble: 1 })],
  ["a truth value for a number", "metrics", sum({ asInt: true })],
] as const)("refuses %s", (_, signal, given) => {
  expect(isPublished(signal, given)).toBe(false);
});
