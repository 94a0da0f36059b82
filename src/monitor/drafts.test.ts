import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { UnsignedStatement } from "../protocol/statement.ts";
import { createDrafts } from "./drafts.ts";

const MINUTE = 60_000;
const [POLICY, OTHER] = ["a", "b"].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string];
const base = (more: Partial<UnsignedStatement> = {}): Omit<UnsignedStatement, "nonce" | "expires"> => ({
  v: 1,
  purpose: "thaw-instance",
  subject: POLICY,
  policy: POLICY,
  start: "0".repeat(32),
  ...more,
});

const digest = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

/** Those of a monitor whose random numbers go on from `drawn`. */
function drafts(drawn = 0) {
  let now = 1000;
  const made = createDrafts({
    random: { hex: (count) => (drawn += 1).toString(16).padStart(2 * count, "0") },
    crypto: { digest: (data) => digest(String(data)) },
    now: () => now,
  });
  return { ...made, pass: (ms: number) => void (now += ms) };
}

test("two screens that ask for the same within two minutes are handed the same draft", () => {
  const { draw, pass } = drafts();
  const first = draw(base());
  pass(2 * MINUTE);
  expect(draw(base())).toEqual(first);
  pass(MINUTE);
  expect(draw(base())).not.toEqual(first);
});

test.each<[string, Partial<UnsignedStatement>]>([
  ["another purpose", { purpose: "lift-hold" }],
  ["another subject", { subject: OTHER }],
  ["another policy", { policy: OTHER }],
  ["another start", { start: "1".repeat(32) }],
])("%s is another draft", (_, other) => {
  const { draw } = drafts();
  expect(draw(base(other)).nonce).not.toBe(draw(base()).nonce);
});

test("a grant, which takes time to read, has a draft of its own each time", () => {
  const { draw } = drafts();
  expect(draw(base({ purpose: "sign-grant" })).nonce).not.toBe(draw(base({ purpose: "sign-grant" })).nonce);
});

test("attack: what was signed is good no more, nor handed out; a stranger's nonce never was", () => {
  const { draw, of, end, fits } = drafts();
  const draft = draw(base());
  expect([of(draft.nonce), fits(draft)]).toEqual(["asked", true]);
  end(draft);
  expect([of(draft.nonce), fits(draft)]).toEqual([null, false]);
  expect(draw(base()).nonce).not.toBe(draft.nonce);
  expect(of("f".repeat(32))).toBeNull();
  expect(of(drafts(9).draw(base()).nonce)).toBeNull();
});

test.each<[string, Partial<UnsignedStatement>]>([
  ["another purpose", { purpose: "set-policy" }],
  ["another subject", { subject: OTHER }],
  ["another policy", { policy: OTHER }],
  ["another start", { start: "1".repeat(32) }],
  ["a later end", { expires: 1000 + 6 * MINUTE }],
])("attack: a nonce is no good for %s; twin: it is for what it was drawn up for", (_, other) => {
  const { draw, of, fits } = drafts();
  const draft = draw(base({ purpose: "sign-grant" }));
  expect(of(draft.nonce)).toBe("asked");
  expect(fits({ ...draft, ...other })).toBe(false);
  expect(fits(draft)).toBe(true);
});

test("attack: what was drawn up for the desk does not pass for what anybody asked for", () => {
  const { draw, of, fits } = drafts();
  const [desk, asked] = [draw(base({ purpose: "sign-grant" }), "desk"), draw(base({ purpose: "sign-grant" }))];
  expect([of(desk.nonce), of(asked.nonce)]).toEqual(["desk", "asked"]);
  const mixed = { ...desk, nonce: asked.nonce.slice(0, 16) + desk.nonce.slice(16) };
  expect(fits(mixed)).toBe(false);
});

test("attack: no flood keeps another statement from being drawn up, or ends one that was", () => {
  const { draw, fits } = drafts();
  const shown = draw(base({ purpose: "stop-recovery" }));
  for (let at = 0; at < 2000; at += 1) {
    draw(base({ purpose: "set-clock", subject: `sha256:${at.toString(16).padStart(64, "0")}` }));
    draw(base({ purpose: "sign-grant" }), "desk");
  }
  expect(draw(base({ purpose: "stop-recovery" }))).toEqual(shown);
  expect(fits(shown)).toBe(true);
  expect(fits(draw(base({ purpose: "remove-owner" })))).toBe(true);
});

test("of more than a home has to say in one sentence the first is drawn up anew, and what was handed out stays good", () => {
  const { draw, fits } = drafts();
  const shown = draw(base());
  for (let at = 0; at < 256; at += 1) draw(base({ subject: `sha256:${at.toString(16).padStart(64, "0")}` }));
  expect(draw(base()).nonce).not.toBe(shown.nonce);
  expect(fits(shown)).toBe(true);
});

test("attack: a clock that is set back makes nothing good again that was signed; twin: what is drawn up then is good", () => {
  const { draw, end, fits, pass } = drafts();
  pass(100 * MINUTE);
  const [first, unsigned] = [draw(base()), draw(base({ subject: OTHER }))];
  end(first);
  pass(6 * MINUTE);
  draw(base()); // forgets what is past its end
  pass(-4 * MINUTE);
  expect([fits(first), fits(unsigned)]).toEqual([false, false]);
  const near = draw(base());
  expect(fits(near)).toBe(true);
  pass(-60 * MINUTE);
  const far = draw(base());
  expect([fits(far), fits(near), fits(first)]).toEqual([true, false, false]);
});
