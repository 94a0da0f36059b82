import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { CALL_SPAN, spanId, traceId, traceParent } from "./trace-context.ts";

const sha256 = (data: Uint8Array): Uint8Array => createHash("sha256").update(data).digest();
const origin = { start: "a".repeat(32), seq: 7 };

test("a trace and its spans follow from the record that they are named after, and from nothing else", () => {
  expect(traceId(sha256, origin)).toMatch(/^[0-9a-f]{32}$/u);
  expect(spanId(sha256, origin, "root")).toMatch(/^[0-9a-f]{16}$/u);
  expect(traceId(sha256, { ...origin })).toBe(traceId(sha256, origin));
  const others = [
    traceId(sha256, { ...origin, seq: 8 }),
    traceId(sha256, { ...origin, start: "b".repeat(32) }),
    spanId(sha256, origin, "root"),
    spanId(sha256, origin, "decide"),
  ];
  expect(new Set([...others, traceId(sha256, origin)]).size).toBe(5);
});

test("the header is W3C Trace Context's, sampled, with the call as the parent", () => {
  expect(traceParent(sha256, origin)).toBe(`00-${traceId(sha256, origin)}-${spanId(sha256, origin, CALL_SPAN)}-01`);
});
