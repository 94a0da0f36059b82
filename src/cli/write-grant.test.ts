import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeGrant } from "../kernel/grant-decoder.ts";
import { digest } from "../../test/fakes/kernel.ts";
import { coverExamples, type Example } from "../showing/covering.ts";
import { makeVisible } from "../showing/visible.ts";
import { aboutProposal, openIn, proposedGrant, whyNothing } from "../showing/proposed-grant.ts";
import { writeGrant } from "./write-grant.ts";
import { readYaml } from "./yaml.ts";

const tool = { risk: "reserved", labels: [], fields: { text: "string" }, recipients: {} } as const;
const spec = {
  source: { kind: "stdio", command: ["node", "/opt/notes.js"], code: ["/opt/notes.js"], workspace: "none" },
  pin: `sha256:${"1".repeat(64)}`,
  tools: { add: tool },
  resources: [],
  prompts: [],
} as const;
const example = (text: string, more = {}): Example => ({
  action: {
    v: 1,
    request: "0".repeat(32),
    agent: "worker",
    instance: "i-0123456789abcdef",
    verb: "call",
    driver: "notes",
    name: "add",
    arguments: { text, ...more },
  },
  tool,
});
const askedFor = (...examples: Example[]) => overAsked(true, examples);
const overAsked = (lease: boolean, examples: readonly Example[]) => ({
  agent: "worker",
  covering: coverExamples(examples, { lease, folders: false, digest }),
  left: [{ what: "notes/\u202eburn", why: "a\nb" }],
  drivers: { notes: spec },
});
const terms = { lease: true, uses: null, span: 3_600_000, now: 1000 };

describe("a proposal as a document", () => {
  test("is the lease that it says: the calls, as often as they were asked for, for an hour, and nothing of a sandbox", () => {
    const grant = proposedGrant(askedFor(example("a"), example("a"), example("b")), terms);
    expect(grant).toMatchObject({
      id: "lease-worker-00000000",
      agents: ["worker"],
      allow: [{ what: "notes/add", where: { text: { in: ["a", "b"] } } }],
      limits: { uses: 3, notBefore: 1000, expires: 3_601_000 },
      lease: true,
      sandbox: { workspace: "none", programs: "none", home: null },
    });
    expect(decodeGrant(grant as never).kind).toBe("ok");
  });

  test("says what is bound by its digest, what nothing holds and what is left out, in visible text", () => {
    const left = "not in it: notes/‹U+202E›burn: a‹U+000A›b";
    const bound = askedFor(example("a", { force: true }));
    expect(aboutProposal(bound)).toEqual([
      "of notes/add these are all together as they were asked with, and there are no others: force",
      left,
    ]);
    expect(openIn(bound)).toEqual([]);
    // What does not read as what it is, is bound by no digest: nobody could tell what they sign.
    const disguised = askedFor(example("a", { "for\u200bce": true }));
    expect(disguised.covering).toMatchObject({
      allow: [],
      left: [{ why: expect.stringMatching(/^a value of it does not read as what it is/u) }],
    });
    const open = overAsked(false, [example("a", { "for\u200bce": true })]);
    expect(aboutProposal(open)).toEqual([
      "of notes/add these may be anything, since no owner declared them: for‹U+200B›ce",
      left,
    ]);
    expect(openIn(open)).toEqual([{ what: "notes/add", names: ["for‹U+200B›ce"] }]);
  });

  test("shows a value that does not read as what it is once as its code points, in the document and in an error", () => {
    const bad = example("pay\u202eeve");
    const said = "a value of it does not read as what it is: pay‹U+202E›eve";
    const left = (from: readonly Example[]) => {
      const asked = askedFor(...from);
      return { ...asked, left: asked.covering.left.map(({ why }) => ({ what: "notes/add", why })) };
    };
    expect(aboutProposal(left([bad, example("a")]))).toEqual([`not in it: notes/add: ${said}`]);
    expect(proposedGrant(left([bad]), terms)).toBeNull();
    expect(whyNothing(left([bad]))).toBe(`Nothing of it can be proposed: notes/add: ${said}.`);
  });

  test("reads back as the same grant, whatever an agent wrote, and holds no line that it wrote by itself", () => {
    const nasty = fc.oneof(
      fc.string(),
      fc.constantFrom(
        "true",
        "~",
        "1e3",
        "null",
        "- a",
        "a: b",
        "#x",
        "&a",
        "*a",
        "!!str",
        "|",
        ">",
        "'",
        '"',
        "%TAG",
        "---",
      ),
    );
    fc.assert(
      fc.property(fc.array(nasty, { minLength: 1, maxLength: 4 }), (texts) => {
        // One call at least can be proposed; what cannot be shown plainly, a blank alone for example, is left out.
        const asked = askedFor(example("plain"), ...texts.map((text) => example(text)));
        const grant = proposedGrant(asked, { ...terms, uses: 1 });
        if (grant === null) throw new Error("one call can be proposed");
        const text = writeGrant(grant, ["one", ...aboutProposal(asked)]);
        expect(readYaml(text, "the proposal")).toEqual(JSON.parse(JSON.stringify(grant)));
        expect(
          text.split("\n").filter((row) => makeVisible(row.trimEnd()) !== row.trimEnd() && !row.includes("‹U+")),
        ).toEqual([]);
        expect(text.split("\n").filter((row) => row.startsWith("#"))).toHaveLength(2);
      }),
    );
  });
});
