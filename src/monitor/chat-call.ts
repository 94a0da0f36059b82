import type { Proposal } from "../kernel/action.ts";
import { chatPlacesOf, readChat } from "../kernel/chat.ts";
import type { Grant } from "../kernel/grant.ts";
import { decodeNetCall, NET_DRIVER } from "../kernel/net.ts";

/**
 * A request to the network as its agent's grants speak of it: one to a place where they name a chat service is read as a call
 * of that service, and becomes a message or a look into the inbox. What cannot be read so stays the request that it is, which
 * other grants may allow; `note` says why then.
 */
export function asChatCall(
  proposal: Proposal,
  grants: () => readonly Grant[],
): { readonly proposal: Proposal; readonly note: string | null } {
  const { verb, driver, name, arguments: args } = proposal;
  const same = { proposal, note: null };
  if (verb !== "call" || driver !== NET_DRIVER || (name !== "fetch" && name !== "send")) return same;
  const places = chatPlacesOf(grants().flatMap(({ allow }) => allow)) ?? [];
  const place = places.find(
    ({ scheme, host, port }) => scheme === args["scheme"] && host === args["host"] && port === args["port"],
  );
  const call = place === undefined ? null : decodeNetCall(name, args);
  if (place === undefined || call?.kind !== "ok") return same;
  const request = call.value;
  if ((request.tool !== "fetch" && request.tool !== "send") || request.upgrade) return same;
  const reading = readChat(place.chat, request);
  if (reading.kind === "refused")
    return { proposal, note: `it is no call of ${place.chat} that is known: ${reading.why}` };
  const { upgrade: _, ...said } = args;
  const read = { body: { kind: "none" }, ...said, ...reading.facts };
  return { proposal: { ...proposal, name: reading.kind, arguments: read }, note: null };
}
