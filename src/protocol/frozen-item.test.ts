import { expect, test } from "vitest";
import { asJson } from "./as-json.ts";
import { decode } from "./decode.ts";
import { FROZEN_ENTRIES, FROZEN_FROM, signedItem, type FrozenFrom } from "./frozen-item.ts";

const FROM: FrozenFrom = {
  entry: 7,
  by: "web",
  instance: "i-0123456789abcdef",
  labels: ["untrusted"],
  sources: Array.from({ length: 65 }, (_, at) => `web/${at}`),
};

test("where a text comes from is read as it was signed", () => {
  const item = { path: "entry-7.txt", text: "x", from: FROM };
  const signed = signedItem(item);
  expect(signed).toEqual(item);
  expect(decode(FROZEN_FROM, asJson(signed["from"]))).toEqual({ kind: "ok", value: FROM });
});

test("a text of a person's own says nothing of it", () => {
  expect(Object.keys(signedItem({ path: "SOUL.md", text: "x", from: null }))).toEqual(["path", "text"]);
});

test.each([
  ["no entry", { entry: -1 }],
  ["another writer", { by: "Web" }],
  ["no instance", { instance: "i-1" }],
  ["a label that is none", { labels: ["trusted"] }],
  ["a label twice", { labels: ["untrusted", "untrusted"] }],
  ["more sources than an entry has", { sources: Array.from({ length: 66 }, String) }],
  ["a source that is too long", { sources: ["x".repeat(401)] }],
  ["a field besides", { trusted: true }],
])("%s is refused", (_name, change) => {
  expect(decode(FROZEN_FROM, asJson({ ...FROM, ...change })).kind).toBe("refused");
});

test("entries to freeze are named once", () => {
  expect(decode(FROZEN_ENTRIES, [3, 1]).kind).toBe("ok");
  expect(decode(FROZEN_ENTRIES, [3, 3]).kind).toBe("refused");
});
