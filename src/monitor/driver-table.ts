import type { BuiltIn, DriverSpec } from "../kernel/grant.ts";
import { GIT_DRIVER } from "../kernel/git-ssh.ts";
import { INFER_DRIVER } from "../kernel/infer.ts";
import { MEMORY_DRIVER } from "../kernel/memory.ts";
import { NET_DRIVER } from "../kernel/net.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { Injection } from "../kernel/secrets.ts";
import type { DriverLookup } from "../kernel/pipeline.ts";
import type { Offer } from "../protocol/requests.ts";
import { createBegun } from "./begun.ts";
import { type ConnectDriver, createDriverPool, pinText, type RunningDriver, sameSpec } from "./driver-pool.ts";
import { standingOf } from "./extensions/opening.ts";
import { Refusal } from "./faults.ts";
import type { ServerRun } from "./inside.ts";
import type { OwingJournal } from "./journal.ts";
import { createPinnedRuns, type PinnedRun } from "./pinned-runs.ts";
import type { WardNews } from "../platform/sandbox/supervisor-link.ts";
import { tellServerLimit } from "./limits.ts";
import type { LiveInstance, Storage } from "./live.ts";
import { refuseWorkspace } from "./run-refusals.ts";
import { storageOf } from "./storage-start.ts";
import { createCarrier, type CarrierPorts } from "./carrier.ts";
import { offerDifference } from "./offer-difference.ts";
import { enlist } from "./parts.ts";
import { createGitCarrier, type GitCarrierPorts } from "./git-carrier.ts";
import { createGitDriver, gitSpec } from "./git-device.ts";
import { createInferDriver, inferSpec } from "./infer-device.ts";
import { createMemoryDriver, memorySpec, type MemoryDevicePorts } from "./memory/device.ts";
import { createNetDriver } from "./net-device.ts";
import { netSpec } from "./net-offer.ts";
import type { MonitorPowers } from "./powers.ts";
import { driverWorkspace } from "./sandbox-grant.ts";
import type { CodeLayout } from "./sandbox-plans.ts";
import type { InstanceState, State } from "./state.ts";
import type { Vault } from "./vault.ts";
import { bytesLeft } from "./visible.ts";

/** Drivers of instances: which exist by grant, started on first need, compared with their pin, quarantined on change. */
export interface DriverTable {
  open(live: LiveInstance, name: string): Promise<RunningDriver | null>;
  /** Starts every driver of the instance, for its list; those that fail are left out. */
  openAll(live: LiveInstance): Promise<readonly RunningDriver[]>;
  lookup(live: LiveInstance): DriverLookup;
  /** The same by the signed specs alone, as if every driver were there and were what was signed. Only for what is not run. */
  signed(live: LiveInstance): DriverLookup;
  /** Stops drivers that no active grant of the agent declares any more, and those of extensions that nothing starts any more. */
  stopUndeclared(live: LiveInstance): void;
  /** Cuts what lasts and rests on a grant that is no longer in force. */
  cutRevoked(live: LiveInstance): void;
  stopAll(live: LiveInstance): void;
}

type Declared =
  | { readonly kind: "declared"; readonly spec: DriverSpec }
  | { readonly kind: "shadowed" }
  | { readonly kind: "unknown" };

/** The one spec that an agent's active grants declare under a name; two different ones are a shadow and neither is used. */
export function declaredDriver(state: State, agent: string, name: string): Declared {
  let found: DriverSpec | null = null;
  for (const grant of state.byAgent.get(agent)?.values() ?? []) {
    const spec = Object.hasOwn(grant.drivers, name) ? grant.drivers[name] : undefined;
    if (spec === undefined) continue;
    if (found !== null && !sameSpec(found, spec)) return { kind: "shadowed" };
    found = spec;
  }
  return found === null ? { kind: "unknown" } : { kind: "declared", spec: found };
}

export function createDriverTable(
  powers: MonitorPowers,
  parts: {
    readonly journal: OwingJournal;
    readonly code: CodeLayout;
    readonly connect: ConnectDriver;
    readonly connectBroker: CarrierPorts["connectBroker"];
    readonly connectInjector: CarrierPorts["connectInjector"];
    readonly connectCourier: GitCarrierPorts["connectCourier"];
    readonly logins: CarrierPorts["logins"];
    /** What may be injected for an instance now. */
    readonly injections: (acting: InstanceState) => readonly Injection[];
    readonly vault: Pick<Vault, "placeholder">;
    readonly memory: Pick<MemoryDevicePorts, "store" | "frozen">;
    /** Hears what happens inside the sandbox of a server. */
    readonly hear: (server: ServerRun, news: WardNews) => void;
  },
): DriverTable {
  const { journal } = parts;
  const pool = createDriverPool(powers, { ...parts, state: journal.state });
  const runs = createPinnedRuns(journal);
  /** Those whose end has begun, which a start that is not over yet must not hand out. */
  const ended = new WeakSet<RunningDriver>();
  const builtIn = new Map([
    [NET_DRIVER, netSpec(powers.crypto)],
    [INFER_DRIVER, inferSpec(powers.crypto)],
    [GIT_DRIVER, gitSpec(powers.crypto)],
    [MEMORY_DRIVER, memorySpec(powers.crypto)],
  ]);

  /** Built-in devices are there without a declaration; what a grant declares under their names must be the same. */
  function declaredFor(live: LiveInstance, name: string): Declared {
    const declared = declaredDriver(journal.state, live.state.agent, name);
    const own = builtIn.get(name);
    if (own === undefined) return declared;
    if (declared.kind === "unknown") return { kind: "declared", spec: own };
    if (declared.kind !== "declared" || declared.spec.pin !== own.pin) return declared;
    return sameSpec(declared.spec, own) ? declared : { kind: "shadowed" };
  }

  async function quarantine(
    live: LiveInstance,
    driver: { name: string; spec: DriverSpec; found: string; difference?: JsonObject },
  ): Promise<void> {
    const { name, spec, found, difference = null } = driver;
    const written = journal.write({ kind: "driver-quarantined", driver: name, pin: spec.pin, found }, difference);
    runs.end(spec, "pin-changed");
    await written;
    live.face?.port.changed();
  }

  /** Why what was signed is not to run now, or null. */
  function keptBack({ pin, source }: DriverSpec): "quarantined" | "unpublished" | null {
    if (journal.state.quarantined.has(pin)) return "quarantined";
    const standing = standingOf(source, journal.state);
    if (standing === "lapsed") return "quarantined";
    return standing === "quarantined" || standing === "unpublished" ? standing : null;
  }

  /** An extension that is not what was added is for nobody, and its owner is to see that. Adding it anew ends it. */
  async function noteDamage({ source }: DriverSpec, error: unknown): Promise<void> {
    if (source.kind !== "ext" || !(error instanceof Refusal) || error.code !== "extension-damaged") return;
    if (standingOf(source, journal.state) !== "stands") return;
    const why = "its files in the store are not those that were added";
    await journal.write({ kind: "extension-quarantined", extension: source.extension, why });
  }

  async function start(live: LiveInstance, name: string, spec: DriverSpec): Promise<RunningDriver> {
    const { kind } = spec.source;
    const driver =
      kind === "stdio" || kind === "ext" || kind === "http"
        ? await startServer(live, name, spec)
        : startDevice(live, kind);
    if (driver.pin !== spec.pin) {
      driver.stop();
      await quarantine(live, { name, spec, found: driver.pin });
      throw new Error(`driver "${name}" is not the one that was signed for`);
    }
    await journal.write({ kind: "driver-pinned", instance: live.state.instance, driver: name, pin: driver.pin });
    if (live.state.life === "terminal" || (live.state.life === "ended" && live.agent !== null)) {
      driver.stop();
      throw new Error("the instance ended");
    }
    // It may have been put into quarantine while it started, or its extension, or that removed, or its publisher.
    if (standingOf(spec.source, journal.state) !== "stands" || keptBack(spec) !== null) {
      driver.stop();
      throw new Error(`driver "${name}" is of what nothing starts any more`);
    }
    if (ended.has(driver)) throw new Error(`driver "${name}" ended while it started`);
    live.drivers.set(name, driver);
    return driver;
  }

  /** A folder that no agent could write in, no server can either. */
  async function storageFor(live: LiveInstance, workspace: string): Promise<Storage> {
    await refuseWorkspace(workspace, { mode: "write", open: [] }, powers);
    return storageOf(live, { powers, code: parts.code });
  }

  async function startServer(live: LiveInstance, name: string, spec: DriverSpec): Promise<RunningDriver> {
    const begun = createBegun();
    const now: { driver?: RunningDriver } = {};
    const gone = (): void => {
      runs.delete(run);
      if (now.driver === undefined) return;
      ended.add(now.driver);
      forget(live, now.driver);
    };
    const run: PinnedRun = {
      live,
      driver: name,
      spec,
      end() {
        gone();
        begun.end();
        live.face?.port.changed();
      },
    };
    const latest = latestOnly((offer: Offer) => changed(live, { name, spec, offer }));
    const server: ServerRun = { live, driver: name, spec, end: (why) => runs.end(spec, why) };
    runs.add(run);
    try {
      now.driver = await pool.start(name, spec.source, {
        workspace: driverWorkspace(journal.state, name, live.state),
        storage: (workspace) => storageFor(live, workspace),
        enlist: (begin) => begun.take(enlist(live, "driver", begin)),
        hear: (news: WardNews) => parts.hear(server, news),
        reached: (reached) => tellServerLimit(server, reached, journal),
        events: {
          onProgress: (event) => {
            if (live.running.has(event.token)) live.face?.port.progress(event);
          },
          onChanged: (offer: Offer) => void latest(offer),
          onGone: gone,
        },
      });
      return now.driver;
    } catch (error) {
      runs.delete(run);
      throw error;
    }
  }

  function leftOf(grants: readonly string[]): number | null {
    return bytesLeft(journal.state, grants);
  }

  function startDevice(live: LiveInstance, kind: BuiltIn): RunningDriver {
    if (kind === "memory") return createMemoryDriver(live, { crypto: powers.crypto, journal, ...parts.memory });
    if (kind === "git-ssh") {
      const carrier = (live.gitCarrier ??= createGitCarrier(live, { powers, ...parts }));
      return createGitDriver(live, { crypto: powers.crypto, carrier, state: journal.state, bytesLeft: leftOf });
    }
    const carrier = (live.carrier ??= createCarrier(live, { powers, ...parts }));
    if (kind === "infer") {
      const { crypto } = powers;
      return createInferDriver(live, { crypto, carrier, state: journal.state, vault: parts.vault, bytesLeft: leftOf });
    }
    return createNetDriver(live, {
      powers,
      carrier,
      bytesLeft: leftOf,
      injections: () => parts.injections(live.state),
    });
  }

  /** A rug pull shows as a different offer while running; the same offer again is only noise. */
  async function changed(live: LiveInstance, now: { name: string; spec: DriverSpec; offer: Offer }): Promise<void> {
    // It was found out before, and said that it changed more than once.
    if (journal.state.quarantined.has(now.spec.pin)) return;
    // ERRORS-DENY: code that cannot be read any more is code that changed; no server has the digest of these words as its pin.
    const found = await pinOf(now.spec.source, now.offer).catch(() => powers.crypto.digest("unreadable"));
    if (found === now.spec.pin) {
      live.face?.port.changed();
      return;
    }
    const running = live.drivers.get(now.name);
    const difference = running === undefined ? {} : { difference: offerDifference(running.offer, now.offer) };
    await quarantine(live, { ...now, found, ...difference }).catch(() => {});
  }

  async function pinOf(source: DriverSpec["source"], offer: Offer): Promise<string> {
    const code = source.kind === "stdio" ? await powers.codeDigest(source.code) : "";
    return powers.crypto.digest(pinText(source, code, offer));
  }

  const table: DriverTable = {
    async open(live, name) {
      const declared = declaredFor(live, name);
      if (declared.kind !== "declared" || keptBack(declared.spec) !== null) return null;
      const ready = live.drivers.get(name);
      if (ready !== undefined) return ready;
      let starting = live.starting.get(name);
      if (starting === undefined) {
        starting = start(live, name, declared.spec);
        live.starting.set(name, starting);
      }
      try {
        return await starting;
      } catch (error) {
        live.starting.delete(name);
        await noteDamage(declared.spec, error).catch(() => {});
        return null;
      }
    },

    async openAll(live) {
      const names = new Set<string>();
      for (const grant of journal.state.byAgent.get(live.state.agent)?.values() ?? []) {
        // Devices are reached through the face's proxy and endpoint and listed nowhere, but for memory, which is tools.
        for (const name of Object.keys(grant.drivers))
          if (!builtIn.has(name) || name === MEMORY_DRIVER) names.add(name);
      }
      const opened = await Promise.all([...names].toSorted().map((name) => table.open(live, name)));
      return opened.filter((driver) => driver !== null);
    },

    lookup(live) {
      return (name) => {
        const declared = declaredFor(live, name);
        if (declared.kind !== "declared") return declared;
        const { spec } = declared;
        const back = keptBack(spec);
        if (back !== null) return { kind: back };
        const driver = live.drivers.get(name);
        if (driver === undefined) return { kind: "unavailable" };
        return {
          kind: "ready",
          pin: driver.pin,
          expected: spec.pin,
          tools: spec.tools,
          offers: (verb, wanted) => {
            if (verb === "call") return driver.offer.tools.some((tool) => tool.name === wanted);
            if (verb === "prompt") return driver.offer.prompts.some((prompt) => prompt.name === wanted);
            return driver.offer.resources.length > 0 || driver.offer.resourceTemplates.length > 0;
          },
        };
      };
    },

    signed(live) {
      return (name) => {
        const declared = declaredFor(live, name);
        if (declared.kind !== "declared") return declared;
        const { pin, tools } = declared.spec;
        const back = keptBack(declared.spec);
        if (back !== null) return { kind: back };
        return { kind: "ready", pin, expected: pin, tools, offers: () => true };
      };
    },

    stopUndeclared(live) {
      for (const driver of live.drivers.values()) {
        const declared = declaredFor(live, driver.name);
        if (declared.kind === "declared" && standingOf(declared.spec.source, journal.state) === "stands") continue;
        forget(live, driver);
        driver.stop();
      }
    },

    cutRevoked(live) {
      for (const { driver, token, grants } of live.running.values()) {
        if (driver.lasting === null || grants.every((id) => journal.state.active.has(id))) continue;
        void driver.peer.request("cancel", { token }).catch(() => {});
      }
    },

    stopAll(live) {
      for (const driver of live.drivers.values()) driver.stop();
      for (const starting of live.starting.values())
        starting.then(
          (driver) => driver.stop(),
          () => {},
        );
      live.drivers.clear();
      live.starting.clear();
    },
  };
  return table;
}

function forget(live: LiveInstance, driver: RunningDriver): void {
  if (live.drivers.get(driver.name) === driver) {
    live.drivers.delete(driver.name);
    live.starting.delete(driver.name);
  }
}

/** Runs one at a time and, of what came meanwhile, only the latest: a server that cries without end costs one check. */
function latestOnly<T>(run: (value: T) => Promise<void>): (value: T) => Promise<void> {
  let running = false;
  let next: { readonly value: T } | null = null;
  return async (value) => {
    next = { value };
    if (running) return;
    running = true;
    try {
      for (let one = take(); one !== null; one = take()) await run(one.value);
    } finally {
      running = false;
    }
  };

  function take(): { readonly value: T } | null {
    const taken = next;
    next = null;
    return taken;
  }
}
