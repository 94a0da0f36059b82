import { expect, test } from "vitest";
import type { Channel, SandboxedProcess } from "../platform/powers.ts";
import { askOnce } from "./own-process.ts";
import type { SandboxSpec } from "../sandbox/spec.ts";

/** A process of the test's whose channel closes when it is killed. */
function open({ channels = 1 } = {}) {
  const acts: string[] = [];
  let gone = (): void => {};
  let late = (): void => {};
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing of a channel is used
  const channel = {} as Channel;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of a process is used
  const process = {
    channels: Array.from({ length: channels }, () => channel),
    kill: () => {
      acts.push("kill");
      gone();
    },
  } as unknown as SandboxedProcess;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nor of a specification
  const spec = {} as SandboxSpec;
  const timer = {
    after(ms: number, run: () => void) {
      acts.push(`after ${ms}`);
      late = run;
      return () => void acts.push("cancel");
    },
  };
  const powers = { startSandbox: () => Promise.resolve(process), timer };
  const closed = new Promise<never>((_, reject) => {
    gone = () => reject(new Error("the channel closed"));
  });
  closed.catch(() => undefined);
  const ask = <T>(answer: (closed: Promise<never>) => Promise<T>): Promise<T> =>
    askOnce(
      { powers, spec, ms: 20_000 },
      () => ({ close: () => void acts.push("close") }),
      () => answer(closed),
    );
  return { acts, ask, late: () => late() };
}

test("a process ends with its answer, or with its failure", async () => {
  const { acts, ask } = open();
  expect(await ask(() => Promise.resolve(7))).toBe(7);
  await expect(ask(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  const each = ["after 20000", "cancel", "close", "kill"];
  expect(acts).toEqual([...each, ...each]);
});

test("one that hangs is killed when its time is over, and called late", async () => {
  const { acts, ask, late } = open();
  const asked = ask((closed) => closed);
  await new Promise((resolve) => setImmediate(resolve));
  late();
  await expect(asked).rejects.toThrow("it took too long");
  expect(acts.filter((act) => act === "kill")).not.toEqual([]);
});

test("one without a channel is asked nothing and does not stay", async () => {
  const { acts, ask } = open({ channels: 0 });
  await expect(ask(() => Promise.resolve(7))).rejects.toThrow("it has no channel");
  expect(acts).toEqual(["kill"]);
});
