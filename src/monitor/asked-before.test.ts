import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { canonicalize } from "../kernel/canonical.ts";
import type { RecordBody } from "../protocol/record.ts";
import { createAsked, type Asked } from "./asked-before.ts";
import type { HeldState } from "./state.ts";

const digest = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
let nonce = 0;

function heldOf(text: string): HeldState {
  const request = (++nonce).toString(16).padStart(32, "0");
  const [agent, instance, what] = ["worker", "i-0123456789abcdef", "notes/add"];
  const action = { v: 1, request, agent, instance, verb: "call", driver: "notes", name: "add", arguments: { text } };
  const canonical = canonicalize(action);
  const times = { since: 1, expires: 2 };
  return {
    record: nonce,
    request,
    instance,
    agent,
    what,
    text: canonical,
    digest: digest(canonical),
    risk: "reserved",
    reasons: [],
    ...times,
  };
}

const common = { instance: "i-0123456789abcdef", agent: "worker", ancestry: [], what: "notes/add" } as const;
const base = (held: HeldState) =>
  ({ ...common, action: held.digest, risk: "reserved", labels: [], policy: digest("") }) as const;

function ask(asked: Asked, text: string): HeldState {
  const held = heldOf(text);
  const body: RecordBody = { kind: "held", reasons: ["reserved"], expires: 2, ...base(held) };
  asked.note(body, { request: held.request, action: held.text });
  return held;
}
const by = { kind: "owner", key: "ed25519:0123456789abcdef" } as const;
const allow = (asked: Asked, held: HeldState): void =>
  asked.note({ kind: "approved", by, statement: digest("s"), ...base(held) }, null);
const deny = (asked: Asked, held: HeldState, code: "denied-by-owner" | "hold-expired" = "denied-by-owner"): void =>
  asked.note({ kind: "denied", stage: "approve", code, by, ...base(held) }, null);

describe("what was asked before", () => {
  test("is nothing the first time", () => {
    const asked = createAsked(digest);
    const none = { asked: 0, allowed: 0, denied: 0 };
    expect(asked.before(ask(asked, "a"))).toEqual({ same: none, shape: none });
  });

  test("is counted with the answers of people, the same apart from what is alike", () => {
    const asked = createAsked(digest);
    allow(asked, ask(asked, "a"));
    deny(asked, ask(asked, "a"));
    deny(asked, ask(asked, "b"));
    deny(asked, ask(asked, "a"), "hold-expired");
    expect(asked.before(ask(asked, "a"))).toEqual({
      same: { asked: 3, allowed: 1, denied: 1 },
      shape: { asked: 4, allowed: 1, denied: 2 },
    });
  });

  test("is nothing that was asked with it or after it", () => {
    const asked = createAsked(digest);
    allow(asked, ask(asked, "a"));
    const [first, second, third] = [ask(asked, "a"), ask(asked, "a"), ask(asked, "b")];
    const counts = [first, second, third].map((held) => {
      const { same, shape } = asked.before(held);
      return [same.asked, shape.asked];
    });
    expect(counts).toEqual([
      [1, 1],
      [2, 2],
      [0, 3],
    ]);
    // Once the last is answered, the first was still asked before it.
    deny(asked, third);
    expect(asked.before(second).same.asked).toBe(2);
  });

  test("is not counted twice by an answer that comes again", () => {
    const asked = createAsked(digest);
    const held = ask(asked, "a");
    allow(asked, held);
    allow(asked, held);
    expect(asked.before(ask(asked, "a")).same).toEqual({ asked: 1, allowed: 1, denied: 0 });
  });

  test("is forgotten oldest first, however many an agent makes up", () => {
    const asked = createAsked(digest);
    allow(asked, ask(asked, "first"));
    for (let index = 0; index < 9000; index += 1) ask(asked, `n${index}`);
    const { same, shape } = asked.before(ask(asked, "first"));
    expect(same).toEqual({ asked: 0, allowed: 0, denied: 0 });
    expect(shape).toEqual({ asked: 9001, allowed: 1, denied: 0 });
  });
});
