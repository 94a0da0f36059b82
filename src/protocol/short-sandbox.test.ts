import { expect, test } from "vitest";
import { decode } from "./decode.ts";
import { SANDBOX } from "./short-sandbox.ts";

const read = (value: unknown): unknown => decode(SANDBOX, JSON.parse(JSON.stringify(value)));

test("limits are read in their units, and only those that are named", () => {
  expect(read({ workspace: "write", limits: { memory: "4GiB", cpu: "10min", wall: "8h", processes: 200 } })).toEqual({
    kind: "ok",
    value: {
      workspace: "write",
      folder: null,
      programs: "none",
      home: null,
      ports: [],
      limits: { memory: 4 * 1024 ** 3, cpu: 600, wall: 28_800, processes: 200 },
    },
  });
});

test("without any a sandbox has none", () => {
  for (const limits of [undefined, {}]) {
    expect(read({ limits })).toEqual({
      kind: "ok",
      value: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
    });
  }
});

test.each([
  [{ memory: 4096 }, "/limits/memory"],
  [{ cpu: "10m" }, "/limits/cpu"],
  [{ swap: "1GiB" }, "/limits/swap"],
  [{ processes: "200" }, "/limits/processes"],
])("%j is refused where it stands", (limits, path) => {
  expect(read({ limits })).toMatchObject({ kind: "refused", path });
});
