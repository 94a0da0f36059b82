/**
 * The network device of one instance. Descriptor 3 is the monitor, which orders; descriptor 4 is the face, which names a
 * ticket of an order and gets that exchange. It holds no key and sees no file; it has the host's network, so that who may
 * say what it connects to is the monitor alone.
 */
import { lookup } from "node:dns/promises";
import { BROKER_STREAMS } from "../platform/network/broker-wire.ts";
import { holdsPlaceholder } from "../kernel/secrets.ts";
import { createBroker } from "../platform/network/broker.ts";
import { inheritedChannel } from "../platform/channels/channel.ts";
import { serveMux } from "../platform/network/mux.ts";
import { BROKER_SIDE } from "../protocol/net-order.ts";
import { createPeer } from "../protocol/rpc.ts";
import { INFER_PARTS } from "./infer-parts.ts";

const MONITOR = 3;
const FACE = 4;

const broker = createBroker({
  resolve: (host) => lookup(host, { all: true, verbatim: true }),
  authorities: null,
  holdsPlaceholder,
  infer: INFER_PARTS,
});
const peer = createPeer(inheritedChannel(MONITOR), {
  side: BROKER_SIDE,
  requests: {
    exchange: (ordered) => broker.exchange(ordered),
    cancel: ({ ticket }) => {
      broker.cancel(ticket);
      return {};
    },
    cut: () => {
      broker.cut();
      return {};
    },
  },
  events: {},
  onFault: ({ message }) => end(`the monitor broke the protocol: ${message}`),
  onError: (error, name) => end(`${name} failed: ${String(error)}`),
});
void peer.closed.then(() => process.exit(0));

const face = inheritedChannel(FACE);
face.onClose(() => process.exit(0));
serveMux(face, (stream) => broker.serve(stream), BROKER_STREAMS);

function end(why: string): never {
  process.stderr.write(`aios broker: ${why}\n`);
  process.exit(1);
}
