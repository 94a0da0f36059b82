import { expect, test } from "vitest";
import { describeLimits } from "./limit-check.ts";

test("doctor says which bounds hold here, by what, and what it means where there is no cgroup", () => {
  expect(describeLimits("cgroup", null)).toMatchObject({ state: "ok", hint: null });
  expect(describeLimits("cgroup", null).found).toContain("memory and processes in all by cgroups");
  const watched = describeLimits("watch", "none was delegated");
  expect(watched).toMatchObject({ name: "limits", state: "note" });
  expect(watched.found).toContain("memory, cpu and disk by a look every 100 ms: none was delegated");
  expect(watched.hint).toContain("between two looks an instance can go over");
  expect(watched.hint).toContain("Delegate=yes");
});
