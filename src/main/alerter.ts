/**
 * Sends one alert: a POST of a few words to one address. Descriptor 3 is the monitor, which says what to send and where, a
 * token among it perhaps, so that neither stands in an argument. It follows no redirect and reads no more of the answer than
 * its status. It sees no file, and nobody can look into it (SECRETS-OUTSIDE).
 */
import { lookup } from "node:dns/promises";
import { ConnectFault, DestinationAgent } from "../platform/network/broker-connect.ts";
import { inheritedChannel } from "../platform/channels/channel.ts";
import { request } from "../platform/network/node-http.ts";
import { hardenProcess } from "../platform/sandbox/process-hardening.ts";
import { ALERT_FAULTS, ALERTER_SIDE, type AlertOrder, type AlertSent } from "../protocol/alert-order.ts";
import { createPeer } from "../protocol/rpc.ts";

const MONITOR = 3;

hardenProcess();

function send({ headers, body, ...place }: AlertOrder): Promise<AlertSent> {
  const { scheme, host, port, path } = place;
  const agent = new DestinationAgent(place, {
    resolve: (name) => lookup(name.replace(/^\[(.*)\]$/, "$1"), { all: true, verbatim: true }),
    authorities: null,
  });
  const own = {
    host: port === (scheme === "https" ? 443 : 80) ? host : `${host}:${port}`,
    "content-length": Buffer.byteLength(body),
    connection: "close",
  };
  return new Promise((resolve) => {
    const sent = request(
      { agent, method: "POST", path, headers: { ...headers, ...own }, setHost: false },
      (response) => {
        resolve({ kind: "answered", status: response.statusCode ?? 100 });
        response.destroy();
      },
    );
    sent.on("error", (error) => {
      const fault = ALERT_FAULTS.find((each) => error instanceof ConnectFault && error.fault === each);
      resolve({ kind: "failed", fault: fault ?? "unreachable" });
    });
    sent.end(body);
  });
}

const peer = createPeer(inheritedChannel(MONITOR), {
  side: ALERTER_SIDE,
  requests: { send },
  events: {},
  onFault: ({ message }) => end(`the monitor broke the protocol: ${message}`),
  // Its words might be about what it holds.
  onError: (_error, name) => end(`${name} failed`),
});
void peer.closed.then(() => process.exit(0));

function end(why: string): never {
  process.stderr.write(`aios alerter: ${why}\n`);
  process.exit(1);
}
