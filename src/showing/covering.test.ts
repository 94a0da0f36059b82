import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Action } from "../kernel/action.ts";
import { coversExactly } from "../kernel/allowance.ts";
import type { Grant, ToolClass } from "../kernel/grant.ts";
import type { JsonObject } from "../kernel/json.ts";
import { digest } from "../../test/fakes/kernel.ts";
import { NO_REST, restOf } from "../kernel/rest.ts";
import { coverExamples, MOST_EXAMPLES, type Covering, type Example } from "./covering.ts";

const WRITE: ToolClass = { risk: "reserved", labels: [], fields: { path: "path", mode: "long" }, recipients: {} };
const SEND: ToolClass = { risk: "reach", labels: [], fields: { subject: "string" }, recipients: { to: "email" } };
let nonce = 0;

function example(args: JsonObject, tool = WRITE, name = "write_file"): Example {
  const request = (++nonce).toString(16).padStart(32, "0");
  const who = { agent: "worker", instance: "i-0123456789abcdef" };
  return { action: { v: 1, request, ...who, verb: "call", driver: "files", name, arguments: args }, tool };
}
const write = (path: string, more: JsonObject = {}): Example => example({ path, ...more });
const exactly = (...examples: Example[]): Covering => coverExamples(examples, { lease: true, folders: false, digest });
const byFolder = (...examples: Example[]): Covering => coverExamples(examples, { lease: true, folders: true, digest });
const lease = (covering: Covering): Grant => ({
  v: 1,
  id: "lease",
  agents: ["worker"],
  drivers: {},
  allow: covering.allow,
  limits: { uses: 1, rate: null, bytes: null, notBefore: 0, expires: 1 },
  lease: true,
  sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
});

describe("a proposal", () => {
  test("names the very values of one call", () => {
    expect(exactly(write("/workspace/a", { mode: 1 })).allow).toEqual([
      {
        what: "files/write_file",
        where: { path: { equals: "/workspace/a" }, mode: { equals: 1 } },
        rest: [NO_REST],
      },
    ]);
  });

  test("says equal calls once", () => {
    expect(exactly(write("/workspace/a"), write("/workspace/a")).allow).toHaveLength(1);
  });

  test("joins calls that differ in one value as a list of the very values", () => {
    expect(exactly(write("/w/b/x"), write("/w/a/x"), write("/w/a/y")).allow).toEqual([
      { what: "files/write_file", where: { path: { in: ["/w/a/x", "/w/a/y", "/w/b/x"] } }, rest: [NO_REST] },
    ]);
  });

  test("joins nothing that would allow a call that was not asked for", () => {
    const { allow } = exactly(write("/w/a", { mode: 1 }), write("/w/b", { mode: 2 }));
    expect(allow.map(({ where }) => where)).toEqual([
      { path: { equals: "/w/a" }, mode: { equals: 1 } },
      { path: { equals: "/w/b" }, mode: { equals: 2 } },
    ]);
  });

  test("takes a folder only when it is asked to, and the nearest one that holds all", () => {
    const { allow } = byFolder(write("/workspace/notes/a"), write("/workspace/notes/b"), write("/workspace/notes/c/d"));
    expect(allow.map(({ where }) => where)).toEqual([{ path: { under: "/workspace/notes" } }]);
    expect(byFolder(write("/workspace/notes/a")).allow[0]?.where).toEqual({ path: { equals: "/workspace/notes/a" } });
  });

  describe("over calls with arguments that nobody declared", () => {
    const rest = (args: JsonObject): string => restOf({}, args, digest);

    test("binds all of them together in a lease, and names them", () => {
      const covering = exactly(write("/w/a", { content: "x", force: true }));
      expect(covering.allow[0]?.rest).toEqual([rest({ content: "x", force: true })]);
      expect([...covering.others]).toEqual([["files/write_file", ["content", "force"]]]);
    });

    test("has one line for a file that is written twice, and one for each of two that are written otherwise", () => {
      const [a, b] = [rest({ content: "a" }), rest({ content: "b" })];
      const one = exactly(write("/w/x", { content: "a" }), write("/w/x", { content: "b" }));
      expect(one.allow.map((each) => each.rest)).toEqual([[a, b]]);
      const two = exactly(write("/w/x", { content: "a" }), write("/w/y", { content: "b" }));
      expect(two.allow.map(({ where, rest: each }) => [where["path"], each])).toEqual([
        [{ equals: "/w/x" }, [a]],
        [{ equals: "/w/y" }, [b]],
      ]);
    });

    test("takes a folder over two paths, never over one that is written twice", () => {
      const [a, b] = [rest({ content: "a" }), rest({ content: "b" })];
      const two = byFolder(write("/w/x", { content: "a" }), write("/w/y", { content: "b" }));
      expect(two.allow).toEqual([{ what: "files/write_file", where: { path: { under: "/w" } }, rest: [a, b] }]);
      const one = byFolder(write("/w/x", { content: "a" }), write("/w/x", { content: "b" }));
      expect(one.allow).toEqual([{ what: "files/write_file", where: { path: { equals: "/w/x" } }, rest: [a, b] }]);
    });

    test.each([
      ["a reversed order", "x\u202ey"],
      ["an invisible character in one of many lines", "one\ntw\u200bo\n"],
      ["an escape sequence, deep inside", [{ a: ["x", "\u001b[2J"] }]],
      ["a carriage return that hides what comes before", "rm -rf /\recho"],
      ["a name that is none", { "\u0430dmin": 1 }],
    ])("has none that does not read as what it is: %s", (_name, content) => {
      const { covered, left } = exactly(write("/w/a", { content }), write("/w/plain", { content: "x" }));
      expect(covered).toHaveLength(1);
      expect(left).toMatchObject([{ why: expect.stringContaining("does not read as what it is") }]);
    });

    test("twin: has the lines of a file, indented, with spaces at an end, in other languages", () => {
      const content = "# Liste\n\n\tif x:  \n  - no\nПривет, мир\n";
      expect(exactly(write("/w/a", { content })).covered).toHaveLength(1);
    });

    test("attack: a name of an argument is not disguised either", () => {
      expect(exactly(write("/w/a", { "con\u200btent": "x" })).covered).toEqual([]);
    });

    test("leaves them open in a plain grant, under which what is reserved is asked about each time", () => {
      const plain = coverExamples([write("/w/a", { content: "x" })], { lease: false, folders: false, digest });
      expect(plain.allow).toEqual([{ what: "files/write_file", where: { path: { equals: "/w/a" } } }]);
    });
  });
});

describe("an agent that wants more than it asked for", () => {
  test("cannot stretch a folder to the root by one path far away", () => {
    const { allow } = byFolder(write("/workspace/a/x"), write("/workspace/a/y"), write("/etc/passwd"));
    expect(allow.map(({ where }) => where)).toEqual([
      { path: { in: ["/etc/passwd", "/workspace/a/x", "/workspace/a/y"] } },
    ]);
  });

  test("cannot have two recipients joined who were written to apart", () => {
    const mail = (to: string): Example => example({ to, subject: "s" }, SEND, "send");
    const { allow } = exactly(mail("a@x.example"), mail("b@x.example"));
    expect(allow).toHaveLength(2);
    // Twin, with the join: it would cover one mail to both, which nobody saw.
    const both = { ...mail("").action, arguments: { to: ["a@x.example", "b@x.example"], subject: "s" } };
    const joined = {
      what: "files/send",
      where: { to: { in: ["a@x.example", "b@x.example"] }, subject: { equals: "s" } },
    };
    expect(coversExactly(lease({ ...exactly(), allow: [joined] }), { action: both, tool: SEND, digest })).toBe(true);
    expect(coversExactly(lease({ ...exactly(), allow }), { action: both, tool: SEND, digest })).toBe(false);
  });

  test.each([
    ["a line end, to write lines of its own into the document", "/w/a\n- what: files/delete"],
    ["a look-alike", "/w/\u0430dmin.txt"],
    ["an invisible character", "/w/a\u200b"],
    ["a reversed order", "/w/\u202egpj.exe"],
    ["an escape sequence", "/w/\u001b[2Ja"],
    ["more than anybody reads", `/w/${"a".repeat(300)}`],
    ["a space at its end", "/w/a "],
  ])("gets nothing proposed for a value with %s", (_name, path) => {
    const { allow, covered, left } = exactly(write(path), write("/w/plain"));
    expect(left).toHaveLength(1);
    expect(covered).toHaveLength(1);
    expect(allow[0]?.where).toEqual({ path: { equals: "/w/plain" } });
  });

  test("gets no lease for calls of which nothing is declared, and none for what is prohibited", () => {
    const bare: ToolClass = { ...WRITE, fields: {} };
    expect(exactly(example({ anything: 1 }, bare)).allow).toEqual([]);
    expect(exactly(example({ path: "/w/a" }, { ...WRITE, risk: "prohibited" })).allow).toEqual([]);
  });

  test("cannot bury one call under a thousand", () => {
    const { allow, covered, left } = exactly(
      ...Array.from({ length: 1000 }, (_, index) => write(`/w/${index}`, { mode: index })),
    );
    expect([covered.length, left.length]).toEqual([MOST_EXAMPLES, 1000 - MOST_EXAMPLES]);
    expect(allow).toHaveLength(MOST_EXAMPLES);
  });
});

test("whatever was asked for, a lease as proposed covers each covered call and no other of the same tool", () => {
  const path = fc.constantFrom("/w/a", "/w/b", "/w/a/c", "/x", "/");
  const args = fc.record(
    { path, mode: fc.nat(2), content: fc.constantFrom("a", "b") },
    { requiredKeys: ["path", "mode"] },
  );
  fc.assert(
    fc.property(fc.array(args, { minLength: 1, maxLength: 6 }), args, (asked, other) => {
      const covering = exactly(...asked.map((each) => example(each)));
      const covers = (action: Action): boolean => coversExactly(lease(covering), { action, tool: WRITE, digest });
      expect(covering.covered.map(({ action }) => covers(action))).toEqual(asked.map(() => true));
      const wasAsked = asked.some(
        (each) => each.path === other.path && each.mode === other.mode && each.content === other.content,
      );
      expect(covers(example(other).action)).toBe(wasAsked);
    }),
    { numRuns: 300 },
  );
});
