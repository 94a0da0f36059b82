/**
 * One secret of one instance on its way to one destination. Descriptor 3 is the monitor, which arms it with the value and
 * then orders; descriptor 4 is the face, which names a ticket of an order and gets that exchange. It is a broker that serves
 * nothing but what its binding admits, puts the value into one header or the path, and takes it out of everything that comes back
 * (SECRETS-OUTSIDE). It sees no file, and nobody can look into it.
 */
import { lookup } from "node:dns/promises";
import { netPath, type NetRequest } from "../kernel/net.ts";
import { fillPath, fitsPath, holdsPlaceholder, injectedText, placeholderUse } from "../kernel/secrets.ts";
import { BROKER_STREAMS } from "../platform/network/broker-wire.ts";
import { createBroker } from "../platform/network/broker.ts";
import { inheritedChannel } from "../platform/channels/channel.ts";
import { askPlain, injectHeaders } from "../platform/network/injecting.ts";
import { serveMux } from "../platform/network/mux.ts";
import { hardenProcess } from "../platform/sandbox/process-hardening.ts";
import { createScrubber, type Scrubber } from "../platform/network/scrub.ts";
import { INJECTOR_SIDE, type Arming } from "../protocol/inject-order.ts";
import type { NetOrder } from "../protocol/net-order.ts";
import { createPeer } from "../protocol/rpc.ts";
import { INFER_PARTS } from "./infer-parts.ts";

const MONITOR = 3;
const FACE = 4;
/** Values of one secret that are taken out of what comes back. */
const SCRUBBED = 8;

hardenProcess();

/** What it was armed with last, and what is scrubbed: values that it was armed with before too, since they may still be good. */
interface Armed {
  readonly arming: Arming;
  readonly values: readonly string[];
  readonly scrubber: Scrubber;
}
let armed: Armed | null = null;

const broker = createBroker({
  resolve: (host) => lookup(host, { all: true, verbatim: true }),
  authorities: null,
  holdsPlaceholder,
  infer: INFER_PARTS,
  injecting: {
    admits: (order): order is NetOrder & { kind: "request" } => {
      const call = order.kind === "request" ? callOf(order) : null;
      const { binding, placeholder, value } = current().arming;
      if ("after" in binding && !fitsPath(value)) return false;
      return call !== null && placeholderUse(call, [{ ...binding, placeholder }]).kind === "inject";
    },
    // Without its answer the agent still gets its own.
    refused: (ticket) =>
      peer.request("refused", { ticket }).then(
        () => {},
        () => {},
      ),
    fill: ({ target, headers }) => {
      const { binding, placeholder, value } = current().arming;
      if ("header" in binding) {
        const put = { header: binding.header, text: injectedText(binding, value) };
        return { target, headers: injectHeaders(headers, put) };
      }
      const filled = fillPath(target, { ...binding, placeholder }, value) ?? end("an order was not looked at");
      return { target: filled, headers: askPlain(headers) };
    },
    get scrubber() {
      return current().scrubber;
    },
  },
});

const peer = createPeer(inheritedChannel(MONITOR), {
  side: INJECTOR_SIDE,
  requests: {
    // Before anything else, and again when its owner has changed the value or the binding.
    arm: (arming) => {
      const values = [...new Set([arming.value, ...arming.others, ...(armed?.values ?? [])])].slice(0, SCRUBBED);
      armed = { arming, values, scrubber: createScrubber(...values) };
      return {};
    },
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
  // Its words might be about what it holds.
  onError: (_error, name) => end(`${name} failed`),
});
void peer.closed.then(() => process.exit(0));

const face = inheritedChannel(FACE);
face.onClose(() => process.exit(0));
serveMux(face, (stream) => broker.serve(stream), BROKER_STREAMS);

function current(): Armed {
  return armed ?? end("it was not armed");
}

/** An order as the kernel reads requests; null for a target with more than one reading. */
function callOf(order: Extract<NetOrder, { kind: "request" }>): NetRequest | null {
  const path = netPath(order.target);
  const headers = order.headers.map(({ name, value }) => [name, value] as const);
  // A body for a model is read on its own, when it is there.
  const body = order.body.kind === "infer" ? ({ kind: "none" } as const) : order.body;
  return path === null ? null : { ...order, tool: "send", path, headers, body };
}

function end(why: string): never {
  process.stderr.write(`aios injector: ${why}\n`);
  process.exit(1);
}
