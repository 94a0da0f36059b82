import { expect, test } from "vitest";
import { createHoldBell } from "./hold-bell.ts";

function sit({ terminal = true, quiet = false } = {}): {
  readonly said: string[];
  hold(at: number, agent?: string): void;
} {
  const said: string[] = [];
  let now = 0;
  const err = { write: (text: string) => void said.push(text), columns: 80, colour: false, terminal };
  const bell = createHoldBell({ err, now: () => now, notice: (title) => void said.push(title) }, { quiet });
  return {
    said,
    hold(at, agent = "worker") {
      now = at;
      bell({ agent });
    },
  };
}
const NOTICE = "AIOS: an action of worker waits for you";

test("the first held action rings once, and what is held within a minute does not ring again", () => {
  const { said, hold } = sit();
  for (const at of [0, 10, 59_999]) hold(at);
  expect(said).toEqual(["\u0007", NOTICE]);
  hold(60_000);
  expect(said).toEqual(["\u0007", NOTICE, "\u0007", NOTICE]);
});

test("a clock that was set back silences nothing", () => {
  const { said, hold } = sit();
  hold(1_000_000);
  hold(5);
  expect(said).toHaveLength(4);
});

test("no bell goes into a file, nothing that deceives to the desktop, and nothing at all to who wants none", () => {
  const file = sit({ terminal: false });
  file.hold(0, "a\u202eb\n");
  expect(file.said).toEqual(["AIOS: an action of a‹U+202E›b‹U+000A› waits for you"]);
  const silent = sit({ quiet: true });
  silent.hold(0);
  expect(silent.said).toEqual([]);
});
