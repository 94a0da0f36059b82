import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { frameOf, HARMLESS, readBack, readCorpus, readPlace, type Entry, type Place } from "../corpus/corpus.ts";
import { showAtTerminal, type Shown } from "../corpus/terminal-screen.ts";
import { hasChromium } from "../fakes/chromium.ts";
import { showOnPage } from "./page-screen.ts";

/*
 * The rendering corpus (test/corpus/rendering.json) on the two screens on which people decide: the command line at a real
 * pseudo-terminal, as a terminal emulator reads it, and the console's pages in a real browser, as they are laid out.
 */

if (!hasChromium()) process.stderr.write("NOT TESTED: what pages show, since /usr/bin/chromium is not installed\n");

type Asked = Pick<Entry, "stands" | "text">;

const corpus = readCorpus();
const places = Object.keys(HARMLESS) as readonly Place[];
const harmless: readonly Asked[] = places.map((stands) => ({ stands, text: HARMLESS[stands] }));
/** Its rows are as long as the page has room for. */
const ruler: Asked = { stands: "argument", text: "r".repeat(500) };

/** Pieces of what deceives, and of plain text, in any order: what nobody thought of. */
const piece = fc.oneof(
  fc.constantFrom(...corpus.filter(({ text }) => text.length < 60).map(({ text }) => text)),
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.string({ unit: "grapheme", maxLength: 6 }),
  fc.constantFrom(
    " ",
    "  ",
    "\n",
    "/",
    ".",
    "a",
    "1",
    "\u0430",
    "\u05d0",
    "漢",
    "‹",
    "›",
    "│",
    '"',
    "\u001b[",
    "\u0301",
  ),
);
const mixture = fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => pieces.join("").toWellFormed());
/** `npm run proof:rendering` draws other mixtures each time, and many. */
const PROOF = Number(process.env["AIOS_RENDERING_MIXTURES"] ?? 0);
const seed = PROOF > 0 ? Date.now() & 0x7fffffff : 20261126;
const mixtures: readonly Asked[] = fc
  .sample(mixture, { seed, numRuns: PROOF > 0 ? PROOF : 60 })
  // The inbox has one card for equal ones.
  .filter((text, index, all) => all.indexOf(text) === index && !corpus.some((entry) => entry.text === text))
  .map((text, index) => ({ stands: (["argument", "list", "error"] as const)[index % 3] ?? "argument", text }));

const asked: readonly Asked[] = [ruler, ...harmless, ...corpus, ...mixtures];
const AT = { harmless: 1, corpus: 1 + harmless.length, mixtures: 1 + harmless.length + corpus.length };
/** Those of which something is shown as a code point that would not be without that function. */
const deceiving = corpus.filter(({ stands, visible = "" }) =>
  (stands === "name" ? /‹U\+(?!00[02][A0]›)/u : /‹U\+(?!000A›)/u).test(visible),
);

const screens = ["terminal", ...(hasChromium() ? (["page"] as const) : [])] as const;
type Screens = { readonly [screen in (typeof screens)[number]]?: readonly Shown[] };
let columns = 120;
let seen: Screens = {};
let blind: Screens = {};

beforeAll(
  async () => {
    const page = hasChromium() ? await showOnPage(asked, { blind: false }) : null;
    columns = page?.[0]?.rows.find((row) => row.startsWith("    │ r"))?.length ?? columns;
    seen = { terminal: await showAtTerminal(asked, { columns, blind: false }), ...(page === null ? {} : { page }) };
    blind = {
      terminal: await showAtTerminal(deceiving, { columns, blind: true }),
      ...(hasChromium() ? { page: await showOnPage(deceiving, { blind: true }) } : {}),
    };
  },
  120_000 + PROOF * 200,
);

const shownAt = (shown: Screens, screen: (typeof screens)[number], index: number): Shown =>
  shown[screen]?.[index] ?? { rows: [], faults: ["nothing was shown"] };

/** What is not as it must be where an entry stands: empty when it is shown truthfully or refused. */
function faultsOf(entry: Entry, shown: Shown): readonly string[] {
  const { stands, visible, refused } = entry;
  const read = readPlace(stands, shown.rows);
  if (visible !== undefined) return read === visible ? shown.faults : [...shown.faults, `it says ${read ?? "nothing"}`];
  // The monitor holds no action that the decoder of the network refuses; nothing may be said of what it would do.
  if (stands === "host" || stands === "target") return read === null ? shown.faults : [...shown.faults, "it is shown"];
  const why = shown.rows.find((row) => /nobody can say yes to it: |Cannot show this action in full: /u.test(row));
  return why !== undefined && new RegExp(refused ?? "", "u").test(why)
    ? shown.faults
    : [...shown.faults, "not refused"];
}

test("there are more than sixty, in every place", () => {
  expect(corpus.length).toBeGreaterThanOrEqual(60);
  expect(places.filter((place) => !corpus.some(({ stands }) => stands === place))).toEqual([]);
});

describe.each(screens)("at the %s", (screen) => {
  test.each(corpus.map((entry, index) => [`${entry.stands} that ${entry.name}`, entry, index] as const))(
    "an %s is shown truthfully or refused",
    (_, entry, index) => {
      const shown = shownAt(seen, screen, AT.corpus + index);
      expect(faultsOf(entry, shown)).toEqual([]);
      // Nothing else on the screen is other than it is beside a harmless text.
      if (entry.visible === undefined) return;
      const twin = shownAt(seen, screen, AT.harmless + places.indexOf(entry.stands));
      expect(frameOf(entry.stands, shown.rows)).toEqual(frameOf(entry.stands, twin.rows));
    },
  );

  test(`a mixture of them can be read back to the very text (seed ${seed})`, () => {
    const wrong = mixtures.flatMap(({ stands, text }, index) => {
      const shown = shownAt(seen, screen, AT.mixtures + index);
      const read = readPlace(stands, shown.rows);
      const cut = stands === "list" && screen === "page" && read?.endsWith("…") === true;
      const back = read === null ? "" : readBack(cut ? read.slice(0, -1) : read);
      const same = cut ? text.startsWith(back) : back === text;
      return same && shown.faults.length === 0 ? [] : [JSON.stringify({ text, read, faults: shown.faults })];
    });
    expect(wrong).toEqual([]);
  });

  test("attack: with the function off that makes texts visible, every one of them deceives", () => {
    const missed = deceiving.filter((entry, index) => faultsOf(entry, shownAt(blind, screen, index)).length === 0);
    expect(missed.map(({ name }) => name)).toEqual([]);
  });
});

test("attack: with that function off, the terminal obeys and the page hides and turns round", () => {
  const faults = new Set(Object.values(blind).flatMap((each) => each.flatMap((shown) => shown.faults)));
  const expected = ["a title was set", "it rang", "the terminal answered", "another screen was shown"];
  const drawn = ["something is drawn as nothing", "it is drawn in another order"];
  for (const fault of [...expected, ...(hasChromium() ? drawn : [])]) expect(faults).toContain(fault);
});

test.skipIf(!hasChromium())("terminal and page show the same rows", () => {
  const differ = asked.flatMap((entry, index) => {
    const [one, other] = [shownAt(seen, "terminal", index).rows, shownAt(seen, "page", index).rows];
    const refused = one.some((row) => row.startsWith("aios: "));
    const isRow = entry.stands !== "list" && entry.stands !== "error" && !refused;
    return isRow && JSON.stringify(one) !== JSON.stringify(other) ? [{ entry, one, other }] : [];
  });
  expect(differ).toEqual([]);
});
