import type { Allow, Condition } from "../kernel/grant.ts";
import { NET_DRIVER, netPath, SAFE_METHODS } from "../kernel/net.ts";
import { parseOrigin } from "../kernel/secrets.ts";
import { boolean, list, object, refine, text, transform, type Decoder } from "./decode.ts";

/** One destination as people write it. */
export interface ShortDestination {
  /** `https://host`, `http://host`, with `:port` where it is not the scheme's own. */
  readonly to: string;
  /** `METHOD /path` each: that path and below. `WEBSOCKET /path` for a connection that becomes one. */
  readonly allow: readonly string[];
  /** Whether TLS is passed through: then nobody sees what is asked for. */
  readonly pass: boolean;
}

/** Word for a connection that becomes a WebSocket, in the place of a method. */
export const WEBSOCKET = "WEBSOCKET";
const METHODS = ["GET", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", WEBSOCKET] as const;

const to = refine(text({ max: 300, pattern: /^[!-~]+$/, is: "an origin" }), (origin) =>
  parseOrigin(origin) === null
    ? "is not http or https with a host name, and a port where it is not the usual one"
    : null,
);
const rule = refine(text({ max: 2048, pattern: /^[ -~]+$/, is: "METHOD /path" }), (written) =>
  ruleOf(written) === null ? `is not one of ${METHODS.join(", ")} and a path with one reading` : null,
);

const written: Decoder<ShortDestination> = object<ShortDestination>(
  { to, allow: list(rule, { max: 64 }), pass: boolean() },
  { defaults: { allow: [], pass: false } },
);

/** Reads the destinations of a short grant. */
export const NETWORK: Decoder<readonly ShortDestination[]> = list(
  transform(written, (destination, refusal) => {
    const { allow, pass } = destination;
    if (pass && allow.length > 0) return refusal.because("sees nothing of what it passes through").at("allow");
    if (pass && destination.to.startsWith("http:")) return refusal.because("passes TLS through only").at("pass");
    if (!pass && allow.length === 0) return refusal.because("allows nothing: say what, or pass: true").at("allow");
    return destination;
  }),
  { max: 64 },
);

/** What a destination means in a grant. GET stands for HEAD too. */
export function networkAllows({ to: origin, allow, pass }: ShortDestination): readonly Allow[] {
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

function ruleOf(line: string): { readonly method: string; readonly path: string } | null {
  const [method = "", path = "", ...rest] = line.split(" ");
  const known = METHODS.some((each) => each === method);
  return rest.length === 0 && known && netPath(path) === path ? { method, path } : null;
}

function unreadable(words: string): never {
  throw new TypeError(`not decoded: ${words}`);
}
