import type { PortGrant } from "../kernel/grant.ts";

/** Where a published port is visited. */
export function portAddress(agent: string, { name, outside }: PortGrant): string {
  return `http://${name}.${agent}.localhost:${outside}/`;
}

/** What a grant says about one port, in words: every field of it (SHOWN-SIGNED-RUN). */
export function describePort(port: PortGrant, agents: readonly string[]): string {
  const at = agents.map((agent) => portAddress(agent, port)).join(", ");
  const who =
    port.keys.length === 0
      ? "it pairs nobody"
      : `whoever holds ${port.keys.length === 1 ? "this key" : "one of these keys"} may come: ${port.keys.join(", ")}`;
  return `port ${port.inside} of the agent is published to this machine as ${at}; ${who}`;
}
