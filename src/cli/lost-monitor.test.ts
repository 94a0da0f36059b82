import { describe, expect, test } from "vitest";
import { createFakeMonitor, type Answers } from "../../test/fakes/monitor-client.ts";
import { CliFailure } from "./failure.ts";
import { explainLoss } from "./lost-monitor.ts";
import type { MonitorClient } from "./powers.ts";

const INSTANCE = "i-0123456789abcdef";
const LOST = CliFailure.of("monitor-lost", "There is no answer");
const awaited = { instance: INSTANCE, agent: "worker", workspace: "/w" };
const RUNNING = {
  instance: INSTANCE,
  agent: "worker",
  ancestry: [],
  state: "running",
  since: 0,
  labels: [],
  held: 0,
  done: 0,
  denied: 0,
  workspace: "/w",
  why: null,
  holdAt: [],
} as const;

/** A home where these answer one after another, the last for good; null: none does. */
function homeOf(...answers: readonly (Answers["ps"] | null)[]): {
  attach(): Promise<MonitorClient | null>;
  asked(): number;
} {
  let asked = 0;
  return {
    asked: () => asked,
    attach: () => {
      const ps = answers[Math.min(asked, answers.length - 1)] ?? null;
      asked += 1;
      return Promise.resolve(ps === null ? null : createFakeMonitor({ ps }).client);
    },
  };
}
const lists =
  (...instances: readonly (typeof RUNNING)[]): Answers["ps"] =>
  () => ({ instances, allFrozen: null, log: null });
const dying: Answers["ps"] = () => Promise.reject(LOST);

describe("an instance whose monitor ended the connection", () => {
  test.each([
    ["no monitor answers any more", homeOf(null)],
    ["the one that was killed closed its sockets meanwhile", homeOf(dying, dying, null)],
    ["another was started since", homeOf(dying, lists())],
  ])("ended with it when %s", async (_, home) => {
    expect(await explainLoss(LOST, home, awaited)).toMatchObject({
      gone: true,
      failure: {
        code: "monitor-lost",
        exit: 4,
        message: `The monitor ended, and instance ${INSTANCE} of agent worker ended with it`,
        hint: `aios restart ${INSTANCE} starts it again, aios log show --instance ${INSTANCE} says what it did, aios undo ${INSTANCE} takes back what it changed in the workspace; each starts the monitor first`,
      },
    });
  });

  test("without a folder has nothing to take back", async () => {
    const lost = await explainLoss(LOST, homeOf(null), { ...awaited, workspace: null });
    expect(lost?.failure.hint).toBe(
      `aios restart ${INSTANCE} starts it again, aios log show --instance ${INSTANCE} says what it did; each starts the monitor first`,
    );
  });

  test("that is still there is not said to be ended", async () => {
    expect(await explainLoss(LOST, homeOf(dying, lists(RUNNING)), awaited)).toMatchObject({
      gone: false,
      failure: {
        code: "monitor-lost",
        message: `The monitor ended the connection, and instance ${INSTANCE} of agent worker runs on`,
        hint: `aios ps shows it, aios kill ${INSTANCE} ends it`,
      },
    });
  });

  test("nobody can say of is said nothing of: a monitor that ends every connection, or refuses to answer", async () => {
    const home = homeOf(dying);
    expect(await explainLoss(LOST, home, awaited)).toBeNull();
    expect(home.asked()).toBe(20);
    const stopped = CliFailure.of("monitor-stopped", "a signal stopped it");
    expect(
      await explainLoss(
        LOST,
        homeOf(() => Promise.reject(stopped)),
        awaited,
      ),
    ).toBeNull();
  });

  test("is not looked for after any other error", async () => {
    const home = homeOf(null);
    expect(await explainLoss(CliFailure.of("interrupted", "no more"), home, awaited)).toBeNull();
    expect(await explainLoss(new Error("of ours"), home, awaited)).toBeNull();
    expect(home.asked()).toBe(0);
  });
});
