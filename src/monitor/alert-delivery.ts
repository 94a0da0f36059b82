import { isLoopback } from "../kernel/hosts.ts";
import { type AlertFault, type AlertOrder, type AlertSent, MONITOR_ALERTER } from "../protocol/alert-order.ts";
import type { AlertReceiver, AlertStanding } from "../protocol/alert-setting.ts";
import type { PeerFault } from "../protocol/rpc-error.ts";
import { createPeer } from "../protocol/rpc.ts";
import type { AlertMessage } from "./alert-texts.ts";
import { askOnce } from "./own-process.ts";
import type { MonitorPowers } from "./powers.ts";
import { type CodeLayout, planAlerter } from "./sandbox-plans.ts";

/** One alert takes no longer, milliseconds. */
const ALERT_MS = 20_000;
/** Alerts that wait for the one under way; more are left out, and the log has what they were about. */
const MOST_WAITING = 32;
/** Longest reason of a failure that is kept. */
const WHY_MOST = 200;
const FAULTS: { readonly [fault in AlertFault]: string } = {
  "name-unknown": "its name does not resolve",
  "address-refused": "its name leads to an address that is not public, or not of this machine",
  unreachable: "it does not answer",
  "tls-refused": "its certificate is not its own",
};

export interface DeliveryPorts {
  /** Sends one request; rejects when nothing is known of it. */
  post(order: AlertOrder): Promise<AlertSent>;
  /** The header with the token of a receiver, if it has one; rejects when that may not or cannot be sent. */
  token(receiver: AlertReceiver): Promise<{ readonly [header: string]: string }>;
  /** Milliseconds since 1970 UTC. */
  now(): number;
  report(words: string): void;
}

/** The alerts of one receiver, one after the other. Nothing waits for them, those of another receiver neither. */
export interface AlertDelivery {
  readonly receiver: AlertReceiver;
  send(message: AlertMessage): void;
  standing(): AlertStanding;
}

export function createAlertDelivery(receiver: AlertReceiver, ports: DeliveryPorts): AlertDelivery {
  const to = receiver.address.host;
  const counts = { told: 0, failed: 0, left: 0 };
  let fault: AlertStanding["fault"] = null;
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();

  function failed(why: string): void {
    ports.report(`an alert to ${to} was not sent: ${why}`);
    counts.failed += 1;
    fault = { at: ports.now(), why: why.slice(0, WHY_MOST) };
  }

  return {
    receiver,
    send(message) {
      if (waiting >= MOST_WAITING) {
        counts.left += 1;
        return ports.report(`an alert to ${to} is left out: ${waiting} wait`);
      }
      waiting += 1;
      last = last
        .then(() => send(message, receiver, ports))
        .then(() => {
          counts.told += 1;
          fault = null;
        })
        .catch((error: unknown) => failed(error instanceof Error ? error.message : "unknown"))
        .finally(() => {
          waiting -= 1;
        });
    },
    standing: () => ({ to, ...counts, fault }),
  };
}

async function send({ headers, body }: AlertMessage, receiver: AlertReceiver, ports: DeliveryPorts): Promise<void> {
  const { scheme, host, port, path } = receiver.address;
  const sent = await ports.post({
    scheme,
    host,
    port: port ?? (scheme === "https" ? 443 : 80),
    path: path === "" ? "/" : path,
    reach: isLoopback(host) ? "loopback" : "public",
    headers: { ...headers, ...(await ports.token(receiver)) },
    body,
  });
  if (sent.kind === "failed") throw new Error(FAULTS[sent.fault]);
  if (sent.status < 200 || sent.status > 299) throw new Error(`the receiver answered ${sent.status}`);
}

/** Sends each request by an alerter of its own. */
export function createPost(parts: {
  readonly powers: Pick<MonitorPowers, "startSandbox" | "timer">;
  readonly code: CodeLayout;
  refused(fault: PeerFault): void;
}): DeliveryPorts["post"] {
  const { powers, code, refused } = parts;
  return (order) =>
    askOnce(
      { powers, spec: planAlerter(code), ms: ALERT_MS },
      (channel) =>
        createPeer(channel, { side: MONITOR_ALERTER, requests: {}, events: {}, onFault: refused, onError: () => {} }),
      (peer) => peer.request("send", order),
    );
}
