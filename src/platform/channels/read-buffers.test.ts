import { expect, test } from "vitest";
import { createReadBuffers, giveBack, hold } from "./read-buffers.ts";

test("memory that somebody holds is not given again, and that of nobody is given next", () => {
  const next = createReadBuffers();
  const first = next();
  const piece = first.subarray(100, 200);
  hold(piece);
  giveBack(first); // its reader is done with it, the holder of a piece is not
  const second = next();
  expect(second.buffer).not.toBe(first.buffer);
  giveBack(piece);
  expect(next().buffer).toBe(first.buffer);
  expect(next().buffer).not.toBe(first.buffer);
});

test("each holder is counted, also of the same piece, and again when memory is used again", () => {
  const next = createReadBuffers();
  const first = next();
  for (let each = 0; each < 2; each++) {
    hold(first);
    hold(first);
    giveBack(first);
    giveBack(first);
    expect(next().buffer).not.toBe(first.buffer);
    giveBack(first);
    expect(next().buffer).toBe(first.buffer);
  }
});

test("no more is kept than a few, and of memory of others nothing happens", () => {
  const next = createReadBuffers();
  const many = Array.from({ length: 20 }, next);
  for (const buffer of many) giveBack(buffer);
  const again = Array.from({ length: 20 }, next).filter((buffer) =>
    many.some((other) => other.buffer === buffer.buffer),
  );
  expect(again).toHaveLength(4);
  const other = Buffer.alloc(10);
  hold(other);
  giveBack(other);
  expect(next().buffer).not.toBe(other.buffer);
});
