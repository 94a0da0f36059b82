import { describe, expect, test } from "vitest";
import type { Demand } from "../protocol/second-screen.ts";
import type { Statement } from "../protocol/statement.ts";
import { createSecondScreen, type SecondDesk } from "./second-screen.ts";
import { emptyState, type HeldState } from "./state.ts";

const [PASSKEY, KEY_FILE] = ["passkey:0123456789abcdef", "ed25519:0123456789abcdef"];
const BESIDE = `sha256:${"5".repeat(64)}`;

function heldAs(request: string, risk: HeldState["risk"] = "reserved"): HeldState {
  const [since, expires, reasons] = [0, 1, [] as const];
  const who = {
    record: Number(request[0]),
    request,
    instance: "i",
    agent: "a",
    what: "w",
    text: "{}",
    digest: request,
  };
  return { ...who, risk, reasons, since, expires };
}
const yes = (more: Partial<Statement> = {}): Statement => ({
  v: 1,
  purpose: "approve-action",
  decision: "allow",
  nonce: "0".repeat(32),
  subject: BESIDE,
  policy: BESIDE,
  start: "0".repeat(32),
  expires: 1,
  key: PASSKEY,
  ...more,
});
function deskOf(demand: Demand, ...held: readonly HeldState[]) {
  const state = emptyState();
  state.secondScreen = demand;
  for (const each of held) state.held.set(each.request, each);
  let drawn = 0;
  const desk: SecondDesk = createSecondScreen(state, { hex: (count) => String(++drawn).padEnd(2 * count, "0") });
  return { state, desk, drawn: () => drawn };
}
const one = heldAs("1".repeat(32));

describe("the second screen of a held action", () => {
  test("is asked of a passkey's yes to what is reserved, where it is demanded, and of nothing else", () => {
    const staged = heldAs("2".repeat(32), "stage");
    const { desk } = deskOf("reserved", one, staged);
    expect([desk.needOf(one), desk.needOf(staged)]).toEqual(["code", "nothing"]);
    expect(desk.faultOf(yes(), one)).toMatch(/missing/u);
    expect(desk.faultOf(yes(), staged)).toBeNull();
    expect(desk.faultOf(yes({ decision: "deny" }), one)).toBeNull();
    expect(desk.faultOf(yes({ key: KEY_FILE }), one)).toBeNull();
    const off = deskOf("nothing", one);
    expect([off.desk.needOf(one), off.desk.tell(one, null), off.desk.faultOf(yes(), one)]).toEqual([
      "nothing",
      null,
      null,
    ]);
  });

  test("has a code of its own for each action, the same each time; one that nobody was told is none", () => {
    const two = heldAs("2".repeat(32));
    const { desk } = deskOf("reserved", one, two);
    expect(desk.faultOf(yes({ second: "00000000" }), one)).toMatch(/not the one/u);
    const [first, second] = [desk.tell(one, null) ?? "", desk.tell(two, null) ?? ""];
    expect(first).toMatch(/^[0-9a-hjkmnp-tv-z]{8}$/u);
    expect(desk.tell(one, null)).toBe(first);
    expect(desk.faultOf(yes({ second }), one)).toMatch(/not the one/u);
    expect(desk.faultOf(yes({ second: first }), one)).toBeNull();
  });

  test("is for what lay there when it was told: once that is another, so is the code", () => {
    const { desk } = deskOf("reserved", one);
    const first = desk.tell(one, null) ?? "";
    expect(desk.faultOf(yes({ second: first, beside: BESIDE }), one)).toMatch(/not the one/u);
    const again = desk.tell(one, BESIDE) ?? "";
    expect(again).not.toBe(first);
    expect(desk.faultOf(yes({ second: first, beside: BESIDE }), one)).toMatch(/not the one/u);
    expect(desk.faultOf(yes({ second: again, beside: BESIDE }), one)).toBeNull();
  });

  test("ends with three wrong codes, however often it is told anew, for that action alone", () => {
    const two = heldAs("2".repeat(32));
    const { desk } = deskOf("reserved", one, two);
    for (const beside of [null, BESIDE, null]) {
      expect(desk.tell(one, beside)).not.toBeNull();
      expect(desk.faultOf(yes({ second: "00000000" }), one)).toMatch(/not the one/u);
    }
    expect([desk.needOf(one), desk.tell(one, null), desk.needOf(two)]).toEqual(["terminal", null, "code"]);
    expect(desk.faultOf(yes({ second: "00000000" }), one)).toMatch(/terminal only/u);
  });

  test("keeps nothing of what is not held any more", () => {
    const two = heldAs("2".repeat(32));
    const { desk, state, drawn } = deskOf("reserved", one, two);
    desk.tell(one, null);
    state.held.delete(one.request);
    desk.tell(two, null);
    state.held.set(one.request, one);
    desk.tell(one, null);
    expect(drawn()).toBe(3);
  });
});
