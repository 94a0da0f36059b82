import { MONITOR_REFRESHER, type Refreshed } from "../protocol/refresh-order.ts";
import type { PeerFault } from "../protocol/rpc-error.ts";
import { createPeer } from "../protocol/rpc.ts";
import type { LoginsPorts } from "./logins.ts";
import type { MonitorPowers } from "./powers.ts";
import { planRefresher, type CodeLayout } from "./sandbox-plans.ts";

/** Longest that a refresher lives, its start included. */
const LIFE_MS = 30_000;

/** Starts a refresher for one question to one endpoint, and ends it with the answer, or when that takes too long. */
export function createAsking(parts: {
  readonly powers: Pick<MonitorPowers, "startSandbox" | "timer">;
  readonly code: CodeLayout;
  refused(fault: PeerFault): void;
}): LoginsPorts["ask"] {
  const { powers, code, refused } = parts;
  return async (login, token) => {
    const lost: Refreshed = { kind: "failed", fault: "lost" };
    const process = await powers.startSandbox(planRefresher(code), "capture").catch(() => null);
    const [channel] = process?.channels ?? [];
    if (process === null || channel === undefined) {
      process?.kill();
      return lost;
    }
    const peer = createPeer(channel, {
      side: MONITOR_REFRESHER,
      requests: {},
      events: {},
      onFault: refused,
      onError: () => {},
    });
    const cancel = powers.timer.after(LIFE_MS, () => process.kill());
    try {
      return await peer.request("refresh", { login, token }).catch(() => lost);
    } finally {
      cancel();
      peer.close();
      process.kill();
    }
  };
}
