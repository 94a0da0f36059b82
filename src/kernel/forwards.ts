import type { Allow } from "./grant.ts";
import { isNetHost, NET_DRIVER } from "./net.ts";

/** What an allowance of a forwarded port names. */
export const FORWARD: string = `${NET_DRIVER}/forward`;
/** Ports that one instance may have forwarded. */
export const MOST_FORWARDS = 8;
/** Ports of an agent's loopback interface that are the substrate's own: its proxy, its models, git. */
export const OWN_PORTS: readonly number[] = Object.freeze([3128, 3129, 3130]);

/**
 * A port of an agent's own loopback address that leads to one service: whoever connects to `inside` asks for host and port
 * (docs/decisions/forwards.md).
 */
export interface Forward {
  /** On 127.0.0.1 of the agent's own network; 1024 or more, since nothing inside may listen below. */
  readonly inside: number;
  /** `localhost` for this machine, or a full name. */
  readonly host: string;
  readonly port: number;
}

/** The forward that an allowance is, or null when it does not name one place and one port exactly. */
export function forwardOf({ what, where }: Allow): Forward | null {
  const named = Object.keys(where);
  if (what !== FORWARD || named.length !== 3) return null;
  const [inside, host, port] = ["inside", "host", "port"].map((field) => {
    const condition = Object.hasOwn(where, field) ? where[field] : undefined;
    return condition !== undefined && "equals" in condition ? condition.equals : undefined;
  });
  if (!isPort(inside, 1024) || !isPort(port, 1) || OWN_PORTS.includes(inside)) return null;
  return typeof host === "string" && isNetHost(host) ? { inside, host, port } : null;
}

function isPort(value: unknown, least: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= 65_535;
}

/**
 * The forwards among these allowances, each once, by their port inside. What is not exact, leads from one port to two places,
 * takes a port at which something published is to listen, or is one too many is refused with the reason.
 */
export function forwardsOf(
  allows: readonly Allow[],
  published: readonly number[],
): { readonly kind: "ok"; readonly forwards: readonly Forward[] } | { readonly kind: "refused"; readonly why: string } {
  const found = new Map<number, Forward>();
  for (const allow of allows) {
    if (allow.what !== FORWARD) continue;
    const forward = forwardOf(allow);
    if (forward === null) return refused("a forward names host, port and a free port inside exactly, and nothing else");
    const { inside, host, port } = forward;
    const other = found.get(inside) ?? forward;
    if (other.host !== host || other.port !== port) return refused(`port ${inside} inside is forwarded to two places`);
    if (published.includes(inside)) return refused(`port ${inside} inside is both published and forwarded`);
    found.set(inside, forward);
  }
  if (found.size > MOST_FORWARDS) return refused(`${found.size} ports are forwarded, and ${MOST_FORWARDS} may be`);
  return { kind: "ok", forwards: [...found.values()].toSorted((one, other) => one.inside - other.inside) };
}

function refused(why: string): { readonly kind: "refused"; readonly why: string } {
  return { kind: "refused", why };
}
