import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonValue } from "../../test/fakes/json-values.ts";
import { action } from "../../test/fakes/kernel.ts";
import { actionText, ARGUMENT_BOUNDS, decodeAction, decodeProposal, makeAction, type Proposal } from "./action.ts";
import { parseJson, type JsonObject, type JsonValue } from "./json.ts";

const proposal: Proposal = { verb: "call", driver: "files", name: "read_file", arguments: { path: "/workspace/a" } };
const who = { request: "0".repeat(32), agent: "worker", instance: "i-0123456789abcdef" };

function refusal(value: JsonValue): string {
  const decoded = decodeProposal(value);
  return decoded.kind === "ok" ? "ok" : `${decoded.code}: ${decoded.message}`;
}

function nested(levels: number): JsonObject {
  return levels === 1 ? {} : { in: nested(levels - 1) };
}

describe("decodeProposal", () => {
  it("takes each verb, and names of every printable kind", () => {
    for (const change of [
      {},
      { verb: "read", name: "file:///workspace/a%20b" },
      { verb: "prompt", name: "two words" },
      { name: "a".repeat(256) },
      { driver: "a-2" },
    ]) {
      expect(refusal({ ...proposal, ...change })).toBe("ok");
    }
  });

  it("refuses unknown and missing fields, approvals among the arguments' neighbours included", () => {
    expect(refusal({ ...proposal, approved: true })).toBe('malformed: unknown field "approved"');
    expect(refusal({ ...proposal, agent: "root" })).toBe('malformed: unknown field "agent"');
    expect(refusal(JSON.parse('{"verb":"call","driver":"d","name":"n","arguments":{},"__proto__":{"a":1}}'))).toBe(
      'malformed: unknown field "__proto__"',
    );
    expect(refusal({ verb: "call", driver: "files", name: "read" })).toBe("malformed: arguments: missing");
    const inherited: JsonObject = Object.create(proposal);
    expect(refusal(inherited)).toBe("malformed: arguments: missing");
  });

  it("refuses values of another type or form", () => {
    for (const change of [
      { verb: "CALL" },
      { verb: null },
      { driver: "Files" },
      { driver: "a_b" },
      { driver: "" },
      { driver: "a".repeat(32) },
      { driver: "a\n" },
      { name: "" },
      { name: 1 },
      { arguments: null },
      { arguments: [] },
      { arguments: "{}" },
    ]) {
      expect(refusal({ ...proposal, ...change }), JSON.stringify(change)).toMatch(/^malformed/);
    }
    for (const value of [null, [], "x", 1]) expect(refusal(value)).toBe("malformed: not an object");
  });

  it("refuses names that look like others", () => {
    for (const name of ["reаd", "read\u200b", "read ", " read", "re\tad", "read\u202e", "é", "read\u0000"]) {
      expect(refusal({ ...proposal, name }), JSON.stringify(name)).toMatch(/^not-canonical/);
    }
  });

  it("holds names and arguments to their bounds, at the bound", () => {
    expect(refusal({ ...proposal, name: "a".repeat(257) })).toMatch(/^too-large/);
    expect(refusal({ ...proposal, arguments: nested(ARGUMENT_BOUNDS.maxDepth) })).toBe("ok");
    expect(refusal({ ...proposal, arguments: nested(ARGUMENT_BOUNDS.maxDepth + 1) })).toMatch(/^too-large/);
    const room = ARGUMENT_BOUNDS.maxLength - '{"a":""}'.length;
    expect(refusal({ ...proposal, arguments: { a: "x".repeat(room) } })).toBe("ok");
    expect(refusal({ ...proposal, arguments: { a: "x".repeat(room + 1) } })).toMatch(/^too-large/);
  });
});

describe("makeAction", () => {
  it("joins what the agent asks and what the monitor knows", () => {
    expect(makeAction(proposal, who)).toEqual({ kind: "ok", value: { v: 1, ...who, ...proposal } });
  });

  it("refuses ids that are none", () => {
    for (const change of [
      { request: "0".repeat(31) },
      { request: "G".repeat(32) },
      { agent: "Worker" },
      { agent: "" },
      { instance: "i-0123" },
      { instance: "0123456789abcdef" },
    ]) {
      expect(makeAction(proposal, { ...who, ...change })).toMatchObject({ kind: "refused", code: "malformed" });
    }
  });
});

describe("actionText", () => {
  it("is one text for one action, and parses back to it", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), jsonValue), (args) => {
        const made = action({ arguments: args });
        const text = actionText(made);
        const parsed = parseJson(text);
        const decoded = parsed.kind === "ok" ? decodeAction(parsed.value) : parsed;
        expect(decoded.kind).toBe("ok");
        if (decoded.kind === "ok") expect(actionText(decoded.value)).toBe(text);
      }),
    );
  });

  it("differs whenever any part differs", () => {
    const texts = [
      action(),
      action({ request: "f".repeat(32) }),
      action({ agent: "other" }),
      action({ instance: "i-ffffffffffffffff" }),
      action({ verb: "read" }),
      action({ driver: "mail" }),
      action({ name: "write" }),
      action({ arguments: { a: 1 } }),
    ].map(actionText);
    expect(new Set(texts).size).toBe(texts.length);
  });

  it("is pinned, since owners sign it", () => {
    expect(actionText(action({ arguments: { b: [1, "é"], a: null } }))).toBe(
      '{"agent":"worker","arguments":{"a":null,"b":[1,"é"]},"driver":"files","instance":"i-00000000000000aa",' +
        '"name":"read","request":"0123456789abcdef0123456789abcdef","v":1,"verb":"call"}',
    );
  });
});

describe("decodeAction", () => {
  it("refuses another version", () => {
    const value: JsonObject = { ...action(), v: 2 };
    expect(decodeAction(value)).toMatchObject({ kind: "refused", message: "v: not 1" });
  });
});
