import type { DriverSpec } from "../kernel/grant.ts";
import { NET_TOOLS, type NetTool } from "../kernel/net.ts";
import type { Crypto } from "../platform/powers.ts";
import type { Offer } from "../protocol/requests.ts";
import { builtInOffer, builtInSpec } from "./built-in-device.ts";

const WORDS: { readonly [tool in NetTool]: string } = {
  fetch: "a request that asks and changes nothing: GET, HEAD, OPTIONS",
  send: "any other request, with its body, and a connection that becomes a WebSocket",
  connect: "a tunnel of which host and port are seen",
  forward: "a connection of a forwarded port, of which nothing is seen",
  message: "a call of a chat service that says something to recipients",
  inbox: "a call of a chat service that reads what an account was sent",
};

/** What the network device offers. */
export const NET_OFFER: Offer = builtInOffer("net", WORDS);

/** The one spec of the network device in this version. */
export function netSpec(crypto: Pick<Crypto, "digest">): DriverSpec {
  return builtInSpec({ kind: "net" }, { tools: NET_TOOLS, offer: NET_OFFER }, crypto);
}
