import { describe, expect, test } from "vitest";
import { createMemoryLog } from "../../test/fakes/memory-log.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { RecordBody } from "../protocol/record.ts";
import { keptOf, leftToErase, readErasure, refuseRules } from "./erasing.ts";
import { replay } from "./journal.ts";
import { emptyState } from "./state.ts";
import type { Entry } from "./log/log.ts";

const DIGEST = `sha256:${"0".repeat(64)}`;
const KEY = "ed25519:0123456789abcdef";
const ACTION = {
  instance: "i-0123456789abcdef",
  agent: "writer",
  ancestry: [],
  action: DIGEST,
  what: "files/write_file",
  risk: "reserved",
  labels: [],
  policy: DIGEST,
} as const;
const INTENT: RecordBody = { kind: "intent", by: { kind: "grant", grants: ["g"] }, pin: DIGEST, ...ACTION };
const OUTCOME: RecordBody = {
  kind: "outcome",
  intent: 0,
  result: "ok",
  code: null,
  digest: null,
  bytes: 40,
  micros: 1,
  ...ACTION,
};
const USED: JsonObject = { action: "{}", grants: ["g"], bytes: 2 };

/** A log with these records; a payload of `gone` was there and opens no more. */
function logOf(...records: readonly (readonly [RecordBody, JsonObject | null | "gone"])[]) {
  const kept = records.map(([body, payload], seq): Entry => {
    const commitment = payload === null ? null : { digest: DIGEST, bytes: 1 };
    const record = { v: 1, seq, at: 5, start: "0".repeat(32), payload: commitment, ...body } as const;
    return { record, payload: payload === "gone" ? null : payload };
  });
  return createMemoryLog("0".repeat(32), kept);
}
const erased: RecordBody = { kind: "payload-erased", record: 0, key: KEY };

describe("an intent whose payload is gone", () => {
  test("stops the start, unless an owner had it erased", async () => {
    const bare = logOf([INTENT, "gone"], [OUTCOME, null]);
    await expect(replay(bare, emptyState(), () => {})).rejects.toThrow(/its payload is gone, and no owner erased it/u);
    const signed = logOf([INTENT, "gone"], [OUTCOME, null], [erased, { kept: { grants: ["g"], bytes: 42 } }]);
    const state = emptyState();
    await replay(signed, state, () => {});
    expect([...state.erased]).toEqual([0]);
    const silent = logOf([INTENT, "gone"], [OUTCOME, null], [erased, {}]);
    await expect(replay(silent, emptyState(), () => {})).rejects.toThrow(/kept/u);
  });

  test("is erased again by a start that finds it there", async () => {
    const left = logOf([INTENT, USED], [OUTCOME, null], [erased, { kept: { grants: ["g"], bytes: 42 } }]);
    const state = emptyState();
    await replay(left, state, () => {});
    expect(await leftToErase(left, state)).toEqual([0]);
    const done = logOf([INTENT, "gone"], [OUTCOME, null], [erased, { kept: { grants: ["g"], bytes: 42 } }]);
    const after = emptyState();
    await replay(done, after, () => {});
    expect(await leftToErase(done, after)).toEqual([]);
  });
});

describe("a snapshot whose texts are gone", () => {
  const SOUL = { agent: "writer", name: "soul" } as const;
  const frozen: RecordBody = { kind: "memory-frozen", ...SOUL, version: 1, digest: DIGEST, key: KEY };

  test("stops the start, unless an owner had it erased; then nobody gets it, and no older version comes", async () => {
    await expect(replay(logOf([frozen, "gone"]), emptyState(), () => {})).rejects.toThrow(/no owner erased it/u);
    const state = emptyState();
    const log = logOf([frozen, "gone"], [erased, {}]);
    await replay(log, state, () => {});
    const { snapshots } = state.memory;
    expect([snapshots.given(null), snapshots.kept(), snapshots.floor(SOUL)]).toEqual([[], [], 1]);
    expect(await leftToErase(log, state)).toEqual([]);
    // The monitor ended between the record and the key.
    expect(await leftToErase(logOf([frozen, { document: {} }], [erased, {}]), state)).toEqual([0]);
  });

  test("can be erased, and goes by no rule", async () => {
    const log = logOf([frozen, { document: {} }]);
    expect(await keptOf(0, { log, state: emptyState() })).toEqual({});
    expect(() => refuseRules({ "memory-frozen": 1 })).toThrow(/memory-frozen stay/u);
  });
});

describe("what is kept of a payload", () => {
  test("is what an intent counts for, its outcome's bytes with it", async () => {
    const log = logOf([INTENT, USED], [OUTCOME, null]);
    expect(await keptOf(0, { log, state: emptyState() })).toEqual({ kept: { grants: ["g"], bytes: 42 } });
  });

  test("is nothing of other records, and nothing is erased that must stay", async () => {
    const denied: RecordBody = {
      kind: "denied",
      stage: "validate",
      code: "no-grant",
      by: { kind: "monitor", why: "x" },
      ...ACTION,
    };
    const set: RecordBody = { kind: "policy-set", policy: DIGEST, key: KEY };
    const log = logOf([INTENT, USED], [denied, { action: "{}" }], [set, { document: {} }], [OUTCOME, null]);
    const state = emptyState();
    expect(await keptOf(1, { log, state })).toEqual({});
    await expect(keptOf(2, { log, state })).rejects.toMatchObject({ code: "not-erasable" });
    await expect(keptOf(3, { log, state })).rejects.toMatchObject({ code: "nothing-to-erase" });
    await expect(keptOf(4, { log, state })).rejects.toMatchObject({ code: "bad-request" });
    state.open.set(0, { seq: 0, ...ACTION, grants: [] });
    await expect(keptOf(0, { log, state })).rejects.toMatchObject({ code: "not-erasable" });
  });

  test("a statement names one record and nothing else", () => {
    expect(readErasure({ record: 7 })).toBe(7);
    for (const bad of [{}, { record: -1 }, { record: "7" }, { record: 0.5 }, { record: 7, more: 1 }]) {
      expect(() => readErasure(bad)).toThrow(/names one record/u);
    }
  });
});
