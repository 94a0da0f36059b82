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

function drafts() {
  let [drawn, now] = [0, 1000];
  const made = createDrafts({
    random: { hex: () => (drawn += 1).toString(16).padStart(32, "0"), bytes: () => new Uint8Array() },
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

test("attack: what was signed is handed out no more, nor is what is past its end outstanding", () => {
  const { draw, of, end, pass } = drafts();
  const { nonce } = draw(base());
  expect(of(nonce)?.purpose).toBe("thaw-instance");
  end(nonce);
  expect(of(nonce)).toBeNull();
  const next = draw(base());
  expect(next.nonce).not.toBe(nonce);
  pass(6 * MINUTE);
  draw(base({ subject: OTHER }));
  expect(of(next.nonce)).toBeNull();
});

test("too many that differ are refused, and none is pushed out", () => {
  const { draw, of } = drafts();
  const { nonce } = draw(base());
  for (let at = 1; at < 256; at += 1) draw(base({ subject: `sha256:${at.toString(16).padStart(64, "0")}` }));
  expect(() => draw(base({ subject: OTHER }))).toThrow(/Too many statements/);
  expect(draw(base()).nonce).toBe(nonce);
  expect(of(nonce)?.purpose).toBe("thaw-instance");
});
