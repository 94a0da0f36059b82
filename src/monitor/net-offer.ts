import { canonicalize } from "../kernel/canonical.ts";
import type { DriverSpec } from "../kernel/grant.ts";
import { NET_TOOL_NAMES, NET_TOOLS, type NetTool } from "../kernel/net.ts";
import type { Crypto } from "../platform/powers.ts";
import type { Offer } from "../protocol/requests.ts";
import { pinText } from "./driver-pool.ts";
import { jsonView } from "./json-view.ts";

const WORDS: { readonly [tool in NetTool]: string } = {
  fetch: "a request that asks and changes nothing: GET, HEAD, OPTIONS",
  send: "any other request, with its body, and a connection that becomes a WebSocket",
  connect: "a tunnel of which host and port are seen",
  forward: "a connection of a forwarded port, of which nothing is seen",
};

/** What the network device offers: its own words, part of its pin. No agent is shown it as a tool. */
export const NET_OFFER: Offer = Object.freeze({
  server: { name: "aios-net", version: "1" },
  tools: NET_TOOL_NAMES.map((name) => ({
    name,
    title: null,
    description: WORDS[name],
    inputSchema: { type: "object" },
    outputSchema: null,
    annotations: null,
  })),
  resources: [],
  resourceTemplates: [],
  prompts: [],
});

/** The one spec of the network device in this version: a grant that declares another was signed for something else. */
export function netSpec(crypto: Pick<Crypto, "digest">): DriverSpec {
  const classes = canonicalize(jsonView(NET_TOOLS));
  const pin = crypto.digest(pinText({ kind: "net" }, classes, NET_OFFER));
  return Object.freeze<DriverSpec>({ source: { kind: "net" }, pin, tools: NET_TOOLS, resources: [], prompts: [] });
}
