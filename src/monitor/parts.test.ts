import { expect, test } from "vitest";
import { newBreaker } from "../kernel/breaker.ts";
import type { SandboxedProcess } from "../platform/powers.ts";
import { newLive } from "./live.ts";
import { enlist } from "./parts.ts";
import { createSeen } from "./provenance.ts";
import type { InstanceState } from "./state.ts";

/* No stop passes over a sandbox that was being made when it came. */
test.each([
  ["running", false, []],
  ["frozen", false, ["suspend"]],
  ["frozen", true, ["kill"]],
  ["ended", true, ["kill"]],
  // One whose held action is answered after a restart: it ended with the monitor, and its driver works once more.
  ["ended", false, []],
] as const)("one that comes to be while its instance is %s (over: %s): %s", async (life, over, done) => {
  const acts: string[] = [];
  const sandbox = {
    kill: () => void acts.push("kill"),
    suspend: () => void acts.push("suspend"),
    ended: new Promise<never>(() => {}),
  } as unknown as SandboxedProcess;
  const state = { instance: "i-0123456789abcdef", agent: "worker", life: "running", why: null } as InstanceState;
  const live = newLive(state, { breaker: newBreaker(false), seen: createSeen([]) });
  const made = Promise.withResolvers<SandboxedProcess>();
  const enlisted = enlist(live, "driver", () => made.promise);
  live.state.life = life;
  live.over = over;
  made.resolve(sandbox);
  expect(await enlisted).toBe(sandbox);
  expect(acts).toEqual(done);
});
