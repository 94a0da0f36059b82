import { decodeNetCall, type NetRequest, type NetTunnel } from "../kernel/net.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { Channel, SandboxedProcess } from "../platform/powers.ts";
import type { BrokerRequests, NetOrder, NetResult, Reach } from "../protocol/net-order.ts";
import type { DriverRequests } from "../protocol/requests.ts";
import type { DriverPeer, RunningDriver } from "./driver-pool.ts";
import { jsonView } from "./json-view.ts";
import type { LiveInstance } from "./live.ts";
import { NET_OFFER, netSpec } from "./net-offer.ts";
import type { MonitorPowers } from "./powers.ts";
import { planBroker, type CodeLayout } from "./sandbox-plans.ts";

/** What a broker's channel is used for; `createPeer` makes it from the socketpair. */
export interface BrokerPeer {
  request<K extends keyof BrokerRequests>(name: K, body: BrokerRequests[K]["body"]): Promise<BrokerRequests[K]["ok"]>;
  close(): void;
}

export interface NetDevicePorts {
  readonly powers: MonitorPowers;
  readonly code: CodeLayout;
  connectBroker(channel: Channel): BrokerPeer;
  /** Bytes that the least of these grants has left, or null when none of them counts bytes. */
  bytesLeft(grants: readonly string[]): number | null;
}

/** A broker that cannot be had: nothing was asked of anybody. */
class NoBroker extends Error {
  readonly code = "driver-unavailable";
}

/**
 * The network device of one instance as a driver: its broker is started with the first action that may run and lives as
 * long as the instance. `run` orders one exchange under a ticket of its own, tells the face the ticket, and resolves when
 * the exchange has ended, with what is recorded of it; `cancel` and the driver's end cut it.
 */
export function createNetDriver(live: LiveInstance, ports: NetDevicePorts): RunningDriver {
  const { powers } = ports;
  const tickets = new Map<number, string>();
  let process: SandboxedProcess | null = null;
  let starting: Promise<BrokerPeer> | null = null;
  let stopped = false;
  let suspended = false;

  async function start(): Promise<BrokerPeer> {
    const end = live.netEnd;
    live.netEnd = null;
    // The face's side of it knows one broker only: streams of one that is gone would be taken for those of the next.
    if (end === null) throw new NoBroker("the broker of this instance is gone");
    try {
      const started = await powers.startSandbox(planBroker(ports.code), "capture", [end]);
      process = started;
      const [channel] = started.channels;
      if (channel === undefined || stopped) {
        started.kill();
        throw new NoBroker(stopped ? "the instance ended" : "the broker got no channel");
      }
      if (suspended) started.suspend();
      return ports.connectBroker(channel);
    } finally {
      end.close();
    }
  }

  async function run(body: DriverRequests["run"]["body"]): Promise<DriverRequests["run"]["ok"]> {
    const call = decodeNetCall(body.name, body.arguments);
    if (call.kind === "refused") throw new Error(`the decided action is no call of the network: ${call.message}`);
    starting ??= start();
    const broker = await starting.catch((error: unknown) => {
      throw error instanceof NoBroker ? error : new NoBroker(error instanceof Error ? error.message : "no broker");
    });
    const ticket = powers.random.hex(16);
    tickets.set(body.token, ticket);
    try {
      const ended = broker.request("exchange", {
        ticket,
        order: orderOf(call.value),
        most: ports.bytesLeft(live.running.get(body.token)?.grants ?? []),
      });
      live.face?.port.granted({ token: body.token, ticket });
      const result = await ended;
      return { result: recorded(result), isError: result.end !== "done" };
    } finally {
      tickets.delete(body.token);
    }
  }

  async function cancel({ token }: DriverRequests["cancel"]["body"]): Promise<Record<string, never>> {
    const ticket = tickets.get(token);
    if (ticket === undefined || starting === null) return {};
    const broker = await starting;
    return broker.request("cancel", { ticket });
  }

  const peer: DriverPeer = {
    request: async (name, body: never) => {
      const answer: unknown = await (name === "run" ? run(body) : name === "cancel" ? cancel(body) : NET_OFFER);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- generic over the name, so the compiler cannot see that body and answer are those of the same name
      return answer as never;
    },
    close: () => {},
  };
  return {
    name: "net",
    peer,
    offer: NET_OFFER,
    pin: netSpec(powers.crypto).pin,
    lasting: {
      weigh: bytesOf,
      // A granted name that leads to an address of another kind is the work of whoever rules the name (rebinding).
      attacked: (result) => result["fault"] === "address-refused",
    },
    stop: () => {
      stopped = true;
      process?.kill();
    },
    suspend: () => {
      suspended = true;
      process?.suspend();
    },
    resume: () => {
      suspended = false;
      process?.resume();
    },
  };
}

/** What the broker is told to do for a call that was decided. */
export function orderOf(call: NetRequest | NetTunnel): NetOrder {
  const reach: Reach = call.host === "localhost" ? "loopback" : "public";
  if (call.tool === "connect") return { kind: "connect", host: call.host, port: call.port, reach };
  const { scheme, host, port, method, target, body, upgrade } = call;
  const headers = call.headers.map(([name, value]) => ({ name, value }));
  return { kind: "request", scheme, host, port, reach, method, target, headers, body, upgrade };
}

function recorded(result: NetResult): JsonObject {
  return jsonView({ ...result });
}

function bytesOf(result: JsonObject): number {
  return countIn(result, "sent") + countIn(result, "received");
}

function countIn(result: JsonObject, field: "sent" | "received"): number {
  const value = result[field];
  return typeof value === "number" ? value : 0;
}
