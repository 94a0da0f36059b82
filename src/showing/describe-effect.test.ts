import { describe, expect, test } from "vitest";
import type { Action } from "../kernel/action.ts";
import type { JsonObject } from "../kernel/json.ts";
import { describeEffect } from "./describe-effect.ts";

const act = (driver: string, name: string, args: JsonObject): Action => ({
  v: 1,
  request: "0".repeat(32),
  agent: "worker",
  instance: "i-0123456789abcdef",
  verb: "call",
  driver,
  name,
  arguments: args,
});
const request = (more: JsonObject): JsonObject => ({
  scheme: "https",
  host: "api.example",
  port: 443,
  method: "POST",
  path: "/v1/things",
  target: "/v1/things?dry=1",
  headers: [],
  body: { kind: "text", text: "{}" },
  upgrade: false,
  ...more,
});
const place = { host: "git.example", port: 22, user: "git", path: "/me/project.git" };
const push = (updates: JsonObject[], ref: string, removes: boolean): JsonObject => ({
  ...place,
  ref,
  removes,
  updates,
  shallow: [],
  capabilities: [],
});
const [ZEROS, ONE, TWO] = ["0", "1", "2"].map((digit) => digit.repeat(40)) as [string, string, string];

describe("what would be done", () => {
  test("of a request to the network is its method and whole address, and its body", () => {
    expect(describeEffect(act("net", "send", request({})))).toEqual([
      "POST https://api.example/v1/things?dry=1",
      "with a body of 2 characters, in full below",
    ]);
  });

  test("names a port that is not the usual one, a WebSocket, and what goes in clear", () => {
    const upgrade = { scheme: "http", port: 8080, method: "GET", body: { kind: "none" }, upgrade: true };
    expect(describeEffect(act("net", "send", request(upgrade)))).toEqual([
      "GET http://api.example:8080/v1/things?dry=1",
      "without a body",
      "becomes a WebSocket",
      "in clear: everybody on the way reads and may change it",
    ]);
  });

  test("of a tunnel says that nobody sees into it", () => {
    expect(describeEffect(act("net", "connect", { host: "db.example", port: 5432 }))).toEqual([
      "opens a tunnel to db.example:5432; nobody sees what goes through it",
    ]);
  });

  test("of a push is what becomes of each ref", () => {
    const updates = [
      { ref: "refs/heads/agent/a", old: ZEROS, new: ONE },
      { ref: "refs/heads/agent/b", old: ONE, new: TWO },
      { ref: "refs/heads/agent/c", old: TWO, new: ZEROS },
    ];
    expect(describeEffect(act("git-ssh", "push", push(updates, "/refs/heads/agent", true)))).toEqual([
      "pushes to ssh://git@git.example/me/project.git",
      `makes refs/heads/agent/a at ${ONE}`,
      `moves refs/heads/agent/b from ${ONE} to ${TWO}`,
      `removes refs/heads/agent/c, which is at ${TWO}`,
    ]);
  });

  test.each([
    ["a tool of a server", act("files", "write_file", { path: "/a" })],
    // A server cannot be named so, and bytes with two readings are never explained.
    ["a request with two readings", act("net", "send", request({ path: "/other" }))],
    ["what is not called", { ...act("net", "send", request({})), verb: "read" as const }],
  ])("is not said of %s", (_name, action) => expect(describeEffect(action)).toBeNull());
});
