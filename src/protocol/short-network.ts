import { FORWARD, forwardOf } from "../kernel/forwards.ts";
import type { Allow, Condition } from "../kernel/grant.ts";
import { isNetHost, NET_DRIVER, netPath, SAFE_METHODS } from "../kernel/net.ts";
import { parseOrigin } from "../kernel/secrets.ts";
import { boolean, integer, list, nullable, object, refine, text, transform, type Decoder } from "./decode.ts";

/** One destination as people write it. */
export interface ShortDestination {
  /** `https://host`, `http://host`, with `:port` where it is not the scheme's own; `host:port` of what is forwarded. */
  readonly to: string;
  /** `METHOD /path` each: that path and below. `WEBSOCKET /path` for a connection that becomes one. */
  readonly allow: readonly string[];
  /** Whether TLS is passed through: then nobody sees what is asked for. */
  readonly pass: boolean;
  /** The port inside that leads there, as a plain connection of which nobody sees anything; null: none does. */
  readonly forward: number | null;
}

/** Word for a connection that becomes a WebSocket, in the place of a method. */
export const WEBSOCKET = "WEBSOCKET";
const METHODS = ["GET", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", WEBSOCKET] as const;

const to = text({ max: 300, pattern: /^[!-~]+$/, is: "an origin" });
const PLACE = /^([^:]+):([1-9][0-9]{0,4})$/;
const rule = refine(text({ max: 2048, pattern: /^[ -~]+$/, is: "METHOD /path" }), (written) =>
  ruleOf(written) === null ? `is not one of ${METHODS.join(", ")} and a path with one reading` : null,
);

const written: Decoder<ShortDestination> = object<ShortDestination>(
  { to, allow: list(rule, { max: 64 }), pass: boolean(), forward: nullable(integer({ min: 1024, max: 65_535 })) },
  { defaults: { allow: [], pass: false, forward: null } },
);

/** Reads the destinations of a short grant. */
export const NETWORK: Decoder<readonly ShortDestination[]> = list(
  transform(written, (destination, refusal) => {
    const { allow, pass, forward } = destination;
    if (forward !== null) {
      if (pass) return refusal.because("is not for what is forwarded").at("pass");
      if (allow.length > 0) return refusal.because("sees nothing of what is forwarded").at("allow");
      if (parsePlace(destination.to) === null) return refusal.because("is not a host name and a port").at("to");
      const free = forwardOf(forwardAllow(destination.to, forward)) !== null;
      return free ? destination : refusal.because("is a port of the substrate's own").at("forward");
    }
    if (parseOrigin(destination.to) === null) {
      const why = "is not http or https with a host name, and a port where it is not the usual one";
      return refusal.because(why).at("to");
    }
    if (pass && allow.length > 0) return refusal.because("sees nothing of what it passes through").at("allow");
    if (pass && destination.to.startsWith("http:")) return refusal.because("passes TLS through only").at("pass");
    if (!pass && allow.length === 0) return refusal.because("allows nothing: say what, or pass: true").at("allow");
    return destination;
  }),
  { max: 64 },
);

/** What a destination means in a grant. GET stands for HEAD too. */
export function networkAllows({ to: origin, allow, pass, forward }: ShortDestination): readonly Allow[] {
  if (forward !== null) return [forwardAllow(origin, forward)];
  const { scheme, host, port } = parseOrigin(origin) ?? unreadable(origin);
  const where = { host: { equals: host }, port: { equals: port } };
  if (pass) return [{ what: `${NET_DRIVER}/connect`, where }];
  return allow.map((each) => {
    const { method, path } = ruleOf(each) ?? unreadable(each);
    const asks = SAFE_METHODS.includes(method);
    const methods: Condition = asks
      ? { in: method === "GET" ? ["GET", "HEAD"] : [method] }
      : { equals: method === WEBSOCKET ? "GET" : method };
    return {
      what: `${NET_DRIVER}/${asks ? "fetch" : "send"}`,
      where: { scheme: { equals: scheme }, ...where, method: methods, path: { under: path } },
    };
  });
}

function forwardAllow(place: string, inside: number): Allow {
  const { host, port } = parsePlace(place) ?? unreadable(place);
  return { what: FORWARD, where: { host: { equals: host }, port: { equals: port }, inside: { equals: inside } } };
}

/** `host:port`: there is no scheme, since nobody looks at what is spoken. */
function parsePlace(place: string): { readonly host: string; readonly port: number } | null {
  const [, host = "", digits] = PLACE.exec(place) ?? [];
  const port = Number(digits);
  return isNetHost(host) && port <= 65_535 ? { host, port } : null;
}

function ruleOf(line: string): { readonly method: string; readonly path: string } | null {
  const [method = "", path = "", ...rest] = line.split(" ");
  const known = METHODS.some((each) => each === method);
  return rest.length === 0 && known && netPath(path) === path ? { method, path } : null;
}

function unreadable(words: string): never {
  throw new TypeError(`not decoded: ${words}`);
}
