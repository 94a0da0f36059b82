import { decodeNetCall, type NetCall } from "../kernel/net.ts";
import type { JsonObject } from "../kernel/json.ts";
import { placeholderUse, type Injection } from "../kernel/secrets.ts";
import type { NetOrder, NetResult, Reach } from "../protocol/net-order.ts";
import type { DriverRequests } from "../protocol/requests.ts";
import { NoCarrier, type Carrier } from "./carrier.ts";
import { builtInPeer } from "./built-in-device.ts";
import type { RunningDriver } from "./driver-pool.ts";
import { jsonView } from "./json-view.ts";
import type { LiveInstance } from "./live.ts";
import { NET_OFFER, netSpec } from "./net-offer.ts";
import type { MonitorPowers } from "./powers.ts";

export interface NetDevicePorts {
  readonly powers: Pick<MonitorPowers, "crypto">;
  readonly carrier: Carrier;
  /** Bytes that the least of these grants has left, or null when none of them counts bytes. */
  bytesLeft(grants: readonly string[]): number | null;
  /** What may be injected for the instance now. */
  injections(): readonly Injection[];
}

/**
 * The network device of one instance as a driver. `run` orders one exchange of the instance's carrier and resolves when it
 * has ended, with what is recorded of it; `cancel` and the driver's end cut it.
 */
export function createNetDriver(live: LiveInstance, ports: NetDevicePorts): RunningDriver {
  const { powers, carrier } = ports;

  async function run(body: DriverRequests["run"]["body"]): Promise<DriverRequests["run"]["ok"]> {
    const call = decodeNetCall(body.name, body.arguments);
    if (call.kind === "refused") throw new Error(`the decided action is no call of the network: ${call.message}`);
    const use = placeholderUse(call.value, ports.injections());
    // It was decided otherwise a moment ago: the secret was taken back in between.
    if (use.kind === "misplaced") throw new NoCarrier(`no secret is injected: ${use.why}`);
    const running = live.running.get(body.token);
    const result = await carrier.exchange(orderOf(call.value), {
      token: body.token,
      waits: running?.waits ?? false,
      most: ports.bytesLeft(running?.grants ?? []),
      injection: use.kind === "inject" ? use.injection : null,
    });
    return { result: recorded(result), isError: result.end !== "done" };
  }

  return {
    name: "net",
    peer: builtInPeer(NET_OFFER, { run, cancel: carrier.cancel }),
    offer: NET_OFFER,
    pin: netSpec(powers.crypto).pin,
    lasting: {
      weigh: bytesOf,
      // A granted name that leads to an address of another kind is the work of whoever rules the name (rebinding).
      attacked: (result) => result["fault"] === "address-refused",
      labels: () => [],
    },
    stop: carrier.stop,
  };
}

/** What the broker is told to do for a call that was decided. */
export function orderOf(call: NetCall): NetOrder {
  const reach: Reach = call.host === "localhost" ? "loopback" : "public";
  if (call.tool === "connect" || call.tool === "forward") {
    return { kind: "connect", host: call.host, port: call.port, reach };
  }
  const { scheme, host, port, method, target, body, upgrade } = call;
  const headers = call.headers.map(([name, value]) => ({ name, value }));
  return { kind: "request", scheme, host, port, reach, method, target, headers, body, upgrade };
}

function recorded(result: NetResult): JsonObject {
  return jsonView({ ...result });
}

/** Bytes both ways of what was carried. */
export function bytesOf(result: JsonObject): number {
  return countIn(result, "sent") + countIn(result, "received");
}

function countIn(result: JsonObject, field: "sent" | "received"): number {
  const value = result[field];
  return typeof value === "number" ? value : 0;
}
