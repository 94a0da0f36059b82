import { expect, test } from "vitest";
import { decodeRetention, ERASABLE, isErasable } from "./retention.ts";

test("rules are days by kind, whole ones from 1 to 36,500, and nothing else", () => {
  for (const days of [{}, { intent: 1 }, { outcome: 36_500, "port-visited": 30 }])
    expect(decodeRetention({ days })).toMatchObject({ kind: "ok", value: { days } });
  for (const days of [{ intent: 0 }, { intent: 36_501 }, { intent: 1.5 }, { intent: "1" }, { Intent: 1 }, [], null])
    expect(decodeRetention({ days }), JSON.stringify(days)).toMatchObject({ kind: "refused" });
  expect(decodeRetention({})).toMatchObject({ kind: "refused" });
  expect(decodeRetention({ days: {}, more: 1 })).toMatchObject({ kind: "refused" });
});

test("what authority, state and statements are made of is not among what can go", () => {
  expect(ERASABLE.every(isErasable)).toBe(true);
  for (const kind of ["grant-signed", "owner-enrolled", "approved", "policy-set", "instance-started", "memory-kept"])
    expect(isErasable(kind), kind).toBe(false);
});
