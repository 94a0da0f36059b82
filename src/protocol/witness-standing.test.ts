import { expect, test } from "vitest";
import { decode } from "./decode.ts";
import { isGrave, WITNESS_TROUBLES, WITNESSES_VIEW } from "./witness-standing.ts";

const trouble = { code: "forked", size: 9, seen: 9, status: 409, at: 1 };
const witness = { name: "w.example/one", at: "https://w.example", size: 9, trouble: null };
const view = { quorum: 1, before: "nothing", size: 9, witnesses: [witness, { ...witness, size: null, trouble }] };

test("how witnesses stand is read with every trouble that there is, and no other", () => {
  for (const code of WITNESS_TROUBLES) {
    const given = { ...view, witnesses: [{ ...witness, trouble: { ...trouble, code } }] };
    expect(decode(WITNESSES_VIEW, given)).toEqual({ kind: "ok", value: given });
  }
  expect(decode(WITNESSES_VIEW, view)).toEqual({ kind: "ok", value: view });
  for (const bad of [
    { ...view, before: "everything" },
    { ...view, size: -1 },
    { ...view, witnesses: Array.from({ length: 17 }, () => witness) },
    { ...view, witnesses: [{ ...witness, size: -8 }] },
    { ...view, witnesses: [{ ...witness, trouble: { ...trouble, code: "fine" } }] },
    { ...view, witnesses: [{ ...witness, trouble: { ...trouble, status: 1000 } }] },
  ]) {
    expect(decode(WITNESSES_VIEW, bad)).toMatchObject({ kind: "refused" });
  }
});

test("two troubles say that the log is another, and the rest nothing of it", () => {
  expect(WITNESS_TROUBLES.filter(isGrave)).toEqual(["rolled-back", "forked"]);
});
