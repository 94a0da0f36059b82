import { describe, expect, it } from "vitest";
import type { Action } from "./action.ts";
import { sameText, shapeText } from "./likeness.ts";

const action = (args: Action["arguments"], change: Partial<Action> = {}): Action => ({
  v: 1,
  request: "0".repeat(32),
  agent: "worker",
  instance: "i-0123456789abcdef",
  verb: "call",
  driver: "files",
  name: "write_file",
  arguments: args,
  ...change,
});
const one = action({ path: "/a", lines: [1, 2], deep: { on: true } });

describe("the same", () => {
  it("is asked by another request, and by another instance of the agent", () => {
    const again = { ...one, request: "1".repeat(32), instance: "i-fedcba9876543210" };
    expect(sameText(again)).toBe(sameText(one));
  });

  it.each([
    ["another agent", { ...one, agent: "other" }],
    ["another tool", { ...one, name: "read_file" }],
    ["another driver", { ...one, driver: "notes" }],
    ["another verb", { ...one, verb: "prompt" as const }],
    ["another value", action({ ...one.arguments, path: "/b" })],
    ["a look-alike value", action({ ...one.arguments, path: "/\u0430" })],
    ["one argument more", action({ ...one.arguments, mode: 7 })],
  ])("is not %s", (_name, other) => expect(sameText(other)).not.toBe(sameText(one)));
});

describe("the same shape", () => {
  it("is other values of the same kinds", () => {
    expect(shapeText(action({ path: "/b/c", lines: [3], deep: { on: false } }))).toBe(shapeText(one));
  });

  it.each([
    ["another kind of value", action({ ...one.arguments, path: 7 })],
    ["a text that says a kind", action({ ...one.arguments, deep: { on: "boolean" } })],
    ["a list of two kinds", action({ ...one.arguments, lines: [1, "2"] })],
    ["one argument less", action({ path: "/a" })],
    ["another tool", { ...one, name: "read_file" }],
  ])("is not %s", (_name, other) => expect(shapeText(other)).not.toBe(shapeText(one)));

  it("of a request to the network is its destination and method, whatever it carries", () => {
    const send = (host: string, text: string): Action =>
      action({ host, method: "POST", path: `/${text}`, body: { kind: "text", text } }, { driver: "net", name: "send" });
    expect(shapeText(send("api.example", "one"))).toBe(shapeText(send("api.example", "two")));
    expect(shapeText(send("api.example", "one"))).not.toBe(shapeText(send("evil.example", "one")));
  });
});
