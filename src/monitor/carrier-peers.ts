import { MONITOR_COURIER } from "../protocol/git-order.ts";
import { MONITOR_INJECTOR } from "../protocol/inject-order.ts";
import { MONITOR_BROKER } from "../protocol/net-order.ts";
import type { PeerFault } from "../protocol/rpc-error.ts";
import { createPeer } from "../protocol/rpc.ts";
import type { CarrierPorts } from "./carrier.ts";
import type { GitCarrierPorts } from "./git-carrier.ts";

/** How the monitor speaks with what carries exchanges: it asks, and is told nothing; only an injector asks, one thing. */
export function carrierPeers(heard: {
  refused(peer: string, fault: PeerFault): void;
  failed(error: unknown, name: string): void;
}): Pick<CarrierPorts, "connectBroker" | "connectInjector"> & Pick<GitCarrierPorts, "connectCourier"> {
  const ends = (peer: string) => ({
    requests: {},
    events: {},
    onFault: (fault: PeerFault) => heard.refused(peer, fault),
    onError: heard.failed,
  });
  return {
    connectBroker: (channel) => createPeer(channel, { side: MONITOR_BROKER, ...ends("broker") }),
    connectInjector: (channel, refused) =>
      createPeer(channel, {
        side: MONITOR_INJECTOR,
        ...ends("injector"),
        requests: {
          refused: ({ ticket }) => {
            refused(ticket);
            return {};
          },
        },
      }),
    connectCourier: (channel) => createPeer(channel, { side: MONITOR_COURIER, ...ends("git courier") }),
  };
}
