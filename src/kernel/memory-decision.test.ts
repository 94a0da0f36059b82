import { expect, test } from "vitest";
import { action, decisionInput, grant, subject } from "../../test/fakes/kernel.ts";
import type { Action } from "./action.ts";
import { decideAction, type DecisionInput } from "./decision.ts";
import type { Allow, Grant } from "./grant.ts";
import { MEMORY_TOOLS, type MemoryTool } from "./memory.ts";

const OWN = { plane: "append-only", entry: 1 };
const OTHERS = { plane: "keeper/append-only", entry: 1 };
const NAMED: Allow = { what: "memory/get", where: { plane: { equals: "keeper/append-only" } } };
const ANY: Allow = { what: "memory/get", where: {} };

function decide(
  args: Action["arguments"],
  grants: readonly Grant[],
  { name = "get", chain = [subject()] }: { name?: MemoryTool; chain?: DecisionInput["chain"] } = {},
): ReturnType<typeof decideAction> {
  const asked = action({ driver: "memory", name, arguments: args });
  return decideAction(decisionInput({ action: asked, tool: MEMORY_TOOLS[name], grants, chain }));
}
const allowing = (...allow: Allow[]): Grant => grant({ allow });

test("an agent's own plane needs a grant and no more", () => {
  expect(decide(OWN, [allowing(ANY)])).toMatchObject({ kind: "granted", risk: "observe" });
  expect(decide(OWN, [])).toMatchObject({ kind: "denied", code: "no-grant" });
  const text = { plane: "append-only", text: "x" };
  expect(decide(text, [allowing({ what: "memory/append", where: {} })], { name: "append" })).toMatchObject({
    kind: "granted",
    risk: "stage",
  });
});

test("another's plane is private however wide a grant is, until one names exactly it", () => {
  expect(decide(OTHERS, [allowing(ANY)])).toMatchObject({
    kind: "denied",
    code: "no-grant",
    by: "the plane keeper/append-only",
  });
  expect(decide(OTHERS, [allowing(NAMED)])).toMatchObject({ kind: "granted" });
  // One to read with is none to add with.
  const text = { plane: "keeper/append-only", text: "x" };
  const append: Allow = { what: "memory/append", where: {} };
  expect(decide(text, [allowing(NAMED, append)], { name: "append" })).toMatchObject({ kind: "denied" });
});

test("a share that has ended shares nothing, though another grant still allows the tool", () => {
  const ended = grant({ id: "g-ended", allow: [NAMED], limits: { expires: 5 } });
  expect(decide(OTHERS, [ended, allowing(ANY)])).toMatchObject({ kind: "denied", code: "no-grant" });
});

test("a share that only waits for its time is named", () => {
  const later = grant({ id: "g-later", allow: [NAMED], limits: { notBefore: Number.MAX_SAFE_INTEGER - 1 } });
  expect(decide(OTHERS, [later, allowing(ANY)])).toMatchObject({ kind: "denied", code: "not-yet", by: "g-later" });
  expect(decide(OTHERS, [later, allowing(NAMED)])).toMatchObject({ kind: "granted" });
});

test("a share of others is none: the grant must name the agent that asks", () => {
  const foreign = grant({ id: "g-foreign", agents: ["somebody"], allow: [NAMED] });
  expect(decide(OTHERS, [foreign, allowing(ANY)])).toMatchObject({ kind: "denied", code: "no-grant" });
});

test("what has no one reading never gets to memory", () => {
  for (const args of [{ plane: "append-only" }, { plane: "../x", entry: 1 }, { ...OWN, more: 1 }])
    expect(decide(args, [allowing(ANY)])).toMatchObject({ kind: "denied", code: "malformed" });
});

test("a child reads its parent's plane by a share of its own, and no ancestor's stranger's", () => {
  const child = subject();
  const keeper = subject({ agent: "keeper", instance: "i-00000000000000aa" });
  const boss = subject({ agent: "boss", instance: "i-00000000000000bb" });
  const both = grant({ id: "g-both", agents: ["worker", "keeper", "boss"], allow: [ANY] });
  const shared = allowing(NAMED);
  expect(decide(OTHERS, [both, shared], { chain: [child, keeper] })).toMatchObject({ kind: "granted" });
  expect(decide(OTHERS, [both], { chain: [child, keeper] })).toMatchObject({ kind: "denied", code: "no-grant" });
  expect(decide(OTHERS, [both, shared], { chain: [child, boss] })).toMatchObject({ kind: "denied", code: "no-grant" });
});
