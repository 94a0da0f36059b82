import { meets } from "../kernel/allowance.ts";
import type { Allow, Grant } from "../kernel/grant.ts";
import { NET_DRIVER } from "../kernel/net.ts";
import type { NetRoute } from "../protocol/requests.ts";

/**
 * How the face treats a tunnel to a host. A rule about requests wins over one about tunnels: what can be seen is seen. It is a
 * question of form and not an answer: each request, and each tunnel, is an action of its own afterwards.
 */
export function netRoute(grants: readonly Grant[], to: { readonly host: string; readonly port: number }): NetRoute {
  const allows = grants.flatMap((grant) => grant.allow);
  const speaks = (tool: string, facts: Facts): boolean =>
    allows.some((allow) => allow.what === `${NET_DRIVER}/${tool}` && fits(allow, facts));
  const seen = ["https", "http"].some((scheme) =>
    ["fetch", "send", "message", "inbox"].some((tool) => speaks(tool, { ...to, scheme })),
  );
  if (seen) return "terminate";
  return speaks("connect", to) ? "pass" : "none";
}

interface Facts {
  readonly host: string;
  readonly port: number;
  readonly scheme?: string;
}

/** Whether nothing that is known of a connection speaks against an allowance. */
function fits({ where }: Allow, facts: Facts): boolean {
  return Object.entries(facts).every(([field, value]) => {
    const condition = Object.hasOwn(where, field) ? where[field] : undefined;
    return condition === undefined || meets(value, condition);
  });
}
