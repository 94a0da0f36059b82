import { expect, test, vi } from "vitest";
import { createMemoryLog } from "../../test/fakes/memory-log.ts";
import { grant } from "../../test/fakes/kernel.ts";
import type { RecordBody } from "../protocol/record.ts";
import { createAway, heldUntil, stoppedByAbsence } from "./away.ts";
import { createJournal } from "./journal.ts";
import { jsonView } from "./json-view.ts";
import { emptyState } from "./state.ts";

const UNTIL = 100_000;
const KEY = `ed25519:${"0".repeat(16)}`;

/** A monitor's journal with a clock and a timer that the test moves. */
async function scene(asked: "wait" | "deny" = "wait") {
  const state = emptyState();
  const clock = { now: 1000, jumped: false };
  const log = createMemoryLog("0".repeat(32), [], () => clock.now);
  const journal = createJournal(log, { state, now: () => clock.now, onRecord: () => {} });
  const due: { at: number; run: () => void }[] = [];
  const changes = vi.fn();
  const failed = vi.fn();
  const away = createAway({
    journal,
    timer: {
      after(ms, run) {
        due.push({ at: clock.now + ms, run });
        return () => {};
      },
    },
    trusted: { now: () => clock.now, state: () => (clock.jumped ? "jumped" : "steady") },
    grantsChanged: changes,
    failed,
  });
  const lease = grant({ id: "l", lease: true, limits: { uses: 1, notBefore: 0, expires: UNTIL } });
  const document = { until: UNTIL, asked, leases: [jsonView(lease)] };
  const begun: RecordBody = { kind: "away-begun", until: UNTIL, asked, leases: ["l"], key: KEY };
  await journal.write(begun, { document });
  away.begun(["l"]);
  const kinds = (): readonly string[] => log.kept.map(({ record }) => record.kind);
  /** Moves the clock and lets what is due by then happen, a few times over. */
  const pass = async (to: number): Promise<void> => {
    for (let next = due.shift(); next !== undefined; next = due.shift()) {
      if (next.at > to) {
        due.unshift(next);
        break;
      }
      clock.now = Math.max(clock.now, next.at);
      next.run();
      await Promise.resolve();
      await vi.waitFor(() => expect(failed).not.toHaveBeenCalled());
    }
    clock.now = Math.max(clock.now, to);
  };
  return { state, clock, away, kinds, pass, changes, log };
}

test("a stretch puts its leases in force and ends by itself, with one record, and they go with it", async () => {
  const { state, kinds, pass, changes } = await scene();
  expect(state.active.has("l")).toBe(true);
  await pass(UNTIL - 1);
  expect(kinds()).toEqual(["away-begun"]);
  await pass(UNTIL + 60_000);
  await vi.waitFor(() => expect(kinds()).toEqual(["away-begun", "away-ended"]));
  await vi.waitFor(() =>
    expect(changes.mock.calls.map(([change]) => Object.keys(change))).toEqual([["added"], ["removed"]]),
  );
  expect(state.active.has("l")).toBe(false);
  await pass(UNTIL + 600_000);
  expect(kinds()).toHaveLength(2);
});

test("who is back twice at once ends it once, and who was never away ends nothing", async () => {
  const { away, kinds, state } = await scene();
  const [one, other] = await Promise.all([away.back(), away.back()]);
  expect([one, other]).toEqual([
    { since: 1000, record: 1 },
    { since: 1000, record: 1 },
  ]);
  expect(await away.back()).toEqual({ since: 1000, record: null });
  expect(kinds()).toEqual(["away-begun", "away-ended"]);
  state.away = null;
  await expect(away.back()).rejects.toMatchObject({ code: "away" });
});

test("a clock that jumped ends no stretch until an owner has said which time it is", async () => {
  const { clock, kinds, pass } = await scene();
  clock.jumped = true;
  await pass(UNTIL + 120_000);
  expect(kinds()).toEqual(["away-begun"]);
  clock.jumped = false;
  await pass(UNTIL + 240_000);
  await vi.waitFor(() => expect(kinds()).toEqual(["away-begun", "away-ended"]));
});

test("what needs a human is stopped or waits, until the end of the stretch and not longer, whatever records come when", async () => {
  const { state } = await scene("deny");
  expect(stoppedByAbsence(state, 5000)).toMatchObject({ code: "owner-away", stage: "approve" });
  expect(stoppedByAbsence(state, UNTIL)).toBeNull();
  const waiting = await scene("wait");
  expect(stoppedByAbsence(waiting.state, 5000)).toBeNull();
  expect(heldUntil(waiting.state, { now: 5000, span: 600 })).toBe(UNTIL + 600);
  await waiting.away.back();
  expect(heldUntil(waiting.state, { now: 5000, span: 600 })).toBe(5600);
  expect(stoppedByAbsence({ away: null }, 5000)).toBeNull();
});
