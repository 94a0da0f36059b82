import type { PortGrant } from "../kernel/grant.ts";
import { isOpen, lookAgain } from "../kernel/hours.ts";
import type { Channel, SandboxedProcess } from "../platform/powers.ts";
import type { SocketEnd } from "../platform/channels/socket-end.ts";
import type { OpenPort } from "../protocol/port-entry.ts";
import type { GateEvents, GatePort, GateRequests } from "../protocol/port-gate-table.ts";
import { within } from "./driver-pool.ts";
import { Refusal } from "./faults.ts";
import type { Journal } from "./journal.ts";
import type { LiveInstance } from "./live.ts";
import { enlist } from "./parts.ts";
import type { MonitorPowers } from "./powers.ts";
import { type CodeLayout, planGate } from "./sandbox-plans.ts";
import type { State } from "./state.ts";

/** A gate is ready within this or its instance does not start. */
const GATE_MS = 20_000;
/** Longer than this nobody waits for the end of a grant without looking again. */
const LOOK_MS = 3_600_000;

/** What the monitor says to a gate. */
export interface GatePeer {
  event(name: "admit", body: GateEvents["admit"]): void;
  close(): void;
}

/** What answers a gate: its row of the request table. */
export type GateHandlers = {
  readonly [K in keyof GateRequests]: (body: GateRequests[K]["body"]) => Promise<GateRequests[K]["ok"]>;
};

/** The published ports of one instance, as long as it runs. */
export interface Published {
  /** Grants have changed, or one may have ended: who may come, and which ports are open, follows. */
  refresh(): void;
  /** What is open now, and who may come. */
  open(): readonly OpenPort[];
  kill(): void;
}

export interface PublishedPorts {
  readonly powers: MonitorPowers;
  readonly journal: Journal;
  readonly code: CodeLayout;
  now(): number;
  connectGate(channel: Channel, handlers: GateHandlers): GatePeer;
}

/**
 * What grants in force publish of an agent, by name. Two grants that say the same of a port add their keys; two that
 * disagree publish nothing of it (ERRORS-DENY). Everyone above the agent must publish the same (CHILD-LESS).
 * @param chain agent names, acting first, then its ancestors.
 */
export function publishedPorts(state: State, chain: readonly string[], now: number): readonly PortGrant[] {
  const [own = new Map(), ...above] = chain.map((agent) => portsOf(state, agent, now));
  return [...own.values()].filter(
    (port) => port !== null && above.every((ports) => samePlace(ports.get(port.name), port)),
  ) as readonly PortGrant[];
}

function portsOf(state: State, agent: string, now: number): ReadonlyMap<string, PortGrant | null> {
  const ports = new Map<string, PortGrant | null>();
  for (const { sandbox, limits } of state.byAgent.get(agent)?.values() ?? []) {
    // A used-up grant publishes still: visits are no uses.
    if (limits.notBefore > now || limits.expires <= now) continue;
    if (limits.hours !== undefined && !isOpen(limits.hours, now)) continue;
    for (const port of sandbox.ports) {
      const other = ports.get(port.name);
      if (other === undefined) ports.set(port.name, port);
      else ports.set(port.name, samePlace(other, port) ? merge(other, port) : null);
    }
  }
  return ports;
}

function samePlace(one: PortGrant | null | undefined, other: PortGrant): one is PortGrant {
  return one !== null && one !== undefined && one.inside === other.inside && one.outside === other.outside;
}

function merge(one: PortGrant, other: PortGrant): PortGrant {
  return { ...one, keys: [...new Set([...one.keys, ...other.keys])] };
}

/**
 * Opens the published ports of an instance that is about to start: listens, writes down what is open, starts the gate, and
 * gives back the end over which the agent's launcher hands out the way in; null when nothing is published. Rejects, with
 * nothing left open, when any part fails. The listeners are made here and accepted from by the gate alone.
 *
 * Each port has a host that nobody was found under before, drawn once it is ours at every loopback address: what a program
 * planted in browsers that listened there before, it planted for another origin (docs/decisions/published-ports.md).
 */
export async function publishPorts(
  live: LiveInstance,
  chain: readonly string[],
  ports: PublishedPorts,
): Promise<SocketEnd | null> {
  const { powers, journal, code } = ports;
  const { instance, agent } = live.state;
  const granted = publishedPorts(journal.state, chain, ports.now());
  if (granted.length === 0) return null;
  const served: GatePort[] = [];
  const ends: SocketEnd[] = [];
  const [near, far] = powers.makeSocketEnds();
  try {
    ends.push(far);
    for (const port of granted) {
      const listeners = listen(port, powers);
      ends.push(...listeners);
      const host = `${powers.random.hex(8)}.${port.name}.${agent}.localhost`;
      served.push({ ...port, agent, host, listeners: listeners.length, keys: [...port.keys] });
    }
    for (const { name, inside, outside, host } of served) {
      await journal.write({ kind: "port-opened", instance, agent, port: name, host, inside, outside });
    }
    const plan = planGate(code, ends.length - 1);
    const process = await enlist(live, "ports", () => powers.startSandbox(plan, "capture", ends));
    live.published = await serveGate(live, { ...ports, process, served, chain });
    return near;
  } catch (error) {
    near.close();
    throw error;
  } finally {
    for (const end of ends) end.close();
  }
}

function listen({ name, outside }: PortGrant, powers: MonitorPowers): readonly SocketEnd[] {
  try {
    return powers.holdLoopback(outside);
  } catch {
    throw new Refusal(
      "port-taken",
      `Port ${outside}, where "${name}" is to be published, cannot be had at every loopback address of this machine.`,
      "End what listens there (`ss -ltnp`), or sign a grant with another outside port.",
    );
  }
}

interface Serving extends PublishedPorts {
  readonly process: SandboxedProcess;
  readonly served: readonly GatePort[];
  readonly chain: readonly string[];
}

async function serveGate(live: LiveInstance, serving: Serving): Promise<Published> {
  const { powers, journal, process, served, chain } = serving;
  const { instance, agent } = live.state;
  const ready = Promise.withResolvers<void>();
  const [channel] = process.channels;
  if (channel === undefined) throw new Refusal("confinement", "The gate got no channel.", "Run `aios doctor`.");
  const open = new Set(served.map(({ name }) => name));
  let admitted: GateEvents["admit"]["ports"] = [];
  let [cancel, ended] = [(): void => {}, false];
  const peer = serving.connectGate(channel, {
    async ready() {
      ready.resolve();
      return { ports: served };
    },
    async entered({ port, key }) {
      await journal.write({ kind: "port-entered", instance, agent, port, key });
      return {};
    },
    async visited({ peers, ...counted }) {
      await journal.write({ kind: "port-visited", instance, agent, ...counted }, { peers });
      return {};
    },
  });
  async function close(why: string): Promise<void> {
    const closed = [...open];
    open.clear();
    for (const port of closed) await journal.write({ kind: "port-closed", instance, agent, port, why }).catch(() => {});
  }
  void process.ended.then(async () => {
    ready.reject(new Error(`the gate ended: ${process.errors().trim()}`));
    cancel();
    peer.close();
    await close(ended ? "ended" : "gate-gone");
  });

  function refresh(): void {
    cancel();
    const now = serving.now();
    const granted = publishedPorts(journal.state, chain, now);
    // What moved to another place is not what is open.
    const still = served.flatMap(
      (port) => granted.find((each) => each.name === port.name && samePlace(port, each)) ?? [],
    );
    admitted = still.map(({ name, keys }) => ({ name, keys }));
    peer.event("admit", { ports: admitted });
    for (const name of open) {
      if (still.some((port) => port.name === name)) continue;
      open.delete(name);
      void journal.write({ kind: "port-closed", instance, agent, port: name, why: "not-granted" }).catch(() => {});
    }
    const ends = [...(journal.state.byAgent.get(agent)?.values() ?? [])]
      .flatMap(({ limits: { notBefore, expires, hours } }) => [
        notBefore,
        expires,
        ...(hours === undefined ? [] : [lookAgain(hours, now)]),
      ])
      .filter((at) => at > now);
    cancel = powers.timer.after(Math.min(LOOK_MS, Math.min(...ends) - now), refresh);
  }
  const kill = (): void => {
    ended = true;
    process.kill();
  };
  const view = (): readonly OpenPort[] =>
    served.flatMap(({ name, host, inside, outside }) => {
      const keys = admitted.find((each) => each.name === name)?.keys;
      return open.has(name) && keys !== undefined ? [{ instance, agent, port: name, host, inside, outside, keys }] : [];
    });
  try {
    await within(powers, { ms: GATE_MS, what: "the gate was not ready in time", promise: ready.promise });
  } catch (error) {
    kill();
    throw error;
  }
  refresh();
  return { refresh, open: view, kill };
}
