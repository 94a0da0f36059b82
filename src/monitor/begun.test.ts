import { expect, test } from "vitest";
import type { SandboxedProcess } from "../platform/powers.ts";
import { createBegun } from "./begun.ts";

function sandbox() {
  const ending = Promise.withResolvers<{ code: number | null; signal: null }>();
  const made = { kills: 0, kill: () => void made.kills++, ended: ending.promise };
  return { made, process: made as unknown as SandboxedProcess, end: () => ending.resolve({ code: 0, signal: null }) };
}

test("what was begun is ended together, and so is what comes to be only after that", async () => {
  const begun = createBegun();
  const [first, late] = [sandbox(), sandbox()];
  const coming = Promise.withResolvers<SandboxedProcess>();
  await begun.take(Promise.resolve(first.process));
  const taken = begun.take(coming.promise);
  begun.end();
  expect([first.made.kills, late.made.kills]).toEqual([1, 0]);
  coming.resolve(late.process);
  expect(await taken).toBe(late.process);
  expect(late.made.kills).toBe(1);
});

test("twin: what is not ended is not killed", async () => {
  const begun = createBegun();
  const one = sandbox();
  await begun.take(Promise.resolve(one.process));
  expect(one.made.kills).toBe(0);
});

test("they are gone when all of them are, and a start that fails is told to who began it", async () => {
  const begun = createBegun();
  const [one, other] = [sandbox(), sandbox()];
  await begun.take(Promise.resolve(one.process));
  await begun.take(Promise.resolve(other.process));
  await expect(begun.take(Promise.reject(new Error("no sandbox")))).rejects.toThrow("no sandbox");
  begun.end();
  let gone = false;
  const waiting = begun.gone().then(() => (gone = true));
  one.end();
  await new Promise((resolve) => void setImmediate(resolve));
  expect(gone).toBe(false);
  other.end();
  await waiting;
});
