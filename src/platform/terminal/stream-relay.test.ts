import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { relayStreams } from "./stream-relay.ts";

test("carries what is said both ways, and ends when the agent's side has gone", async () => {
  const [input, output, error] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const relay = relayStreams({ input, output, error });
  const [stdin = -1, stdout = -1, stderr = -1] = relay.fds.map((fd) => fd ?? -1);
  expect([stdin, stdout, stderr].map((fd) => fstatSync(fd).isFIFO())).toEqual([true, true, true]);
  input.end("typed");
  await new Promise((resolve) => setTimeout(resolve, 50));
  const bytes = Buffer.alloc(16);
  expect(bytes.toString("utf8", 0, readSync(stdin, bytes))).toBe("typed");
  expect(readSync(stdin, bytes)).toBe(0);
  writeSync(stdout, "said");
  writeSync(stderr, "warned");
  relay.release();
  await relay.ended;
  output.end();
  error.end();
  expect([await text(output), await text(error)]).toEqual(["said", "warned"]);
});

test("streams that lead to one place keep their order, and one that is not relayed has no descriptor", async () => {
  const output = new PassThrough();
  const relay = relayStreams({ input: null, output, error: "output" });
  const [stdin, stdout, stderr] = relay.fds;
  expect([stdin, stdout === stderr]).toEqual([null, true]);
  for (const word of ["one ", "two ", "three"]) writeSync(stdout ?? -1, word);
  relay.release();
  await relay.ended;
  output.end();
  expect(await text(output)).toBe("one two three");
});

test("an agent whose reader went away is told by its next word, and one that closed its input stops the typing", async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const relay = relayStreams({ input, output, error: null });
  const [stdin = -1, stdout = -1] = relay.fds.map((fd) => fd ?? -1);
  output.destroy(new Error("EPIPE"));
  await relay.ended;
  expect(() => writeSync(stdout, "nobody hears")).toThrow(/EPIPE/);
  closeSync(stdin);
  input.write("a");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(input.isPaused()).toBe(true);
  relay.stop();
});

test("output waits until it may flow, is cut where it is told to, and waits again when it is held", async () => {
  const output = new PassThrough();
  let room = 8;
  const take = (bytes: number): number => {
    const taken = Math.min(room, bytes);
    room -= taken;
    return taken;
  };
  const relay = relayStreams({ input: null, output, error: "output", take, waits: true });
  const [, stdout = -1] = relay.fds.map((fd) => fd ?? -1);
  writeSync(stdout, "early ");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(output.read()).toBeNull();
  relay.flow();
  await expect.poll(() => room).toBe(2);
  writeSync(stdout, "late");
  await expect.poll(() => room).toBe(0);
  relay.hold();
  room = 100;
  writeSync(stdout, "held");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([room, String(output.read())]).toEqual([100, "early la"]);
  relay.release();
  relay.stop();
  await relay.ended;
});
