import { duplexPair, type Duplex } from "node:stream";
import type { Broker } from "../../src/platform/network/broker.ts";
import { BROKER_STREAMS } from "../../src/platform/network/broker-wire.ts";
import { createMuxClient, serveMux, type MuxClient } from "../../src/platform/network/mux.ts";
import type { Channel } from "../../src/platform/powers.ts";

/** The face's end of a channel to a broker in this process, with real frames on it. */
export function joinBroker(broker: Broker): MuxClient {
  const [near, far] = duplexPair();
  far.once("close", () => near.destroy());
  near.once("close", () => far.destroy());
  serveMux(channelOf(far), (stream) => broker.serve(stream), BROKER_STREAMS);
  return createMuxClient(channelOf(near), BROKER_STREAMS);
}

function channelOf(stream: Duplex): Channel {
  stream.on("error", () => {});
  return {
    onData: (listener) => void stream.on("data", listener),
    onClose: (listener) => void stream.once("close", listener),
    write: (bytes) => !stream.destroyed && stream.write(bytes),
    onDrain: (listener) => void stream.on("drain", listener),
    destroy: () => void stream.destroy(),
  };
}
