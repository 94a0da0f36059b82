import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { canonicalize } from "../kernel/canonical.ts";
import type { Grant } from "../kernel/grant.ts";
import type { ProposedDetail } from "../protocol/proposed-grants.ts";
import { NO_REST } from "../kernel/rest.ts";
import { describeGrant } from "./describe-grant.ts";
import { plainText } from "./line.ts";
import { renderProposed } from "./render-proposed.ts";
import { statementCode } from "./statement-code.ts";

const digest = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const screen = { digest, columns: 80, now: 0, offset: 0 };
const grant: Grant = {
  v: 1,
  id: "lease-worker-00000000",
  agents: ["worker"],
  drivers: {
    notes: {
      source: { kind: "stdio", command: ["node", "/opt/notes.js"], code: ["/opt/notes.js"], workspace: "none" },
      pin: `sha256:${"1".repeat(64)}`,
      tools: { add: { risk: "reserved", labels: [], fields: { text: "string" }, recipients: {} } },
      resources: [],
      prompts: [],
    },
  },
  allow: [{ what: "notes/add", where: { text: { equals: "five" } } }],
  limits: { uses: 1, rate: null, bytes: null, notBefore: 0, expires: 3_600_000 },
  lease: true,
  sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
};
const over = (value: object, more: Partial<ProposedDetail> = {}): ProposedDetail => {
  const document = canonicalize(JSON.parse(JSON.stringify(value)));
  return {
    id: grant.id,
    agent: "worker",
    instance: "i-0123456789abcdef",
    lease: true,
    made: 0,
    expires: 3_600_000,
    document,
    about: ["calls: 1 that worker has held: 00000000"],
    open: [],
    frozen: null,
    second: "nothing",
    statement: {
      v: 1,
      purpose: "sign-grant",
      nonce: "0".repeat(32),
      subject: digest(document),
      policy: digest(""),
      start: "0".repeat(32),
      expires: 1,
    },
    ...more,
  };
};
const rows = (detail: ProposedDetail): readonly string[] => {
  const rendered = renderProposed(detail, screen);
  return rendered.kind === "shown" ? rendered.lines.map(plainText) : [`refused: ${rendered.why}`];
};
const saying = (text: string): Grant => ({
  ...grant,
  allow: [{ what: "notes/add", where: { text: { equals: text } } }],
});

describe("a proposed grant on a screen", () => {
  test("is what the terminal shows of a grant that is signed, with where it comes from and the code", () => {
    const detail = over(grant);
    const shown = rows(detail);
    expect(shown.slice(0, -5)).toEqual(describeGrant(grant, { ...screen, servers: true }).map(plainText));
    expect(shown.slice(-5)).toEqual([
      "Where it comes from",
      "  calls: 1 that worker has held: 00000000",
      "",
      "purpose    sign-grant",
      `code       ${statementCode(detail.statement, digest)}`,
    ]);
  });

  describe("over a call with an argument that nobody declared", () => {
    const of = (shown: readonly string[], title: string, next: string): string =>
      shown
        .slice(shown.indexOf(title) + 1, shown.indexOf(next))
        .map((row) => row.trim())
        .join(" ");
    const open = [{ what: "notes/add", names: ["content", "nothing at all"] }];

    test("attack: it does not pass for exact: the line itself names what is open, in quotes, and Risk says it", () => {
      const shown = rows(over(grant, { open }));
      expect(of(shown, "Can", "Cannot")).toBe(
        'notes/add where text is "five": runs without asking: this is a lease; "content", "nothing at all" and any other argument that is not declared may be anything',
      );
      expect(of(shown, "Risk", "Server notes")).toContain("only the values above are fixed");
    });

    test("attack: a screen that is not told which are open says from the bytes that some may be", () => {
      const shown = rows(over(grant));
      expect(of(shown, "Can", "Cannot")).toContain(
        "this is a lease; any argument that is not declared may be anything",
      );
      expect(of(shown, "Risk", "Server notes")).toContain("only the values above are fixed");
    });

    test("says of a lease that binds them to what digest, or that there are none, and names no such risk", () => {
      const sum = digest("content");
      const bound = (rest: readonly string[]): Grant => ({
        ...grant,
        allow: [{ what: "notes/add", where: { text: { equals: "five" } }, rest }],
      });
      const can = (rest: readonly string[]) => of(rows(over(bound(rest), { open })), "Can", "Cannot");
      const before = 'notes/add where text is "five": runs without asking: this is a lease; of all other arguments ';
      expect(can([NO_REST])).toBe(`${before}there are none`);
      expect(can([sum])).toBe(`${before}they are together exactly those of ${sum}`);
      expect(can([NO_REST, sum])).toBe(`${before}there are none, or they are together exactly those of ${sum}`);
      const risk = (rest: readonly string[]) => of(rows(over(bound(rest))), "Risk", "Server notes");
      expect(risk([sum])).not.toContain("only the values above");
      expect([risk([sum]), risk([NO_REST])].map((each) => each.includes("what a digest above stands for"))).toEqual([
        true,
        false,
      ]);
    });

    test("twin: a plain grant, under which each is asked about, has no such risk", () => {
      const shown = rows(over({ ...grant, lease: false }));
      expect(of(shown, "Can", "Cannot")).toBe('notes/add where text is "five": asks you every time');
      expect(of(shown, "Risk", "Server notes")).not.toContain("only the values above");
    });
  });

  test("says first that no signature is taken, while none is", () => {
    expect(rows(over(grant, { frozen: "everything is frozen" }))[0]).toMatch(/^NOT NOW: everything is frozen\./);
  });

  test.each<[string, ProposedDetail]>([
    ["another document than the statement is over", { ...over(grant), document: over(saying("six")).document }],
    ["a statement for another purpose", over(grant, { statement: { ...over(grant).statement, purpose: "go-away" } })],
    ["the grant of another name", over(grant, { id: "lease-worker-11111111" })],
  ])("attack: %s is not shown", (_, detail) =>
    expect(rows(detail)).toEqual([expect.stringMatching(/belong together/)]),
  );

  test.each<[string, string]>([
    [
      "other order",
      `{"v":1,${canonicalize(JSON.parse(JSON.stringify(grant)))
        .slice(1)
        .replace(',"v":1', "")}`,
    ],
    ["a field more", canonicalize({ ...JSON.parse(JSON.stringify(grant)), more: true })],
    ["no JSON", "lease"],
  ])("attack: a document with %s is not shown", (_, document) => {
    const statement = { ...over(grant).statement, subject: digest(document) };
    expect(rows(over(grant, { document, statement }))).toEqual(["refused: it is no grant in canonical form"]);
  });

  test.each([
    ["turned round", "pay\u202eeve"],
    ["nothing", "five\u200b"],
    ["look-alikes", "pаypal"],
    ["a space at its end", "five "],
    ["a line of its own", "five\nLimits\n  1 uses in all"],
  ])("attack: a value with %s, which an agent wrote, cannot be said yes to", (_, text) => {
    expect(rows(over(saying(text)))).toEqual([
      expect.stringMatching(/^refused: a text in it does not read as what it is/),
    ]);
  });

  test.each(['x"; everything else: runs', "x is one of anything: runs without asking", "a".repeat(250)])(
    "a value that reads like words of ours stays between its quotes, in full: %s",
    (text) => {
      const shown = rows(over(saying(text))).map((row) => row.trim());
      expect(shown.join("").replaceAll(" ", "")).toContain(JSON.stringify(text).replaceAll(" ", ""));
      expect(shown.filter((row) => /^(?:Can|Cannot|Limits|Risk)$/.test(row))).toEqual([
        "Can",
        "Cannot",
        "Limits",
        "Risk",
      ]);
    },
  );

  test("one that is longer than people read is not shown", () => {
    const long = { ...grant, allow: Array.from({ length: 40 }, (_, at) => saying(`${at}`.padEnd(2000, "x")).allow[0]) };
    expect(rows(over(long))).toEqual([expect.stringMatching(/^refused: it has \d+ characters/)]);
  });
});
