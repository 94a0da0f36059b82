import type { IncomingMessage } from "node:http";

/** Where a request goes. */
export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

/** What stands in a request of an agent, as far as a proxy must know it before it is decided. */
export interface ProxyHead {
  /** Lower-case names, without those that belong to one connection. */
  readonly headers: readonly (readonly [string, string])[];
  /** Length of the body: null when it comes in chunks of unknown number. */
  readonly length: number | null;
}

/** What cannot be read in one way is refused with a status and a reason. */
export class HeadFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Of one connection (RFC 9110 section 7.6.1), or made anew from what was decided. */
const HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authorization",
  "proxy-authenticate",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "host",
  "content-length",
  "expect",
]);
/** What clients send with an offer of another protocol, and name in `Connection`: it goes with the offer, unanswered. */
const UPGRADES: ReadonlySet<string> = new Set(["http2-settings"]);

/**
 * Reads `host`, `host:port`. The host is any printable ASCII here, in the spelling that was sent: whether it is one is
 * decided by the kernel's strict parser, so that what is not shows in the log.
 */
export function readAuthority(text: string, usual: number | null): ProxyTarget {
  const [, host, digits] = /^([\x21-\x7e]*?)(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  if (host === undefined || host === "" || host.length > 253) throw new HeadFault(400, "The host cannot be read");
  if (digits === undefined && usual === null) throw new HeadFault(400, "There is no port");
  const port = digits === undefined ? (usual ?? 0) : Number(digits);
  if (port < 1 || port > 65_535 || (digits !== undefined && String(port) !== digits)) {
    throw new HeadFault(400, "The port cannot be read");
  }
  return { host, port };
}

/** Reads `http://authority/path`, which is all that a proxy without TLS is asked for (RFC 9112 section 3.2.2). */
export function readAbsolute(url: string): ProxyTarget & { readonly authority: string; readonly target: string } {
  const [, authority, target] = /^http:\/\/([\x21-\x7e]*?)([/?][\x21-\x7e]*)?$/.exec(url) ?? [];
  if (authority === undefined || /[/?#\\]/.test(authority)) throw new HeadFault(400, "Not an http address");
  const rest = target ?? "/";
  return { ...readAuthority(authority, 80), authority, target: rest.startsWith("?") ? `/${rest}` : rest };
}

/**
 * Reads the head of a request to a target that is known. There must be one `Host`, and it must name that target: a second
 * name is how one host is asked for under the rules of another. Only a CONNECT of HTTP/1.0 may have none.
 */
export function readProxyHead(
  request: IncomingMessage,
  to: ProxyTarget & { readonly scheme: "http" | "https" },
): ProxyHead {
  const pairs: (readonly [string, string])[] = [];
  const { rawHeaders } = request;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    pairs.push([(rawHeaders[at] ?? "").toLowerCase(), rawHeaders[at + 1] ?? ""]);
  }
  const all = (name: string): readonly string[] => pairs.filter(([each]) => each === name).map(([, value]) => value);
  const hosts = all("host");
  const [host = ""] = hosts;
  // HTTP/1.0 knows no Host, and Python before 3.12 asks for its tunnels so: where one leads is said before, and once.
  const isOldTunnel = request.method === "CONNECT" && request.httpVersion === "1.0" && hosts.length === 0;
  if (!isOldTunnel && (hosts.length !== 1 || !namesSame(host, to))) {
    throw new HeadFault(400, "The Host header is not the host that was asked for");
  }
  const lengths = all("content-length");
  const encodings = all("transfer-encoding");
  // Node's parser refuses these too; what frames a message is looked at twice.
  if (lengths.length + encodings.length > 1 || encodings.some((encoding) => encoding.toLowerCase() !== "chunked")) {
    throw new HeadFault(400, "The length of the body is said in more than one way");
  }
  const [digits] = lengths;
  if (digits !== undefined && !/^(?:0|[1-9][0-9]{0,15})$/.test(digits)) {
    throw new HeadFault(400, "The length of the body cannot be read");
  }
  const own = new Set(
    all("connection")
      .flatMap((value) => value.split(","))
      .map((name) => name.trim().toLowerCase()),
  );
  // A header that is taken away is one that the request was written to have, a secret's placeholder for one: a client that
  // names it here would have its request sent without, and not know.
  const lost = pairs.find(([name]) => own.has(name) && !HOP.has(name) && !UPGRADES.has(name));
  if (lost !== undefined) throw new HeadFault(400, `The Connection header takes away "${lost[0]}"`);
  return {
    headers: pairs.filter(([name]) => !HOP.has(name) && !own.has(name)),
    length: digits === undefined ? (encodings.length > 0 ? null : 0) : Number(digits),
  };
}

function namesSame(host: string, { scheme, host: wanted, port }: ProxyTarget & { readonly scheme: string }): boolean {
  const usual = scheme === "https" ? 443 : 80;
  return host === `${wanted}:${port}` || (port === usual && host === wanted);
}

/** Whether a request asks for a WebSocket and for nothing else (RFC 6455 section 4.1). */
export function asksForWebSocket(request: IncomingMessage): boolean {
  return request.method === "GET" && request.headers.upgrade?.toLowerCase() === "websocket";
}

/** A response's headers for the client, less those that belong to the other connection. Flat: name, value, name, value. */
export function clientHeaders(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const [name = "", value = ""] = headers.slice(at, at + 2);
    const lower = name.toLowerCase();
    if (lower === "content-length" || !HOP.has(lower)) kept.push(name, value);
  }
  return kept;
}
