import { expect, test } from "vitest";
import { escapeName, joinName, proposeRead, splitName } from "./names.ts";

test.each([
  ["files__read", "files", "read"],
  ["files__read__all", "files", "read__all"],
  ["my-files2___x", "my-files2", "_x"],
  ["aios__approve", "aios", "approve"],
])("%s is one driver and one name, and back", (word, driver, name) => {
  expect(splitName(word)).toEqual({ driver, name });
  expect(joinName(driver, name)).toBe(word);
});

test.each([
  "read",
  "__read",
  "files__",
  "Files__read",
  "fi_les__read",
  "fіles__read",
  "files__re\u0000ad",
  "files/read",
  "",
])("%j belongs to no driver and is still named in printable ASCII", (word) => {
  const { driver, name } = splitName(word);
  expect(driver).toBe("unknown");
  expect(name).toMatch(/^[\x20-\x7e]{1,256}$/);
});

test("no two short words escape to one name", () => {
  const words = ["", "\\", "\\u{0}", "\u0000", "é", "\\u{e9}", "\u{1f600}"];
  expect(new Set(words.map((word) => escapeName(word))).size).toBe(words.length);
  expect(escapeName("é".repeat(1_000))).toHaveLength(256);
});

test("a URI that cannot be named is read from no driver", () => {
  expect(proposeRead("files", "file:///a b")).toMatchObject({ driver: "files", name: "file:///a b" });
  expect(proposeRead("files", "file:///é")).toMatchObject({ driver: "unknown", name: "file:///\\u{e9}" });
  expect(proposeRead("files", `file:///${"a".repeat(300)}`)).toMatchObject({ driver: "unknown" });
});
