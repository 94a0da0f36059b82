import { describe, expect, it } from "vitest";
import type { LiveInstance } from "./live.ts";
import { watchHome } from "./home-meter.ts";

const BUDGET = { bytes: 1000, entries: 10, sealed: [] };

/** A home whose size, disk and cost of a walk are what the test says; time passes a second at a time. */
function createStage() {
  const world = { ms: 0, free: 1e9, cost: 10, whole: true as boolean | "fails", walks: [] as number[] };
  const state = { agent: "a", instance: "i-1", life: "running" };
  const froze: string[] = [];
  let pending: (() => void) | null = null;
  const stop = watchHome(
    {
      volumes: {
        free: () => Promise.resolve(world.free),
        measure: () => {
          world.walks.push(world.ms);
          world.ms += world.cost;
          if (world.whole === "fails") return Promise.reject(new Error("no"));
          return Promise.resolve({ bytes: 500, entries: 1, whole: world.whole });
        },
      },
      timer: {
        after: (_ms, callback) => {
          pending = callback;
          return () => void (pending = null);
        },
      },
      clock: { micros: () => world.ms * 1000 },
      freeze: (_live, why) => {
        froze.push(why.code);
        state.life = "frozen";
        return Promise.resolve();
      },
    },
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a live instance it looks at no more than this
    { live: { state, agent: null } as unknown as LiveInstance, home: BUDGET },
  );
  const pass = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      world.ms += 1000;
      const due = pending;
      pending = null;
      due?.();
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    }
  };
  return { world, state, froze, stop, pass };
}

describe("the meter of a home", () => {
  it("measures at once, and then as often as it is cheap", async () => {
    const { world, pass } = createStage();
    await pass(1);
    expect(world.walks.length).toBe(1);
    await pass(60);
    expect(world.walks.length).toBeGreaterThan(8);
    world.cost = 2000;
    await pass(20);
    const before = world.walks.length;
    await pass(120);
    expect(world.walks.length - before).toBeLessThanOrEqual(3);
  });

  it("measures soon when the disk loses the room that the home has left, yet not all the time", async () => {
    const { world, pass } = createStage();
    await pass(2);
    const before = world.walks.length;
    world.free -= 400; // of 500 that are left
    await pass(2);
    expect(world.walks.length).toBe(before + 1);
    world.cost = 1000;
    await pass(8);
    const costly = world.walks.length;
    for (let second = 0; second < 24; second++) {
      world.free -= 400;
      await pass(1);
    }
    expect(world.walks.length - costly).toBeLessThanOrEqual(6); // a fifth of the time at most
  });

  it("freezes over the budget, gives time to make room, and freezes again", async () => {
    const { world, state, froze, pass } = createStage();
    world.whole = false;
    await pass(2);
    expect(froze).toEqual(["home-full"]);
    await pass(60);
    expect(froze).toHaveLength(1);
    state.life = "running"; // an owner let it go on
    await pass(25);
    expect(froze).toHaveLength(1);
    await pass(15);
    expect(froze).toEqual(["home-full", "home-full"]);
  });

  it("freezes when it cannot measure (ERRORS-DENY), and does nothing once it is ended", async () => {
    const broken = createStage();
    broken.world.whole = "fails";
    await broken.pass(2);
    expect(broken.froze).toEqual(["home-unmeasured"]);
    const ended = createStage();
    ended.stop();
    await ended.pass(10);
    expect(ended.world.walks).toEqual([]);
  });
});
