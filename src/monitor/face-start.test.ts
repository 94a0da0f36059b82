import { expect, test } from "vitest";
import { newBreaker } from "../kernel/breaker.ts";
import { startFace } from "./face-start.ts";
import { newLive } from "./live.ts";
import type { MonitorPowers } from "./powers.ts";
import { createSeen } from "./provenance.ts";
import type { InstanceState } from "./state.ts";

/* A face whose instance is ended on purpose is closed before, so that nobody hears from its channel that it is gone. */
test("the start of a face that is ended meanwhile ends with it, and waits for no time limit", async () => {
  const ended = Promise.withResolvers<{ code: number | null; signal: string | null }>();
  const process = { channels: [{}], ended: ended.promise, errors: () => "killed", namespace: 1, kill: () => {} };
  const end = { close: () => {} };
  const powers = {
    makeSocketEnds: () => [end, end],
    startSandbox: () => Promise.resolve(process),
    timer: { after: () => () => {} }, // no time limit is ever reached
  } as unknown as MonitorPowers;
  const state = { instance: "i-0123456789abcdef", agent: "worker", life: "running", why: null } as InstanceState;
  const live = newLive(state, { breaker: newBreaker(false), seen: createSeen([]) });
  const started = startFace(live, {
    powers,
    code: { root: "/code", node: "/node" },
    sockets: "/sockets",
    listener: null,
    forwards: [],
    injectors: [],
    connect: () => ({ close: () => {} }) as unknown as ReturnType<Parameters<typeof startFace>[1]["connect"]>,
    onGone: () => {},
  });
  ended.resolve({ code: null, signal: "SIGKILL" });
  await expect(started).rejects.toThrow("the face ended: killed");
});
