import { expect, test } from "vitest";
import { COSIGNER_SIDE, MONITOR_COSIGNER } from "./cosign-order.ts";
import { decode } from "./decode.ts";

test("a cosigner takes one checkpoint to one address, and nothing else is asked of it", () => {
  expect(Object.keys(COSIGNER_SIDE.serves)).toEqual(["submit"]);
  expect([COSIGNER_SIDE.hears, COSIGNER_SIDE.asks, COSIGNER_SIDE.says]).toEqual([{}, {}, {}]);
  const { submit } = COSIGNER_SIDE.serves;
  expect(decode(submit, { at: "http://127.0.0.1:7741", text: "old 0\n" }).kind).toBe("ok");
  for (const bad of [
    { at: "http://example.com", text: "" },
    { at: "file:///etc/passwd", text: "" },
    { at: "https://example.com", text: "x".repeat(70_000) },
    { at: "https://example.com" },
    { at: "https://example.com", text: "", headers: {} },
  ]) {
    expect(decode(submit, bad).kind, JSON.stringify(bad).slice(0, 60)).toBe("refused");
  }
});

test("what it answers is checked like a stranger's words", () => {
  const { submit } = MONITOR_COSIGNER.asks;
  expect(decode(submit, { kind: "silent" }).kind).toBe("ok");
  expect(decode(submit, { kind: "answered", status: 200, text: "line\n" }).kind).toBe("ok");
  for (const bad of [
    { kind: "answered", status: 2000, text: "" },
    { kind: "answered", status: 200 },
    { kind: "silent", why: "" },
    { kind: "cosigned" },
  ]) {
    expect(decode(submit, bad).kind).toBe("refused");
  }
});
