import type { GatePort } from "../protocol/port-gate-table.ts";
import type { Visit } from "./visit.ts";

type Headers = readonly (readonly [name: string, value: string])[];

/** What is about one connection and not about the request (RFC 9110, 7.6.1). */
const HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
]);
/** By which programs behind a front believe who somebody is, or where they came from. Nobody says that for a visitor. */
const CLAIMS =
  /^(?:forwarded|via|x-real-ip|x-client-ip|true-client-ip|referer|x-forwarded-.*|x-original-.*|cf-.*|tailscale-.*)$/;

/** What a program inside may say about its answer; the rest could make a browser reach out, or admit other sites. */
const ANSWERS = new Set([
  "accept-ranges",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-range",
  "content-type",
  "date",
  "etag",
  "last-modified",
  "retry-after",
  "vary",
  "www-authenticate",
  "sec-websocket-accept",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
]);

/**
 * Headers of a request as the program inside gets them: a visit of its own address, as if nobody stood in between. The
 * host and origin that it sees were compared with the real ones before. The gate's own cookie stays outside.
 */
export function headersInside({ headers }: Visit, port: GatePort, cookieName: string): Headers {
  const authority = `127.0.0.1:${port.inside}`;
  return headers.flatMap(([name, value]): Headers => {
    if (HOP.has(name) || CLAIMS.test(name)) return [];
    if (name === "host") return [[name, authority]];
    if (name === "origin") return [[name, `http://${authority}`]];
    if (name !== "cookie") return [[name, value]];
    const rest = value.split(";").filter((pair) => !pair.trim().startsWith(`${cookieName}=`));
    return rest.length === 0 ? [] : [[name, rest.join(";").trim()]];
  });
}

/**
 * Headers of an answer as the visitor gets them, or null when it leads to another site. A page of a program inside may load
 * from and connect to its own port and nowhere else: the browser has a network that the program has not.
 */
export function headersOutside(
  headers: Headers,
  { port, origin }: { readonly port: GatePort; readonly origin: string },
): Headers | null {
  const kept: (readonly [string, string])[] = [];
  for (const [name, value] of headers) {
    if (ANSWERS.has(name)) kept.push([name, value]);
    else if (
      name === "set-cookie" &&
      !value.trimStart().toLowerCase().startsWith("aios-") &&
      !/;\s*domain/i.test(value)
    )
      kept.push([name, value]);
    else if (name === "location") {
      const at = locate(value, { port, origin });
      if (at === null) return null;
      kept.push([name, at]);
    } else if (name === "content-security-policy") {
      // Its reports would go wherever it says.
      for (const policy of value.split(",")) {
        const directives = policy.split(";").filter((directive) => !/^\s*report-/i.test(directive));
        kept.push([name, directives.join(";")]);
      }
    }
  }
  return [...kept, ["cache-control", keepFor(headers)], ...pageRules(origin)];
}

/**
 * How long a browser may show an answer without asking: never, whatever the program inside says. A page that it keeps would
 * be shown at the gate's address without a session, and when the agent is gone. Validators and 304 go on working.
 */
function keepFor(headers: Headers): string {
  const never = headers.some(
    ([name, value]) => name === "cache-control" && /(?:^|[\s,])no-store(?:$|[\s,])/i.test(value),
  );
  return never ? "no-store" : "no-cache";
}

/** The rules that every answer carries; of several policies a browser obeys all. */
export function pageRules(origin: string): Headers {
  const socket = origin.replace(/^http/, "ws");
  const policy = [
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'",
    `connect-src 'self' ${socket} data: blob:`,
    "frame-ancestors 'none'",
    "form-action 'self'",
    "base-uri 'self'",
    "object-src 'none'",
    "webrtc 'block'",
  ].join("; ");
  return [
    ["content-security-policy", policy],
    // A policy says nothing of speculation rules, preconnect, WebRTC and a page's own tab; this says it of every connection
    // (https://wicg.github.io/connection-allowlists/). Where a redirect leads was looked at before it is handed on.
    ["connection-allowlist", "(response-origin);redirects=allow;webrtc=block"],
    ["cross-origin-opener-policy", "same-origin"],
    ["cross-origin-resource-policy", "same-origin"],
    ["referrer-policy", "no-referrer"],
    ["x-content-type-options", "nosniff"],
    ["x-dns-prefetch-control", "off"],
    ["x-frame-options", "DENY"],
  ];
}

function locate(value: string, { port, origin }: { readonly port: GatePort; readonly origin: string }): string | null {
  if (/^\/(?![/\\])[\x21-\x7e]*$/.test(value) || /^[?#.A-Za-z0-9_-][^:\\]*$/.test(value)) return value;
  for (const own of [origin, `http://127.0.0.1:${port.inside}`, `http://localhost:${port.inside}`]) {
    if (value === own) return "/";
    if (value.startsWith(`${own}/`)) return locate(value.slice(own.length), { port, origin });
  }
  return null;
}
