import { expect, test } from "vitest";
import { readKeys } from "./full-screen.ts";

test("keys are read from what a terminal sends, and nothing else is a key", () => {
  expect(readKeys("aS\u001b[A\u001bOB\u001b[5~\r\t\u0003\u001a")).toEqual([
    "a",
    "S",
    "up",
    "down",
    "page-up",
    "enter",
    "tab",
    "quit",
    "suspend",
  ]);
  expect(readKeys("\u001b")).toEqual(["escape"]);
  // Modified arrows, mouse reports, answers of a terminal, letters of other scripts.
  expect(readKeys("\u001b[1;5A\u001b[<0;3;4M\u001b[?1;2c\u00e4\u0000 ")).toEqual([]);
});
