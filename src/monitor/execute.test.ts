import { expect, test } from "vitest";
import { execute, type Execution, type ExecutePowers } from "./execute.ts";
import { emptyState } from "./state.ts";

/** An action that is approved, of a driver that does what the test says, and a log that takes its intent and nothing after. */
function stage(run: () => Promise<object>): {
  readonly execution: Execution;
  readonly powers: ExecutePowers;
  owed: object[];
} {
  const action = { verb: "call", driver: "net", name: "fetch", arguments: {}, instance: "i-1", agent: "surfer" };
  const execution = {
    ticket: {
      action,
      text: "{}",
      digest: "d",
      pin: "p",
      risk: "reach",
      labels: [],
      grants: [],
      decider: { kind: "grant" },
    },
    driver: { name: "net", peer: { request: run }, lasting: null },
    token: 1,
    ancestry: [],
    labels: [],
    policy: "v",
    stillGood: () => null,
    limit: (promise: Promise<unknown>) => promise,
  } as unknown as Execution;
  const owed: object[] = [];
  const powers = {
    journal: {
      state: emptyState(),
      write: ({ kind }: { kind: string }) =>
        kind === "intent" ? Promise.resolve(7) : Promise.reject(new Error("no space")),
      owe: (body: object) => void owed.push(body),
    },
    crypto: { digest: () => "digest" },
    clock: { micros: () => 0 },
    now: () => 0,
    witnessed: () => Promise.resolve(true),
    contextOf: () => null,
  } as unknown as ExecutePowers;
  return { execution, powers, owed };
}

// RECORD-FIRST: what is owed says what is known, and so does what its asker is told. "Nothing was done" would be a lie.
test.each([
  ["a result", () => Promise.resolve({ result: {}, isError: false }), /^it ran, /, "ok"],
  ["silence", () => Promise.reject(new Error("the driver is gone")), /^it may have run.*the driver is gone/, "unknown"],
] as const)("an outcome that cannot be recorded is not told as nothing: %s", async (_, run, told, result) => {
  const { execution, powers, owed } = stage(run);
  const came = await execute(execution, powers);
  expect(came).toMatchObject({ kind: "failed", code: "log-unavailable", message: expect.stringMatching(told) });
  expect(owed).toMatchObject([{ kind: "outcome", intent: 7, result }]);
});

test("one that was recorded is told by its own code", async () => {
  const { execution, powers } = stage(() => Promise.reject(new Error("the driver is gone")));
  const journal = { ...powers.journal, write: () => Promise.resolve(7) };
  const came = await execute(execution, { ...powers, journal });
  expect(came).toEqual({ kind: "failed", code: "driver-failed", message: "the driver is gone" });
});
