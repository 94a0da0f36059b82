import { devicesOf } from "../kernel/devices.ts";
import { type InstanceLimits, isEnding, type LimitName, limitsOf } from "../kernel/sandbox-limits.ts";
import type { Timer } from "../platform/powers.ts";
import type { RecordBody } from "../protocol/record.ts";
import type { ServerRun } from "./inside.ts";
import type { OwingJournal } from "./journal.ts";
import type { LiveInstance } from "./live.ts";
import type { State } from "./state.ts";
import { writeUntilKept } from "./stopping.ts";
import { usableGrants } from "./visible.ts";

/** The limits of an agent and everyone above it, the agent first, by the grants that they may use now. */
export function grantedLimits(state: State, agents: readonly string[], now: number): InstanceLimits {
  return limitsOf(agents.map((agent) => usableGrants(state, agent, now).map(({ sandbox }) => sandbox.limits ?? {})));
}

/** The devices of an agent within those of everyone above it, by the grants that they may use now. */
export function grantedDevices(state: State, agents: readonly string[], now: number): readonly string[] {
  return devicesOf(agents.map((agent) => usableGrants(state, agent, now).map(({ sandbox }) => sandbox.devices ?? [])));
}

/** Whether an instance has a device that it would not get now. */
export function lessDevices(live: LiveInstance, granted: readonly string[]): boolean {
  return live.devices.some((device) => !granted.includes(device));
}

/** A limit that an instance has reached. */
export interface ReachedLimit {
  readonly limit: LimitName;
  readonly most: number;
  readonly found: number;
}

export interface LimitPorts {
  readonly timer: Timer;
  write(body: RecordBody): Promise<unknown>;
  end(live: LiveInstance, why: string): Promise<void>;
}

/**
 * Records which limit an instance has reached and its value, and ends it by that name where the limit is one over which it
 * ends. The record is asked for first, so that it stands before the end; a log that fails does not keep the instance alive.
 */
export function tellLimit(live: LiveInstance, reached: ReachedLimit, ports: LimitPorts): void {
  const { instance, agent } = live.state;
  ports.write({ kind: "limit-reached", instance, agent, ...reached }).catch(() => {});
  if (isEnding(reached.limit)) void ports.end(live, `limit-${reached.limit}`);
}

/**
 * Records which limit of its own sandbox an MCP server has reached. Over memory it was killed by then; its agent goes on. What
 * the log cannot take now it takes later.
 */
export function tellServerLimit(
  { live, driver }: Pick<ServerRun, "live" | "driver">,
  reached: ReachedLimit,
  journal: OwingJournal,
): void {
  const { instance, agent } = live.state;
  void writeUntilKept({ journal }, { kind: "limit-reached", instance, agent, driver, ...reached });
}

/** Ends an instance when its time is over, frozen or not. Returns the function that takes this back. */
export function endInTime(live: LiveInstance, wall: number | null, ports: LimitPorts): () => void {
  if (wall === null) return () => {};
  return ports.timer.after(wall * 1000, () => tellLimit(live, { limit: "wall", most: wall, found: wall }, ports));
}
