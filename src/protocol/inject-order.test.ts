import { expect, test } from "vitest";
import { decode } from "./decode.ts";
import { INJECTOR_SIDE, MONITOR_INJECTOR } from "./inject-order.ts";

const arming = {
  binding: {
    secret: "bank",
    to: "https://api.example.org",
    methods: ["POST"],
    path: "/v1",
    header: "x-api-key",
    scheme: null,
  },
  placeholder: `aios-secret-bank-${"0".repeat(32)}`,
  value: "sk-12345678",
  others: ["rt-12345678"],
};

test("an injector is armed, ordered and cancelled, and asks one thing", () => {
  expect(Object.keys(INJECTOR_SIDE.serves)).toEqual(["exchange", "cancel", "cut", "arm"]);
  expect(Object.keys(INJECTOR_SIDE.asks)).toEqual(["refused"]);
  expect(Object.keys(MONITOR_INJECTOR.serves)).toEqual(["refused"]);
  expect([INJECTOR_SIDE.says, MONITOR_INJECTOR.hears]).toEqual([{}, {}]);
  expect(decode(INJECTOR_SIDE.serves.arm, arming)).toEqual({ kind: "ok", value: arming });
});

test.each([
  { value: "sk-1234567 " },
  { value: 12_345_678 },
  { others: ["rt-1234567 "] },
  { placeholder: "sk-12345678" },
  { binding: { ...arming.binding, to: "http://api.example.org" } },
])("is not armed with %j, and what is said of it holds no value", (change) => {
  const read = decode(INJECTOR_SIDE.serves.arm, { ...arming, ...change });
  expect(read.kind).toBe("refused");
  expect(JSON.stringify(read)).not.toContain("1234567");
});
