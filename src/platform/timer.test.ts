import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { spawnSync } from "node:child_process";
import { createTimer } from "./timer.ts";

describe("timer", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("calls back once after the delay", () => {
    const callback = vi.fn();
    createTimer().after(50, callback);
    vi.advanceTimersByTime(49);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1000);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it("does not call back when cancelled", () => {
    const callback = vi.fn();
    const cancel = createTimer().after(50, callback);
    cancel();
    cancel();
    vi.advanceTimersByTime(1000);
    expect(callback).not.toHaveBeenCalled();
  });

  it("keeps a delay that is longer than Node's own limit", () => {
    const callback = vi.fn();
    const days = 30 * 24 * 3_600_000;
    createTimer().after(days, callback);
    vi.advanceTimersByTime(days - 1);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it("cancels such a delay in its later part too", () => {
    const callback = vi.fn();
    const days = 60 * 24 * 3_600_000;
    const cancel = createTimer().after(days, callback);
    vi.advanceTimersByTime(days - 1);
    cancel();
    vi.advanceTimersByTime(days);
    expect(callback).not.toHaveBeenCalled();
  });

  it("refuses a delay that is not a number instead of calling at once", () => {
    expect(() => createTimer().after(Number.NaN, () => undefined)).toThrow(RangeError);
  });
});

it("does not keep the process alive", () => {
  const script = `import { createTimer } from ${JSON.stringify(new URL("timer.ts", import.meta.url).href)};
    createTimer().after(20_000, () => undefined);`;
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], { timeout: 60_000 });
  expect(run.status).toBe(0);
});
