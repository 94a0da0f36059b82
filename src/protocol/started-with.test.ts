import { expect, test } from "vitest";
import { decodeStartedWith } from "./started-with.ts";

const START = {
  command: ["claude", "-p", "work"],
  environment: { LANG: "C" },
  code: ["/opt/claude"],
  workspace: "/home/maria/project",
  strict: false,
  holdAt: [],
  holdSeconds: 600,
  words: ["tidy up"],
};

test("how an instance was started is read as it was written", () => {
  expect(decodeStartedWith(START)).toEqual({ kind: "ok", value: START });
  expect(decodeStartedWith({ ...START, workspace: null, words: [] }).kind).toBe("ok");
});

test.each([
  ["nothing", null],
  ["a payload from which something is missing", { ...START, code: undefined }],
  ["a variable that makes programs load code", { ...START, environment: { LD_PRELOAD: "/x" } }],
  ["words that are more than a task", { ...START, words: ["a", "b"] }],
  ["anything else in it", { ...START, more: 1 }],
])("%s is refused", (_, value) => {
  expect(decodeStartedWith(JSON.parse(JSON.stringify(value))).kind).toBe("refused");
});
