import { describe, expect, test } from "vitest";
import { decode } from "./decode.ts";
import { FOUND_FILE, FOUND_MOST } from "./found-file.ts";

const digest = `sha256:${"a".repeat(64)}`;
const path = "/workspace/a";

describe("what was found of a file", () => {
  test.each([
    null,
    { kind: "text", path, digest, text: "" },
    { kind: "binary", path, digest, bytes: 1 },
    { kind: "large", path, bytes: FOUND_MOST + 1 },
    { kind: "nothing", path },
    { kind: "link", path },
    { kind: "no-file", path },
    { kind: "unreadable", path },
    { kind: "unknown" },
  ])("is read: %o", (value) => expect(decode(FOUND_FILE, value)).toEqual({ kind: "ok", value }));

  test.each([
    "text",
    {},
    { kind: "nothing" },
    { kind: "unknown", path },
    { kind: "other", path },
    { kind: "constructor", path },
    { kind: "nothing", path, digest },
    { kind: "text", path, digest: "sha256:1", text: "" },
    { kind: "text", path, digest, text: "x".repeat(FOUND_MOST + 1) },
    { kind: "large", path, bytes: -1 },
  ])("is refused: %o", (value) => expect(decode(FOUND_FILE, value).kind).toBe("refused"));
});
