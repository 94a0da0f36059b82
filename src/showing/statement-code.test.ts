import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { shortCode, statementCode, type Draft } from "./statement-code.ts";

const digest = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const draft: Draft = {
  v: 1,
  purpose: "approve-action",
  subject: digest("an action"),
  nonce: "00000000000000000000000000000001",
  policy: digest("a policy"),
  start: "start-1",
  expires: 60_000,
};

describe("a short code", () => {
  test.each([
    [`sha256:${"0".repeat(64)}`, "000-000-000-000-000"],
    [`sha256:${"f".repeat(64)}`, "zzz-zzz-zzz-zzz-zzz"],
    [`sha256:0123abcd${"5".repeat(56)}`, "04h-tqk-ana-nan-ana"],
  ])("of %s is %s", (of, code) => expect(shortCode(of)).toBe(code));

  test("has its first 75 bits and nothing else", () => {
    const of = (hex: string): string => shortCode(`sha256:${hex.padEnd(64, "0")}`);
    expect(of("00000000000000000020")).not.toBe(of("0"));
    expect(of("0000000000000000001f")).toBe(of("0"));
  });

  test("is another for each field of the statement that differs", () => {
    const others: readonly Draft[] = [
      { ...draft, purpose: "sign-grant" },
      { ...draft, subject: digest("another") },
      { ...draft, nonce: "00000000000000000000000000000002" },
      { ...draft, policy: digest("another policy") },
      { ...draft, start: "start-2" },
      { ...draft, expires: 60_001 },
    ];
    expect(new Set([draft, ...others].map((each) => statementCode(each, digest))).size).toBe(7);
  });
});
