import type { JsonObject } from "../kernel/json.ts";
import type { Forward } from "../kernel/forwards.ts";
import { NET_DRIVER, netPath } from "../kernel/net.ts";
import type { FaceEvents, NetRoute } from "../protocol/requests.ts";
import { readHello, type Hello } from "./client-hello.ts";
import { escapeName } from "./names.ts";
import type { MonitorLink } from "./monitor-link.ts";

/** Requests of an agent that may be open at a time. */
const OPEN_REQUESTS = 256;
/** Places that were granted last time: so many are remembered. */
const PLACES = 64;
/** Tokens of calls over MCP count from one; these begin where those never come. */
const FIRST_TOKEN = 2 ** 32;

/** What an agent's program is told when its request did not go out. */
export interface Problem {
  readonly stage: string;
  readonly code: string;
  readonly message: string;
  readonly proposal: object | null;
}

/** Whether a request may go out: under a ticket, or not. */
export type Verdict =
  | { readonly kind: "granted"; readonly ticket: string; readonly via: number }
  | { readonly kind: "stopped"; readonly problem: Problem };

/** A request as the proxy read it. */
export interface EgressRequest {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: EgressBody;
  readonly upgrade: boolean;
}
export type EgressBody =
  | { readonly kind: "none" }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "base64"; readonly base64: string }
  | { readonly kind: "stream"; readonly length: number | null };

/** A proposal under way. */
export interface Asked {
  /**
   * The number under which a stream to the broker may wait for it from now on; null: none. That it goes out shows on that stream, as
   * the head of the answer. The verdict is then why it did not; or it comes with the end, which is told as one that stopped.
   */
  readonly stream: number | null;
  readonly verdict: Promise<Verdict>;
  /** Resolves when it is over and recorded, however it ended. */
  readonly ended: Promise<void>;
  /** Takes it back; does nothing once it is over. */
  withdraw(): void;
}

/** The agent's requests to the network, as actions. It decides nothing: what has more than one reading the kernel denies. */
export interface Egress {
  /** Proposes a call of a built-in device. */
  ask(driver: "net" | "infer" | "git-ssh", name: string, args: JsonObject): Asked;
  request(request: EgressRequest): Asked;
  connect(host: string, port: number): Asked;
  /** Proposes a connection of a forwarded port. */
  forward(to: Forward): Asked;
  route(host: string, port: number): Promise<NetRoute>;
  readHello(bytes: Uint8Array): Hello;
  /**
   * What was refused before it could be asked for, and the hosts that it named. Resolves when it is on record, and never
   * rejects; whoever asked is answered after it, since an agent that has its answer may end, and its face with it.
   */
  refused(what: string, hosts: readonly string[]): Promise<void>;
  /** The monitor's word that an action may go on. */
  onGranted(event: FaceEvents["granted"]): void;
}

/** Makes the egress of one face over its link to the monitor. */
export function createEgress(link: Pick<MonitorLink, "propose" | "cancel" | "route" | "refused">): Egress {
  const open = new Map<number, (verdict: Verdict) => void>();
  /** Where the broker carried the last request to: it is there, and nobody was asked. */
  const places = new Set<string>();
  let lastToken = FIRST_TOKEN;

  function note(place: string, carried: boolean): void {
    places.delete(place);
    if (carried) places.add(place);
    const [oldest] = places;
    if (places.size > PLACES && oldest !== undefined) places.delete(oldest);
  }

  /** `place`: what decides whether a stream may wait for it; null: none may. */
  function ask(
    driver: "net" | "infer" | "git-ssh",
    name: string,
    args: JsonObject,
    place: string | null = null,
  ): Asked {
    if (open.size >= OPEN_REQUESTS) {
      const problem = problemOf("too-many-open", `Cannot open the request: ${OPEN_REQUESTS} are open`);
      return {
        stream: null,
        verdict: Promise.resolve({ kind: "stopped", problem }),
        ended: Promise.resolve(),
        withdraw: () => {},
      };
    }
    lastToken += 1;
    const token = lastToken;
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    const waits = place !== null && places.has(place);
    open.set(token, (verdict) => {
      if (place !== null && verdict.kind === "granted") note(place, verdict.via === 0);
      resolve(verdict);
    });
    const ended = link
      .propose({ verb: "call", driver, name, arguments: args }, token, waits)
      .then(
        (outcome) => {
          // After a grant, or on a stream that waited, this is the end of the exchange, which its bytes have told already.
          if (outcome.kind === "done") return problemOf("driver-failed", "The request ended before it went out");
          if (waits) note(place, false);
          const { stage, code, message, proposal } = outcome;
          return { stage, code, message, proposal };
        },
        () => problemOf("driver-unavailable", "The monitor is gone"),
      )
      .then((problem) => {
        open.delete(token);
        resolve({ kind: "stopped", problem });
      });
    return {
      stream: waits ? token : null,
      verdict: promise,
      ended,
      withdraw: () => {
        if (open.has(token)) link.cancel(token);
      },
    };
  }

  return Object.freeze({
    ask,
    request: (request: EgressRequest) => {
      const { scheme, host, port, method, target, headers, body, upgrade } = request;
      // A target without one reading has no path; it goes on as it is, and is denied for it.
      const path = netPath(target) ?? target;
      const common = {
        scheme,
        host,
        port,
        method,
        path,
        target,
        headers: headers.map(([name, value]) => [name, value]),
      };
      const asks = method === "GET" || method === "HEAD" || method === "OPTIONS";
      const place = `${method} ${scheme} ${host} ${port}`;
      if (asks && body.kind === "none" && !upgrade) return ask(NET_DRIVER, "fetch", common, place);
      // The bytes of a body wait for a ticket: what is denied may be longer than anybody keeps.
      const whole = body.kind !== "stream" && !upgrade;
      return ask(NET_DRIVER, "send", { ...common, body: { ...body }, upgrade }, whole ? place : null);
    },
    connect: (host: string, port: number) => ask(NET_DRIVER, "connect", { host, port }),
    forward: ({ host, port, inside }: Forward) => ask(NET_DRIVER, "forward", { host, port, inside }),
    route: (host: string, port: number) => link.route(host, port),
    readHello,
    refused: (what: string, hosts: readonly string[]) =>
      link.refused(
        escapeName(what).slice(0, 256),
        hosts.map((host) => escapeName(host).slice(0, 256)).filter((host) => host !== ""),
      ),
    onGranted: ({ token, ticket, via }: FaceEvents["granted"]) => open.get(token)?.({ kind: "granted", ticket, via }),
  });
}

function problemOf(code: string, message: string): Problem {
  return { stage: "execute", code, message, proposal: null };
}
