import { expect, test } from "vitest";
import { decode } from "./decode.ts";
import { MONITOR_TELEMETRY, MOST_ASKED, TELEMETRY_SIDE } from "./telemetry-table.ts";

test("telemetry asks for a beginning and for named fields, says how it stands, and nothing else", () => {
  expect(Object.keys(MONITOR_TELEMETRY.serves)).toEqual(["begin", "fields"]);
  expect(Object.keys(MONITOR_TELEMETRY.hears)).toEqual(["standing"]);
  expect([MONITOR_TELEMETRY.asks, TELEMETRY_SIDE.serves]).toEqual([{}, {}]);
  expect(Object.keys(TELEMETRY_SIDE.asks)).toEqual(Object.keys(MONITOR_TELEMETRY.serves));
  expect(Object.keys(TELEMETRY_SIDE.hears)).toEqual(["grown"]);
});

test("what it says is checked like a stranger's words: it reads what receivers answer", () => {
  const { fields } = MONITOR_TELEMETRY.serves;
  const { standing } = MONITOR_TELEMETRY.hears;
  const state = { name: "traces", next: 1, fault: null, lost: 0, rewound: null };
  expect(decode(fields, { records: [1, 2] }).kind).toBe("ok");
  expect(decode(standing, { deliveries: [state] }).kind).toBe("ok");
  for (const bad of [{ records: [-1] }, { records: Array(MOST_ASKED + 1).fill(1) }, { records: [1], payloads: true }]) {
    expect(decode(fields, bad).kind).toBe("refused");
  }
  for (const bad of [
    { ...state, name: "shell" },
    { ...state, fault: "\u001b[2J" },
    { ...state, fault: "x".repeat(200) },
    { ...state, rewound: { at: 1, from: -8, to: 2, size: 3 } },
  ]) {
    expect(decode(standing, { deliveries: [bad] }).kind).toBe("refused");
  }
});

test("of a payload named fields are handed over, and no other", () => {
  const { fields } = TELEMETRY_SIDE.asks;
  const one = { record: 1, infer: null, net: null, programs: [], content: null };
  expect(decode(fields, { fields: [one] }).kind).toBe("ok");
  expect(decode(fields, { fields: [{ ...one, action: "{}" }] }).kind).toBe("refused");
});
