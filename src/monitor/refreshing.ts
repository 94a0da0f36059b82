import { MONITOR_REFRESHER, type Refreshed } from "../protocol/refresh-order.ts";
import type { PeerFault } from "../protocol/rpc-error.ts";
import { createPeer } from "../protocol/rpc.ts";
import type { LoginsPorts } from "./logins.ts";
import { askOnce } from "./own-process.ts";
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
  const lost: Refreshed = { kind: "failed", fault: "lost" };
  return (login, token) =>
    askOnce(
      { powers, spec: planRefresher(code), ms: LIFE_MS },
      (channel) =>
        createPeer(channel, { side: MONITOR_REFRESHER, requests: {}, events: {}, onFault: refused, onError: () => {} }),
      (peer) => peer.request("refresh", { login, token }),
    ).catch(() => lost);
}
