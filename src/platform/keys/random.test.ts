import { expect, it } from "vitest";
import { createRandom } from "./random.ts";

it("gives as many bytes as asked, in memory of their own", () => {
  const bytes = createRandom().bytes(32);
  expect(bytes.length).toBe(32);
  expect(bytes.buffer.byteLength).toBe(32);
  expect(createRandom().bytes(0).length).toBe(0);
});

it("writes lower-case hex of the asked number of bytes", () => {
  expect(createRandom().hex(16)).toMatch(/^[0-9a-f]{32}$/);
});

it("does not repeat", () => {
  const random = createRandom();
  const seen = new Set(Array.from({ length: 1000 }, () => random.hex(16)));
  expect(seen.size).toBe(1000);
});
