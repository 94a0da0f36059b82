import { newBreaker } from "../kernel/breaker.ts";
import { QUIET } from "../kernel/flood.ts";
import type { StoppedInstance } from "../protocol/stop-report.ts";
import { Refusal } from "./faults.ts";
import type { LiveInstance } from "./live.ts";
import { ALL_FROZEN } from "./reducer.ts";
import { countFrom, endTogether, freezeTogether, letGoOn, writeUntilKept, type StoppingPorts } from "./stopping.ts";

/** Stops that a person asks for. They need no signature and say what was confirmed. */
export interface AskedStops {
  /**
   * Freezes one and all below it, or (null) all that run and whatever would start. Resolves with what was seen to stand
   * still. Rejects with `Refusal` when that one does not run.
   */
  freezeAsked(instance: string | null): Promise<readonly StoppedInstance[]>;
  /** Ends one and all below it, or (null) all that run. The same. */
  kill(instance: string | null): Promise<readonly StoppedInstance[]>;
  /** After an owner's statement was recorded: lets one go on, or (null) all that may. */
  thaw(instance: string | null): void;
}

export interface AskedPorts {
  /** Those that run, by id. */
  readonly lives: ReadonlyMap<string, LiveInstance>;
  below(live: LiveInstance): readonly LiveInstance[];
  /** Ends one in this turn. */
  end(live: LiveInstance, why: "killed" | "not-started"): void;
  readonly ports: StoppingPorts;
}

export function createAskedStops({ lives, below, end, ports }: AskedPorts): AskedStops {
  const { powers, journal } = ports;

  function chosen(instance: string | null): readonly LiveInstance[] {
    if (instance === null) return [...lives.values()];
    const live = lives.get(instance);
    if (live === undefined)
      throw new Refusal("unknown-instance", `Instance "${instance}" does not run.`, "Run `aios ps`.");
    return [live, ...below(live)];
  }

  return {
    async freezeAsked(instance) {
      const by = { kind: "monitor", why: "asked" } as const;
      const since = countFrom(powers.clock);
      const asked = chosen(instance);
      const codeOf = (live: LiveInstance): string =>
        instance === null ? ALL_FROZEN : live.state.instance === instance ? "asked" : "ancestor-frozen";
      // In memory first, so that whatever begins from now on is stopped too.
      if (instance === null) journal.state.allFrozen = { record: null };
      const { report } = freezeTogether(
        asked.map((live) => ({ live, by, code: codeOf(live) })),
        ports,
        since,
      );
      // One that is still starting has nothing to go on with, and its start would wait for what stands still.
      for (const live of asked) if (live.agent === null) end(live, "not-started");
      if (instance === null) await writeUntilKept(ports, { kind: "all-frozen", by });
      return report;
    },

    async kill(instance) {
      const whyOf = (live: LiveInstance): string =>
        instance === null || live.state.instance === instance ? "killed" : "ancestor-ended";
      const asked = chosen(instance).map((live) => ({ live, why: whyOf(live) }));
      return endTogether(asked, (live) => end(live, "killed"), ports);
    },

    thaw(instance) {
      const found = [...lives.values()].filter(({ state }) => instance === null || state.instance === instance);
      for (const live of found) {
        live.breaker = newBreaker(live.state.strict);
        live.asking = QUIET;
      }
      // A freeze that is still being looked after would stop again what goes on now.
      void Promise.all(found.map(({ stopping }) => stopping ?? Promise.resolve())).then(() => {
        letGoOn(
          found.filter(({ state }) => state.life === "running"),
          ports,
        );
      });
    },
  };
}
