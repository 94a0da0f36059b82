import { describe, expect, test } from "vitest";
import { grant } from "../../test/fakes/kernel.ts";
import { decodeGrant } from "./grant-decoder.ts";
import { DEFAULT_LIMITS, limitsOf } from "./sandbox-limits.ts";

const GIB = 1024 ** 3;

describe("limits of a grant's sandbox", () => {
  const decoded = (limits: unknown): string => {
    const sandbox = {
      workspace: "none",
      folder: null,
      programs: "none",
      home: null,
      ports: [],
      ...(limits === undefined ? {} : { limits }),
    };
    const read = decodeGrant(JSON.parse(JSON.stringify({ ...grant(), sandbox })));
    return read.kind === "ok" ? JSON.stringify(read.value.sandbox.limits) : read.message;
  };

  test("are those that it names, or none", () => {
    expect(decoded({ memory: GIB, cpu: 60 })).toBe(`{"memory":${GIB},"cpu":60}`);
    expect(decoded(undefined)).toBe(undefined);
  });

  test.each([
    [{}, "no limit is named"],
    [{ memory: 1 }, "sandbox.limits.memory: not a whole number from 268435456 to"],
    [{ wall: 1.5 }, "sandbox.limits.wall: not a whole number"],
    [{ cpu: "60" }, "sandbox.limits.cpu: not a whole number"],
    [{ swap: 1 }, 'sandbox.limits: unknown limit "swap"'],
    [{ constructor: 1 }, 'sandbox.limits: unknown limit "constructor"'],
    [null, "sandbox.limits: not an object"],
  ])("that make no sense are refused: %j", (limits, message) => {
    expect(decoded(limits)).toContain(message);
  });
});

describe("limits of an instance", () => {
  test("are the defaults where no grant names one", () => {
    expect(limitsOf([[]])).toEqual(DEFAULT_LIMITS);
    expect(limitsOf([[{ cpu: 60 }], []])).toEqual({ ...DEFAULT_LIMITS, cpu: 60 });
  });

  test("are the widest that one of an agent's grants names; one that names none says nothing", () => {
    expect(limitsOf([[{ memory: 2 * GIB }, {}, { memory: 4 * GIB }]]).memory).toBe(4 * GIB);
    expect(limitsOf([[{ memory: 16 * GIB }]]).memory).toBe(16 * GIB);
  });

  test("are the narrowest of an agent and everyone above it", () => {
    expect(limitsOf([[{ memory: 4 * GIB }], [{ memory: 2 * GIB }], [{ memory: 3 * GIB }]]).memory).toBe(2 * GIB);
    expect(limitsOf([[{ wall: 10 }], [{ wall: 100 }]]).wall).toBe(10);
  });

  test("of a delegate are never wider than the default of a delegator that names none", () => {
    expect(limitsOf([[{ memory: 16 * GIB }], []]).memory).toBe(DEFAULT_LIMITS.memory);
  });
});
