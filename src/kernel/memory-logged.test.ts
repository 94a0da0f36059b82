import { expect, test } from "vitest";
import { loggedText } from "./memory-logged.ts";

const put = {
  verb: "call",
  driver: "memory",
  name: "put",
  arguments: { plane: "ephemeral", text: "word", ttl: 5 },
} as const;

test("of an action of memory the log has everything but its content and its nonce", () => {
  const action = { ...put, v: 1, request: "a".repeat(32), agent: "worker" };
  expect(loggedText(action, JSON.stringify(action))).toBe(
    '{"arguments":{"plane":"ephemeral","ttl":5},"driver":"memory","name":"put","verb":"call"}',
  );
  const search = { ...put, name: "search", arguments: { plane: "ephemeral", query: "word" } };
  expect(loggedText(search, JSON.stringify(search))).not.toContain("word");
});

test("of every other action it has the text itself", () => {
  const other = { ...put, driver: "files" };
  expect(loggedText(other, "the text")).toBe("the text");
});
