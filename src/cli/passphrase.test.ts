import { expect, test } from "vitest";
import { findWeakness } from "./passphrase.ts";

test.each(["correct horse battery staple", "ab cd ef gh", "kR7!mQ2zLp9x", "пароль из слов тут", "one two three"])(
  "%j is taken",
  (passphrase) => {
    expect(findWeakness(passphrase)).toBeNull();
  },
);

test.each([
  ["", "it needs at least 12 characters or 4 different words"],
  ["hunter2", "it needs at least 12 characters or 4 different words"],
  ["elevenchars", "it needs at least 12 characters or 4 different words"],
  ["no no no no", "it needs at least 12 characters or 4 different words"],
  ["           x", "it needs at least 12 characters or 4 different words"],
  ["a b c d e", "it needs at least 12 characters or 4 different words"],
  ["aaaaaaaaaaaaaaaa", "it repeats fewer than 5 different characters"],
])("%j is refused", (passphrase, why) => {
  expect(findWeakness(passphrase)).toBe(why);
});
