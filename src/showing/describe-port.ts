import type { PortGrant } from "../kernel/grant.ts";

/** What a grant says about one port, in words: every field of it (SHOWN-SIGNED-RUN). */
export function describePort(port: PortGrant, agents: readonly string[]): string {
  const at = agents.map((agent) => `http://HEX.${port.name}.${agent}.localhost:${port.outside}/`).join(", ");
  const who =
    port.keys.length === 0
      ? "it pairs nobody"
      : `whoever holds ${port.keys.length === 1 ? "this key" : "one of these keys"} may come: ${port.keys.join(", ")}`;
  return `port ${port.inside} of the agent is published to this machine as ${at}, HEX being drawn with each opening (aios ports list tells it); ${who}`;
}
