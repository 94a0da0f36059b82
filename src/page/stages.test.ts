import { expect, test } from "vitest";
import type { HeldView } from "../protocol/held-view.ts";
import { countWaiting } from "./inbox.ts";
import { lastStage } from "./stages.ts";

const view = (instance: string, what: string): HeldView => ({
  request: "0",
  instance,
  agent: "writer",
  what,
  about: "",
  reasons: [],
  since: 0,
  expires: 1,
  digest: what,
  same: "",
  shape: "",
});
const held = new Map(["tool/one", "tool/two"].map((what) => [what, view("writer-1", what)]));

test("what is held tells a page that was opened afterwards where an action stands", () => {
  expect(lastStage({ stages: new Map(), held }, "writer-1")).toEqual({
    what: "tool/two",
    stage: "approve",
    verdict: "held",
  });
  expect(lastStage({ stages: new Map(), held }, "other-1")).toBeUndefined();
  const seen = { what: "tool/three", stage: "audit", verdict: "done" } as const;
  expect(lastStage({ stages: new Map([["writer-1", seen]]), held }, "writer-1")).toEqual(seen);
});

test("what waits is counted in words", () => {
  expect(countWaiting(0, 0)).toBe("");
  expect(countWaiting(2, 2)).toBe("2 waiting");
  expect(countWaiting(10, 1)).toBe("10 waiting, all of 1 kind");
  expect(countWaiting(10, 2)).toBe("10 waiting in 2 kinds");
});
