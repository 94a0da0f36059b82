import { describe, expect, test } from "vitest";
import { decodeNetCall } from "../../src/kernel/net.ts";
import { renderHeld } from "../../src/showing/held-action.ts";
import { plainText } from "../../src/showing/line.ts";
import { drawTop } from "../../src/cli/top-screen.ts";
import { measureText } from "../../src/showing/width.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { argumentsOf, heldWith, readBack, readCorpus, readPlace } from "../corpus/corpus.ts";
import { heldOver, instances, REQUEST } from "./cast.ts";

/*
 * The rendering corpus (test/corpus/rendering.json) as lines, in narrow screens and wide ones: each text can be read back to the
 * very bytes, with nothing in it that a terminal would obey or hide, or is refused. test/console/rendering.test.ts has it on a real
 * terminal and a real page.
 */
const all = readCorpus();
const CORPUS = all
  .filter(({ stands, visible }) => stands === "argument" && visible !== undefined)
  .map(({ name, text, visible = "" }) => [name, text, visible] as const);
const REFUSED = all
  .filter(({ stands, refused }) => refused !== undefined && !["host", "target"].includes(stands))
  .map((entry) => [`${entry.stands} that ${entry.name}`, entry] as const);
const NETWORK = all
  .filter(({ stands }) => stands === "host" || stands === "target")
  .map((entry) => [`${entry.stands} that ${entry.name}`, entry] as const);

const powers = { crypto: createCrypto() };
const render = (entry: Parameters<typeof heldWith>[0], columns = 80): ReturnType<typeof renderHeld> =>
  renderHeld(heldWith(entry, REQUEST), { digest: powers.crypto.digest, columns });

// What must not come out.
const OBEYED =
  // oxlint-disable-next-line no-control-regex -- controls are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u00ad\u{e0000}-\u{e0fff}\p{Cs}]/u;

describe("an argument of a held action", () => {
  for (const columns of [40, 80, 200])
    test.each(CORPUS)(`that %s is shown truthfully in ${columns} columns`, (_, text, visible) => {
      const rendered = render({ stands: "argument", text }, columns);
      if (rendered.kind === "refused") {
        // What is long in few columns only.
        expect(rendered.why).toMatch(/more than 200 lines/u);
        expect(render({ stands: "argument", text }, 200).kind).toBe("shown");
        return;
      }
      const lines = rendered.lines.map(plainText);
      expect(lines.filter((each) => OBEYED.test(each))).toEqual([]);
      expect(lines.filter((each) => measureText(each) > Math.max(40, Math.min(columns, 120)))).toEqual([]);
      expect(readPlace("argument", lines)).toBe(visible);
      expect(readBack(visible)).toBe(text);
      // The next argument is where it was: nothing that was shown stands in its place.
      expect(lines.filter((each) => each === '  /to  "bob@good.example"')).toHaveLength(1);
    });

  test("that no text can hold (half a character) is no action at all", () => {
    expect(() => heldOver({ text: "a\ud800b" })).toThrow(/lone surrogate/);
  });

  test("as a name is shown as a name, and none can pass for another", () => {
    for (const [, text] of CORPUS.filter(([, each]) => each.length < 200)) {
      const rendered = renderHeld(heldOver({ [text]: "value" }), { digest: powers.crypto.digest, columns: 80 });
      if (rendered.kind === "shown")
        expect(rendered.lines.map(plainText).filter((each) => OBEYED.test(each))).toEqual([]);
    }
  });
});

test.each(REFUSED)("an %s is refused", (_, entry) => {
  const rendered = render(entry, 120);
  expect(rendered.kind === "refused" ? rendered.why : "shown").toMatch(new RegExp(entry.refused ?? "", "u"));
});

test.each(NETWORK)("a %s is no request to the network, or is shown as it is", (_, entry) => {
  const decoded = decodeNetCall("fetch", argumentsOf(heldWith(entry, REQUEST)));
  if (entry.refused === undefined) expect(decoded.kind).toBe("ok");
  else expect(decoded.kind === "refused" ? decoded.message : "taken").toMatch(new RegExp(entry.refused, "u"));
});

test.each(CORPUS)("in the lists of the live screen, what %s moves no cursor and no column", (_, text) => {
  const [first] = instances;
  if (first === undefined) throw new Error("there is no instance to show");
  const held = { ...heldOver({ [text]: text }), what: text, reasons: [text], times: 1 };
  const lines = drawTop(
    {
      instances: [{ ...first, why: text }],
      held: [held],
      stages: new Map(),
      allFrozen: null,
      recovering: null,
      slowLog: null,
      log: null,
      away: null,
      pane: "held",
      chosen: { instances: 0, held: 0 },
      budgets: [],
      notes: [],
    },
    { columns: 80, rows: 24, now: 0 },
  ).map(plainText);
  expect(lines.filter((each) => OBEYED.test(each) || measureText(each) > 80)).toEqual([]);
});
