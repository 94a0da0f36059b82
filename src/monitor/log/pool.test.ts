import { expect, test } from "vitest";
import { createPool } from "./pool.ts";

test("keeps copies, short and long, that later ones do not change", () => {
  const keep = createPool();
  const lengths = [0, 1, 100, 4096, 4097, 65_536, 70_000, ...Array.from({ length: 200 }, (_, at) => 1000 + at)];
  const space = new Uint8Array(70_000);
  const kept = lengths.map((length, at) => keep(space.fill(at).subarray(0, length)));
  for (const [at, bytes] of kept.entries()) expect(bytes).toEqual(new Uint8Array(lengths[at] ?? 0).fill(at));
});
