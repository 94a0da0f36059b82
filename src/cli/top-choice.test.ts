import { expect, test } from "vitest";
import { createChoice } from "./top-choice.ts";

const choose = () => createChoice<string>((item) => item);

test("the first of a list is chosen, and stays so wherever it moves to", () => {
  const choice = choose();
  expect(choice.at([])).toBe(-1);
  expect(choice.of(["a", "b"])).toBe("a");
  expect(choice.at(["z", "a", "b"])).toBe(1);
  choice.move(["z", "a", "b"], 1);
  expect(choice.of(["b", "z"])).toBe("b");
});

test("what is gone leaves nothing chosen, whatever slid into its row, until somebody chooses again", () => {
  const choice = choose();
  choice.move(["a", "b", "c"], 1);
  expect(choice.at(["a", "c"])).toBe(-1);
  expect(choice.of(["a", "c"])).toBeUndefined();
  expect(choice.of(["new"])).toBeUndefined();
  choice.move(["a", "c"], 1);
  expect(choice.of(["a", "c"])).toBe("c");
});

test("moves stay within the list, also to its ends", () => {
  const items = ["a", "b", "c"];
  const choice = choose();
  for (const [by, chosen] of [
    [-1, "a"],
    [Infinity, "c"],
    [5, "c"],
    [-Infinity, "a"],
    [2, "c"],
  ] as const) {
    choice.move(items, by);
    expect(choice.of(items)).toBe(chosen);
  }
  choice.move([], 1);
  expect(choice.of(items)).toBe("c");
});
