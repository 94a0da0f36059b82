import { expect, test } from "vitest";
import { HeldSet } from "./held-set.ts";
import type { HeldState } from "./state.ts";

function held(record: number, instance = "i-0000000000000001"): HeldState {
  const common = { agent: "worker", what: "notes/add", text: "{}", risk: "reserved", reasons: [] } as const;
  return { record, request: `r${record}`, digest: `d${record}`, instance, since: 0, expires: 1, ...common };
}

test("what is held is found by its action and counted by instance, whatever comes and goes", () => {
  const set = new HeldSet();
  for (const each of [held(1), held(2), held(3, "i-0000000000000002")]) set.set(each.request, each);
  expect(set.ofAction("d2")?.request).toBe("r2");
  expect([set.countOf("i-0000000000000001"), set.countOf("i-0000000000000002"), set.countOf("none")]).toEqual([
    2, 1, 0,
  ]);
  set.set("r2", held(2)); // the same again counts once
  expect(set.countOf("i-0000000000000001")).toBe(2);
  expect(set.delete("r2")).toBe(true);
  expect(set.delete("r2")).toBe(false);
  expect(set.ofAction("d2")).toBeUndefined();
  expect(set.countOf("i-0000000000000001")).toBe(1);
  set.clear();
  expect([set.size, set.countOf("i-0000000000000002"), set.ofAction("d3")]).toEqual([0, 0, undefined]);
});
