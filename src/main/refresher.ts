/**
 * Renews one login, once. Descriptor 3 is the monitor, which hands over the terms that an owner signed and the refresh
 * token; what it asks is the one endpoint of those terms, and what it says is the new tokens or why there are none. No agent
 * and no face has a channel to it; it sees no file, and nobody can look into it (SECRETS-OUTSIDE).
 */
import { lookup } from "node:dns/promises";
import { parseEndpoint } from "../kernel/secret-document.ts";
import { inheritedChannel } from "../platform/channels/channel.ts";
import { hardenProcess } from "../platform/sandbox/process-hardening.ts";
import { postOnce } from "../platform/network/token-request.ts";
import { readRenewal, refreshBody } from "../protocol/login.ts";
import { REFRESHER_SIDE, type Refreshed, type RefresherRequests } from "../protocol/refresh-order.ts";
import { createPeer } from "../protocol/rpc.ts";

const MONITOR = 3;

hardenProcess();

async function refresh({ login, token }: RefresherRequests["refresh"]["body"]): Promise<Refreshed> {
  const place = parseEndpoint(login.endpoint);
  if (place === null) return { kind: "failed", fault: "unreachable" };
  const { origin, path } = place;
  const reach = origin.host === "localhost" ? "loopback" : "public";
  const answer = await postOnce({ ...origin, path, reach }, refreshBody(login, token), {
    resolve: (host) => lookup(host, { all: true, verbatim: true }),
    authorities: null,
  });
  if (answer.kind === "failed") return answer;
  const { status, text } = answer;
  if (status === 200) {
    const renewed = readRenewal(text);
    return renewed === null ? { kind: "failed", fault: "malformed" } : { kind: "renewed", ...renewed };
  }
  // To follow one would hand the refresh token to whoever it names.
  if (status >= 300 && status < 400) return { kind: "failed", fault: "redirected" };
  const rejected = status === 400 || status === 401 || status === 403;
  return { kind: "failed", fault: rejected ? "rejected" : "unavailable" };
}

const peer = createPeer(inheritedChannel(MONITOR), {
  side: REFRESHER_SIDE,
  requests: { refresh },
  events: {},
  onFault: ({ message }) => end(`the monitor broke the protocol: ${message}`),
  // Its words might be about what it holds.
  onError: (_error, name) => end(`${name} failed`),
});
void peer.closed.then(() => process.exit(0));

function end(why: string): never {
  process.stderr.write(`aios refresher: ${why}\n`);
  process.exit(1);
}
