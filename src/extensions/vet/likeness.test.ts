import { describe, expect, test } from "vitest";
import { distance, resembles } from "./likeness.ts";

describe("names", () => {
  test.each([
    ["expres", "express"],
    ["axois", "axios"],
    ["cllawhub", "clawhub"],
    ["clawhub1", "clawhub"],
    ["lodash.js", "lodash"],
    ["mcp-server-flesystem", "mcp-server-filesystem"],
    ["@modelcontextprotocl/server-filesystem", "@modelcontextprotocol/server-filesystem"],
    ["@modeIcontextprotocol/server-memory", "@modelcontextprotocol/server-memory"],
    ["@antropic-ai/sdk", "@anthropic-ai/sdk"],
  ])("%s passes for %s", (name, known) => {
    expect(resembles(name)).toBe(known);
  });

  test.each([
    "express",
    "preact",
    "chai",
    "got",
    "ws",
    "koa",
    "mcp-server-files-index",
    "@modelcontextprotocol/server-new",
    "@wordsmiths/server-notes",
    "word-counter-mcp",
    "color",
    "colors",
  ])("%s passes for nothing", (name) => {
    expect(resembles(name)).toBeNull();
  });

  test("are apart by letters put in, left out, changed and swapped", () => {
    expect([
      distance("axios", "axios"),
      distance("axois", "axios"),
      distance("axio", "axios"),
      distance("axxios", "axios"),
      distance("azios", "axios"),
    ]).toEqual([0, 1, 1, 1, 1]);
    expect(distance("abcd", "efgh")).toBe(3);
    expect(distance("a".repeat(10_000), "b")).toBe(3);
  });
});
