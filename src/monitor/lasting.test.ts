import { expect, test } from "vitest";
import { grant } from "../../test/fakes/kernel.ts";
import type { Journal } from "./journal.ts";
import { untilGrantsEnd } from "./lasting.ts";
import { emptyState } from "./state.ts";

function ports(expires: readonly number[]): {
  readonly given: Parameters<typeof untilGrantsEnd>[1]["ports"];
  readonly timers: { readonly ms: number; readonly run: () => void; stopped: boolean }[];
} {
  const state = emptyState();
  expires.forEach((at, index) => state.active.set(`g-${index}`, grant({ id: `g-${index}`, limits: { expires: at } })));
  const timers: { ms: number; run: () => void; stopped: boolean }[] = [];
  const journal: Pick<Journal, "state"> = { state };
  const timer = {
    after: (ms: number, run: () => void) => {
      const each = { ms, run, stopped: false };
      timers.push(each);
      return () => void (each.stopped = true);
    },
  };
  return { given: { journal: journal as Journal, powers: { timer }, now: () => 1000 }, timers };
}

test("what lasts is cut when the first of its grants ends, and not after it ended by itself", async () => {
  const { given, timers } = ports([9000, 5000]);
  let cut = 0;
  const { promise, resolve } = Promise.withResolvers<string>();
  const waiting = untilGrantsEnd(promise, { grants: ["g-0", "g-1"], cancel: () => (cut += 1), ports: given });
  expect(timers.map(({ ms }) => ms)).toEqual([4000]);
  timers[0]?.run();
  expect(cut).toBe(1);
  resolve("so far");
  expect(await waiting).toBe("so far");
  expect(timers[0]?.stopped).toBe(true);
});

test("a grant that is not in force has ended, and one without an end in sight still has one", () => {
  const { given, timers } = ports([Number.MAX_SAFE_INTEGER]);
  const never = new Promise<void>(() => {});
  void untilGrantsEnd(never, { grants: ["g-0", "g-gone"], cancel: () => {}, ports: given });
  void untilGrantsEnd(never, { grants: ["g-0"], cancel: () => {}, ports: given });
  expect(timers.map(({ ms }) => ms)).toEqual([0, 2_000_000_000]);
});
