import { describe, expect, it } from "vitest";
import { action, digest, grant, tool } from "../../test/fakes/kernel.ts";
import { coversExactly, meets, smallestGrant } from "./allowance.ts";
import { type Allow } from "./grant.ts";
import { decodeGrant } from "./grant-decoder.ts";
import type { JsonObject } from "./json.ts";

const write = tool({ risk: "reserved", fields: { path: "path", mode: "string" } });
const send = tool({ risk: "reach", fields: { amount: "decimal" }, recipients: { to: "email", cc: "email" } });

function covers(
  where: Allow["where"],
  args: JsonObject,
  change: { what?: string; lease?: boolean; tool?: typeof write } = {},
): boolean {
  const lease = grant({ lease: change.lease ?? true, allow: [{ what: change.what ?? "files/read", where }] });
  return coversExactly(lease, { action: action({ arguments: args }), tool: change.tool ?? write, digest });
}

describe("coversExactly", () => {
  it("wants every declared argument of the call conditioned, and met", () => {
    const where = { path: { under: "/workspace" }, mode: { equals: "add" } };
    expect(covers(where, { path: "/workspace/a", mode: "add", text: "anything" })).toBe(true);
    expect(covers(where, { path: "/workspace/a", mode: "cut" })).toBe(false);
    expect(covers(where, { path: "/workspaces/a", mode: "add" })).toBe(false);
    expect(covers(where, { path: "/workspace/a" })).toBe(false);
    expect(covers({ path: { under: "/workspace" } }, { path: "/workspace/a", mode: "add" })).toBe(false);
    expect(covers({ path: { under: "/workspace" } }, { path: "/workspace/a", mode: null })).toBe(true);
  });

  it("wants every given recipient conditioned, one that is in no condition included", () => {
    const where = { to: { in: ["a@b.example", "c@d.example"] }, amount: { max: 10 } };
    expect(covers(where, { to: ["a@b.example"], amount: 10 }, { tool: send })).toBe(true);
    expect(covers(where, { to: "c@d.example", amount: 1, cc: [] }, { tool: send })).toBe(true);
    expect(covers(where, { to: ["a@b.example", "eve@e.example"], amount: 10 }, { tool: send })).toBe(false);
    expect(covers(where, { to: ["a@b.example"], amount: 10.01 }, { tool: send })).toBe(false);
    expect(covers(where, { to: ["a@b.example"], amount: 10, cc: ["eve@e.example"] }, { tool: send })).toBe(false);
    expect(covers(where, { to: [], amount: 10 }, { tool: send })).toBe(false);
  });

  it("is a lease's for the very tool only", () => {
    const where = { path: { under: "/workspace" } };
    const args = { path: "/workspace/a" };
    expect(covers(where, args)).toBe(true);
    expect(covers(where, args, { lease: false })).toBe(false);
    expect(covers(where, args, { what: "files/reader" })).toBe(false);
    expect(covers(where, args, { what: "files#read" })).toBe(false);
  });

  it("covers no call about whose arguments nothing was signed", () => {
    const unclassified = tool({ risk: "reserved" });
    expect(covers({}, {}, { tool: unclassified })).toBe(true);
    expect(covers({}, { command: "rm -rf /" }, { tool: unclassified })).toBe(false);
  });
});

describe("meets", () => {
  it("compares without changing the type of anything", () => {
    expect(meets("1", { equals: 1 })).toBe(false);
    expect(meets(true, { equals: "true" })).toBe(false);
    expect(meets("10", { max: 20 })).toBe(false);
    expect(meets(null, { equals: "" })).toBe(false);
    expect(meets({}, { equals: "[object Object]" })).toBe(false);
    expect(meets(["a"], { equals: "a" })).toBe(true);
    expect(meets(["a", "b"], { equals: "a" })).toBe(false);
    expect(meets([], { in: ["a"] })).toBe(false);
    expect(meets([1], { max: 2 })).toBe(false);
    expect(meets("/a/../b", { under: "/a" })).toBe(false);
  });
});

describe("smallestGrant", () => {
  const base = { agents: ["worker"], tool: send };

  it("says exactly what the call said, and is no lease: where a human is needed they are asked", () => {
    const asked = action({ arguments: { to: ["a@b.example", "c@d.example"], amount: 5, text: "hello" } });
    const proposal = smallestGrant({ ...base, action: asked });
    expect(proposal).toEqual({
      agents: ["worker"],
      allow: [{ what: "files/read", where: { amount: { equals: 5 }, to: { in: ["a@b.example", "c@d.example"] } } }],
      lease: false,
    });
  });

  it("covers the call that it was made from, and decodes as a grant", () => {
    const asked = action({ arguments: { to: "a@b.example", amount: 5, cc: null } });
    const proposal = smallestGrant({ ...base, action: asked });
    const lease = grant({ lease: true, allow: proposal?.allow ?? [], limits: { uses: 1 } });
    expect(coversExactly(lease, { action: asked, tool: send, digest })).toBe(true);
    expect(decodeGrant(JSON.parse(JSON.stringify(lease))).kind).toBe("ok");
  });

  it("names resources and prompts in their own form", () => {
    const read = action({ verb: "read", name: "file:///workspace/a" });
    expect(smallestGrant({ ...base, tool: tool(), action: read })?.allow).toEqual([
      { what: "files#file:///workspace/a", where: {} },
    ]);
    const prompt = action({ verb: "prompt", name: "greet", arguments: { who: "x" } });
    expect(smallestGrant({ ...base, tool: tool(), action: prompt })?.allow).toEqual([
      { what: "files@greet", where: {} },
    ]);
  });

  it("is nothing where a value cannot be read", () => {
    const long = action({ arguments: { to: "a".repeat(2000) } });
    expect(smallestGrant({ ...base, action: long })).toBeNull();
    expect(smallestGrant({ ...base, action: action({ arguments: { to: { a: 1 } } }) })).toBeNull();
  });
});
