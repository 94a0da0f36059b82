import { afterAll, beforeAll, expect, test } from "vitest";
import type { Groups } from "../../src/platform/sandbox/cgroup.ts";
import { startSandbox, type StartedSandbox } from "../../src/platform/sandbox/sandbox-process.ts";
import type { Reached } from "../../src/platform/sandbox/sandbox-use.ts";
import { SandboxError } from "../../src/sandbox/error.ts";
import { harmlessSpec, setStage, type Stage } from "./sandbox-stage.ts";

/*
 * What a start does with a group of its own, with groups that a test makes up: what the kernel does in real ones is in
 * cgroup.test.ts, on a machine in which no agent starts.
 */
let stage: Stage;
beforeAll(() => {
  stage = setStage();
});
afterAll(() => stage.remove());

interface Told {
  readonly steps: string[];
  readonly reached: Reached[];
}

async function start(told: Told, group: { readonly held: number | null; readonly seconds: number } | null) {
  const { launcher, supervisor } = stage;
  const groups: Groups = {
    enclose(pid, { memoryBytes, processes }) {
      told.steps.push(`enclosed ${pid > 1} ${memoryBytes} ${processes}`);
      if (group === null) throw new SandboxError("setup", "Cannot bound a sandbox by its cgroup: no", null);
      return {
        processorSeconds: () => group.seconds,
        outOfMemory: () => group.held,
        remove: () => void told.steps.push("removed"),
      };
    },
  };
  const reached = (each: Reached): void => void told.reached.push(each);
  const bounds = { cpuSeconds: 5, writtenBytes: null };
  const started: StartedSandbox = await startSandbox(
    { ...harmlessSpec(stage), command: ["sh", "-c", "echo ran; sleep 1"] },
    { streams: "capture", groups, agent: { launcher, supervisor, hear: () => undefined, bounds, reached } },
  );
  const ended = await started.ended;
  told.steps.push("ended");
  return { ...ended, said: Buffer.from(started.output().bytes).toString() };
}

test("an agent that the kernel ended for its memory is told of as such before its end, and the group goes", async () => {
  const told: Told = { steps: [], reached: [] };
  await start(told, { held: 700 << 20, seconds: 0 });
  expect(told.reached).toEqual([{ limit: "memory", most: 512 << 20, found: 700 << 20 }]);
  expect(told.steps).toEqual([`enclosed true ${512 << 20} 128`, "removed", "ended"]);
});

test("one that its group counts too much processor time for is ended", async () => {
  const told: Told = { steps: [], reached: [] };
  const { code } = await start(told, { held: null, seconds: 6 });
  expect(code).not.toBe(0);
  expect(told.reached).toEqual([{ limit: "cpu", most: 5, found: 6 }]);
});

test("one within its bounds runs to its end, and nobody is told of a limit", async () => {
  const told: Told = { steps: [], reached: [] };
  expect(await start(told, { held: null, seconds: 0 })).toMatchObject({ code: 0, said: "ran\n" });
  expect(told.reached).toEqual([]);
});

test("without the group that it should have nothing starts", async () => {
  const told: Told = { steps: [], reached: [] };
  await expect(start(told, null)).rejects.toMatchObject({ name: "SandboxError", code: "setup" });
  expect(told.steps).toHaveLength(1);
});
