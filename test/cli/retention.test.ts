import { describe, expect, test } from "vitest";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { runProgram } from "../../src/cli/program.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { DAY_MS, ERASABLE } from "../../src/protocol/retention.ts";
import type { LogRecord, RecordBody } from "../../src/protocol/record.ts";
import { createDesk, NOW, PASSPHRASE, type Desk } from "../fakes/cli-powers.ts";
import type { Answers } from "../fakes/monitor-client.ts";

const DIGEST = `sha256:${"0".repeat(64)}`;
const KEY = "ed25519:0123456789abcdef";
const RULES = { days: { outcome: 7, intent: 30 }, record: 12, next: { outcome: 3 }, waits: false };

/** A log of ten records, one a day, the last of them now; the payloads of all are gone. */
function answering(more: Answers = {}): Answers {
  const body = (seq: number): RecordBody =>
    seq === 9
      ? { kind: "payload-erased", record: 1, key: KEY }
      : { kind: "driver-pinned", instance: "i-0123456789abcdef", driver: "x", pin: DIGEST };
  const records = Array.from({ length: 10 }, (_, seq): LogRecord => {
    return {
      v: 1,
      seq,
      at: NOW - (9 - seq) * DAY_MS,
      start: "0".repeat(32),
      payload: { digest: DIGEST, bytes: 9 },
      ...body(seq),
    };
  });
  return {
    retention: () => ({ ...RULES, next: { "driver-pinned": 3 } }),
    "log-show": ({ from, limit, kinds }) => ({
      entries: records
        .filter(({ seq, kind }) => seq >= from && (kinds.length === 0 || kinds.includes(kind)))
        .slice(0, limit)
        .map((record) => ({ record, payload: null })),
      size: 10,
    }),
    prepare: ({ purpose, document }) => ({
      statement: {
        v: 1,
        purpose,
        nonce: "0".repeat(32),
        subject: createCrypto().digest(canonicalize(document)),
        policy: DIGEST,
        start: "0".repeat(32),
        expires: NOW + 60_000,
      },
    }),
    submit: () => ({ seq: 42 }),
    ...more,
  };
}

const signed = (desk: Desk): unknown => {
  const submitted = desk.monitor.asked.filter(({ name }) => name === "submit").map(({ body }) => body);
  return submitted.length === 1 ? submitted[0] : null;
};

describe("aios log retention", () => {
  test("shows the rules, how far they were followed, and that they wait for a clock", async () => {
    const desk = createDesk({ answers: answering({ retention: () => ({ ...RULES, waits: true }) }) });
    expect(await runProgram(["log", "retention"], desk.powers)).toBe(EXIT.ok);
    expect(desk.out()).toContain("kept: outcome for 7 days; intent for 30 days (record 12)");
    expect(desk.out()).toContain("erased by rule: outcome before record 3");
    expect(desk.out()).toContain("aios doctor --set-clock");
    const json = createDesk({ answers: answering({ retention: () => RULES }) });
    expect(await runProgram(["log", "retention", "--json"], json.powers)).toBe(EXIT.ok);
    expect(JSON.parse(json.out())).toEqual(RULES);
  });

  test("set says what it destroys, what goes at once, and signs just that", async () => {
    const desk = createDesk({ answers: answering(), typed: ["y", PASSPHRASE] });
    expect(await runProgram(["log", "retention", "set", "outcome=2d", "intent=30d"], desk.powers)).toBe(EXIT.ok);
    expect(desk.err()).toMatch(
      /Can[\s\S]*payloads of intent are destroyed after 30 days[\s\S]*payloads of outcome are destroyed after 2 days/,
    );
    expect(desk.err()).toMatch(/kept for ever: held, denied/);
    expect(desk.err()).toMatch(/Risk[\s\S]*at once: payloads of outcome among the first 7 records/);
    expect(desk.err()).not.toContain("at once: payloads of intent");
    expect(signed(desk)).toMatchObject({ document: { days: { outcome: 2, intent: 30 } } });
    expect(desk.out()).toContain("kept: outcome for 2 days; intent for 30 days (record 42)");
  });

  test("all is every kind that may go, overruled by what comes after it; forever is none", async () => {
    const desk = createDesk({ answers: answering(), typed: ["y", PASSPHRASE] });
    expect(await runProgram(["log", "retention", "set", "all=90d", "intent=365d"], desk.powers)).toBe(EXIT.ok);
    const days = Object.fromEntries(ERASABLE.map((kind) => [kind, kind === "intent" ? 365 : 90]));
    expect(signed(desk)).toMatchObject({ document: { days } });
    const none = createDesk({ answers: answering(), typed: ["y", PASSPHRASE] });
    expect(await runProgram(["log", "retention", "set", "forever"], none.powers)).toBe(EXIT.ok);
    expect(signed(none)).toMatchObject({ document: { days: {} } });
  });

  test.each([
    ["set"],
    ["show", "intent=1d"],
    ["set", "intent"],
    ["set", "intent=1h"],
    ["set", "intent=36h"],
    ["set", "forever", "intent=1d"],
    ["set", "intents=1d"],
    ["drop"],
  ])("refuses %s %s with one clear error, and signs nothing", async (...words) => {
    const desk = createDesk({ answers: answering(), typed: ["y", PASSPHRASE] });
    expect(await runProgram(["log", "retention", ...words.filter((word) => word !== undefined)], desk.powers)).toBe(
      EXIT.usage,
    );
    expect(desk.err()).toMatch(/^aios: /u);
    expect(signed(desk)).toBeNull();
  });
});

test("a record whose payload a rule erased says so; one that an owner had erased says that", async () => {
  const desk = createDesk({ answers: answering() });
  expect(await runProgram(["log", "show", "--payload", "--from", "0"], desk.powers)).toBe(EXIT.ok);
  const why = desk.out().match(/erased by rule|erased by an owner|its key is gone/gu);
  expect(why?.slice(0, 4)).toEqual(["erased by rule", "erased by an owner", "erased by rule", "its key is gone"]);
});
