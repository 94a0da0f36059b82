import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import type { Grant } from "../kernel/grant.ts";
import { checkLimits, NO_USAGE } from "../kernel/limits.ts";
import { expandGrant } from "../protocol/expand-grant.ts";
import type { RecordBody } from "../protocol/record.ts";
import { decodeShortGrant } from "../protocol/short-grant.ts";
import { jsonView } from "./json-view.ts";
import { applyRecord } from "./reducer.ts";
import { emptyState, type State } from "./state.ts";

const WEDNESDAY = Date.parse("2026-11-25T12:00:00Z");
const HALF_HOUR = 1_800_000;
const DAY = 86_400_000;
const DIGEST = `sha256:${"0".repeat(64)}`;

/** The lease for a heartbeat that ships: once in half an hour, eight times on a working day. */
function heartbeat(): Grant {
  const short = decodeShortGrant(parse(readFileSync(join("examples", "openclaw-heartbeat.yaml"), "utf8")));
  if (short.kind !== "ok") expect.fail(JSON.stringify(short));
  const given = { now: WEDNESDAY, resolve: () => null, pins: { net: DIGEST } };
  const grant = expandGrant(short.value, given);
  return grant.kind === "ok" ? grant.value : expect.fail(JSON.stringify(grant));
}

const LEASE = heartbeat();
const INTENT: RecordBody = {
  kind: "intent",
  by: { kind: "grant", grants: [LEASE.id] },
  pin: DIGEST,
  instance: "i-00000000000000aa",
  agent: "openclaw",
  ancestry: [],
  action: DIGEST,
  what: "net/send",
  risk: "reserved",
  labels: [],
  policy: DIGEST,
};

/** What a start of the monitor makes of a log in which the lease was signed and used at these times. */
function replayed(times: readonly number[]): State {
  const state = emptyState();
  const signed: RecordBody = { kind: "grant-signed", grant: LEASE.id, digest: DIGEST, key: DIGEST };
  applyRecord(state, { seq: 0, at: 0, body: signed, payload: { document: jsonView(LEASE) }, replay: true });
  for (const [index, at] of times.entries())
    applyRecord(state, {
      seq: index + 1,
      at,
      body: INTENT,
      payload: { grants: [LEASE.id], bytes: 0 },
      replay: true,
    });
  return state;
}

const limitAt = (now: number, times: readonly number[]): string | null =>
  checkLimits(LEASE, replayed(times).usage.get(LEASE.id) ?? NO_USAGE, { now, bytes: 0 });
const beats = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => WEDNESDAY + index * HALF_HOUR);

test("a restart forgets no use of a window: the eighth runs, the ninth does not, and tomorrow begins anew", () => {
  expect(limitAt(WEDNESDAY + 7 * HALF_HOUR, beats(7))).toBeNull();
  expect(limitAt(WEDNESDAY + 8 * HALF_HOUR, beats(8))).toBe("limit-window");
  expect(limitAt(WEDNESDAY + DAY, beats(8))).toBeNull();
});

test("nor the stretch between two beats, nor the hours", () => {
  expect(limitAt(WEDNESDAY + HALF_HOUR - 1, beats(1))).toBe("limit-rate");
  expect(limitAt(WEDNESDAY + 15 * 3_600_000, beats(1))).toBe("outside-hours"); // 04:00 in Vienna
  expect(limitAt(WEDNESDAY + 3 * DAY, beats(1))).toBe("outside-hours"); // Saturday
});

test("a clock that was set back to yesterday opens no window anew", () => {
  const today = beats(8).map((at) => at + DAY);
  expect(limitAt(WEDNESDAY + 2 * DAY, today)).toBeNull();
  expect(limitAt(WEDNESDAY + HALF_HOUR, today)).toBe("limit-window");
});
