import { describe, expect, test } from "vitest";
import type { JsonValue } from "../kernel/json.ts";
import { actuallySpent, spentIn } from "./spent.ts";

const SPENT = { input: 10, output: 20, cost: 30 };
const NOTHING = { input: 0, output: 0, cost: 0 };
const answer = (spent: JsonValue) => ({ result: JSON.stringify({ status: 200, spent }) });

describe("what a payload says was spent", () => {
  test("is read when it is whole", () => {
    expect(spentIn(SPENT)).toEqual(SPENT);
    for (const other of [undefined, null, 3, [], {}, { ...SPENT, cost: -1 }, { ...SPENT, input: 0.5 }])
      expect(spentIn(other)).toBeNull();
  });

  test("is what the provider counted, nothing for what did not run, and all that was expected when nobody knows", () => {
    const expected = { input: 1000, output: 1000, cost: 1000 };
    expect(actuallySpent("ok", answer(SPENT), expected)).toEqual(SPENT);
    expect(actuallySpent("tool-error", answer(SPENT), expected)).toEqual(SPENT);
    expect(actuallySpent("failed", answer(SPENT), expected)).toEqual(NOTHING);
    expect(actuallySpent("unknown", null, expected)).toEqual(expected);
    for (const payload of [null, {}, { result: 7 }, { result: "{" }, answer(null), answer({ input: 1 })])
      expect(actuallySpent("ok", payload, expected)).toEqual(expected);
  });
});
