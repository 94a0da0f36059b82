import { expect, test } from "vitest";
import { alertPerson } from "./alert.ts";

function listen(terminal: boolean): { readonly said: string[]; alert(code: string): void } {
  const said: string[] = [];
  const err = { write: (text: string) => void said.push(text), columns: 80, colour: false, terminal };
  const notice = (title: string, text: string): void => void said.push(`${title} / ${text}`);
  return { said, alert: (code) => alertPerson({ err, notice }, { instance: "i-1", state: "terminal", code }) };
}

test("a person is told by the bell and on the desktop, with the instance and the code", () => {
  const { said, alert } = listen(true);
  alert("prohibited-call");
  expect(said).toEqual(["\u0007", "AIOS: i-1 is terminal / prohibited-call"]);
});

test("no bell goes into a file, and nothing that deceives to the desktop", () => {
  const { said, alert } = listen(false);
  alert("a\u202eb");
  expect(said).toEqual(["AIOS: i-1 is terminal / a‹U+202E›b"]);
});
