import type { HomeGrant } from "../kernel/home-grant.ts";
import type { AgentVolumes } from "../platform/workspace/agent-volumes.ts";
import type { Clock, Timer } from "../platform/powers.ts";
import type { Instances } from "./instances.ts";
import type { LiveInstance } from "./live.ts";

/** How often it is asked whether the disk fills, milliseconds. */
const TICK_MS = 1000;
/** Least and most time between two measurements, milliseconds. */
const LEAST_MS = 1000;
const USUAL_MS = 5000;
const MOST_MS = 60_000;
/** A measurement may take this part of the time, and this part while the disk fills. */
const USUAL_SHARE = 50;
const BUSY_SHARE = 5;
/** How long an instance that was let go on has to make room, milliseconds. */
const GRACE_MS = 30_000;

export interface MeterPorts {
  readonly volumes: Pick<AgentVolumes, "measure" | "free">;
  readonly timer: Timer;
  readonly clock: Pick<Clock, "micros">;
  readonly freeze: Instances["freeze"];
}

/**
 * Measures the home of a running instance again and again, and freezes the instance when it is over its budget or cannot
 * be measured (ERRORS-DENY). Walks are done in a thread, and as often as they are cheap: usually two percent of the
 * time, more while the disk as a whole loses the room that the home has left. What can be written over the budget is what
 * the disk takes between two measurements: a second and five times the length of a walk. Returns what ends it.
 */
export function watchHome(
  ports: MeterPorts,
  home: { readonly live: LiveInstance; readonly home: HomeGrant },
): () => void {
  const { volumes, timer, clock } = ports;
  const { live, home: budget } = home;
  let over = false;
  let cancel: (() => void) | null = null;
  let meter = { measuredAt: -Infinity, cost: 0, room: 0, free: 0 };
  let froze = false;

  const now = (): number => clock.micros() / 1000;

  async function isDue(): Promise<boolean> {
    const since = now() - meter.measuredAt;
    if (since >= Math.min(MOST_MS, Math.max(USUAL_MS, meter.cost * USUAL_SHARE))) return true;
    if (since < Math.max(LEAST_MS, meter.cost * BUSY_SHARE)) return false;
    return meter.free - (await volumes.free()) > meter.room / 2;
  }

  async function measure(): Promise<void> {
    const [began, free] = [now(), await volumes.free()];
    const within = { bytes: budget.bytes, entries: budget.entries, namespace: live.agent?.namespace ?? null };
    const size = await volumes.measure(live.state.agent, within).catch(() => null);
    const at = now();
    meter = { measuredAt: at, cost: at - began, room: budget.bytes - (size?.bytes ?? 0), free };
    if (size?.whole === true || over) return;
    froze = true;
    const why =
      size === null
        ? "its home cannot be measured"
        : `its home holds more than ${budget.bytes} bytes or ${budget.entries} entries; once it goes on it has ${GRACE_MS / 1000} seconds to make room`;
    await ports.freeze(live, { by: { kind: "monitor", why }, code: size === null ? "home-unmeasured" : "home-full" });
  }

  async function look(): Promise<void> {
    if (live.state.life === "frozen") return;
    if (froze) {
      // Somebody let it go on.
      froze = false;
      meter = { ...meter, measuredAt: now() + GRACE_MS - USUAL_MS };
      return;
    }
    if (live.state.life === "running" && (await isDue())) await measure();
  }

  function later(): void {
    if (over) return;
    cancel = timer.after(TICK_MS, () => void look().then(later, later));
  }

  later();
  return () => {
    over = true;
    cancel?.();
  };
}
