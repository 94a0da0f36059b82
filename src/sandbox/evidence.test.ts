import { describe, expect, it } from "vitest";
import type { JsonValue } from "../kernel/json.ts";
import { ARGUMENTS_MOST, BATCH_MOST, decodeEvidence, PROGRAM_MOST } from "./evidence.ts";

const PROGRAM = { pid: 7, parent: 6, program: "/usr/bin/true", arguments: ["true"], cut: false };
const refusal = (value: JsonValue): string => {
  const result = decodeEvidence(value);
  return result.kind === "ok" ? "" : result.path;
};

describe("decodeEvidence", () => {
  it.each([
    { event: "launched", ward: 1 },
    { event: "failed", ward: 1, why: "no-program", words: 'Cannot start "x"' },
    { event: "started", ward: 1, programs: [PROGRAM] },
    {
      event: "refused",
      ward: 1,
      calls: { mount: 2, "call 999": 1 },
      examples: [{ call: "mount", pid: 7, program: "?" }],
    },
    { event: "terminal", ward: 1, call: "setns", pid: 7, program: "/usr/bin/x" },
    { event: "gone", ward: 1 },
  ])("reads what a supervisor reports: $event", (value) => {
    expect(decodeEvidence(value)).toEqual({ kind: "ok", value });
  });

  it("refuses what no supervisor reports", () => {
    expect(refusal({ event: "ended", ward: 1 })).toBe("/event");
    expect(refusal({ event: "launched", ward: 0 })).toBe("/ward");
    expect(refusal({ event: "launched", ward: 1, more: 1 })).toBe("/more");
    expect(refusal({ event: "terminal", ward: 1, call: "setns\n", pid: 7, program: "x" })).toBe("/call");
    expect(refusal({ event: "refused", ward: 1, calls: { "a b\u001b": 1 }, examples: [] })).toContain("/calls/");
  });

  it("refuses more than the bounds", () => {
    const started = (programs: readonly JsonValue[]): JsonValue => ({ event: "started", ward: 1, programs });
    expect(refusal(started(Array.from({ length: BATCH_MOST + 1 }, () => PROGRAM)))).toBe("/programs");
    expect(refusal(started([{ ...PROGRAM, program: "x".repeat(PROGRAM_MOST + 1) }]))).toBe("/programs/0/program");
    const many = Array.from({ length: ARGUMENTS_MOST + 1 }, () => "x");
    expect(refusal(started([{ ...PROGRAM, arguments: many }]))).toBe("/programs/0/arguments");
  });
});
