import { once } from "node:events";
import { PassThrough, Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { expect, test } from "vitest";
import { carryOn } from "./carry-on.ts";

test("the end is handed on, of a source that has ended already too, or left to somebody else", async () => {
  const over = Readable.from([]);
  over.resume();
  await once(over, "end");
  for (const from of [over, Readable.from([Buffer.from("x")])]) {
    const to = new PassThrough();
    carryOn(from, to);
    to.resume();
    await finished(to);
  }
  const open = new PassThrough();
  const from = Readable.from([Buffer.from("x")]);
  carryOn(from, open, { end: false });
  await once(from, "end");
  expect(open.writableEnded).toBe(false);
});

test("a source waits for who is slow, and goes on", async () => {
  const written: string[] = [];
  let release: (() => void) | null = null;
  const to = new Writable({
    highWaterMark: 1,
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk.toString());
      release = done;
    },
  });
  const from = new PassThrough();
  carryOn(from, to);
  from.write("one");
  from.write("two");
  await expect.poll(() => written).toEqual(["one"]);
  expect(from.isPaused()).toBe(true);
  const goOn = (): void => release?.();
  goOn();
  await expect.poll(() => written).toEqual(["one", "two"]);
  goOn();
  from.end();
  await finished(to);
});
