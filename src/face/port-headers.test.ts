import { describe, expect, test } from "vitest";
import type { GatePort } from "../protocol/port-gate-table.ts";
import { headersInside, headersOutside } from "./port-headers.ts";

const port: GatePort = {
  name: "web",
  agent: "a",
  host: "web.a.localhost",
  inside: 80,
  outside: 8080,
  listeners: 1,
  keys: [],
};
const origin = "http://web.a.localhost:8080";
type Headers = readonly (readonly [string, string])[];

function inside(headers: Headers): Headers {
  return headersInside({ method: "GET", target: "/", headers, upgrade: false }, port, "aios-web");
}
function outside(...headers: Headers): Headers | null {
  const all = headersOutside(headers, { port, origin });
  // What is added to every answer is the same without any.
  const added = headersOutside([], { port, origin })?.length ?? 0;
  return all === null ? null : all.slice(0, all.length - added);
}

describe("a request as the program inside gets it", () => {
  test("is one of its own address, without the session and without claims of where it came from", () => {
    const headers: Headers = [
      ["host", "web.a.localhost:8080"],
      ["origin", origin],
      ["cookie", "one=1; aios-web=secret; two=2"],
      ["x-forwarded-for", "10.0.0.1"],
      ["x-forwarded-user", "admin"],
      ["forwarded", "for=10.0.0.1"],
      ["tailscale-user-login", "admin"],
      ["connection", "keep-alive"],
      ["accept", "*/*"],
    ];
    expect(inside(headers)).toEqual([
      ["host", "127.0.0.1:80"],
      ["origin", "http://127.0.0.1:80"],
      ["cookie", "one=1; two=2"],
      ["accept", "*/*"],
    ]);
    expect(inside([["cookie", "aios-web=secret"]])).toEqual([]);
  });
});

describe("an answer as the visitor gets it", () => {
  test("keeps what describes it and nothing that makes a browser reach out or admits others", () => {
    const kept: Headers = [
      ["content-type", "text/html"],
      ["etag", '"1"'],
      ["set-cookie", "theirs=1; Path=/"],
    ];
    const dropped: Headers = [
      ["access-control-allow-origin", "*"],
      ["link", "<https://evil.example/>; rel=preconnect"],
      ["refresh", "0; url=https://evil.example/"],
      ["report-to", "{}"],
      ["nel", "{}"],
      ["alt-svc", 'h2="evil.example:443"'],
      ["set-cookie", "aios-web=planted"],
      ["set-cookie", "wide=1; Domain=localhost"],
      ["service-worker-allowed", "/"],
      ["speculation-rules", '"/rules.json"'],
      ["connection-allowlist", '("*://*")'],
      ["cache-control", "public, max-age=31536000, immutable"],
      ["expires", "Fri, 31 Dec 2100 00:00:00 GMT"],
      ["pragma", "cache"],
      ["age", "0"],
    ];
    expect(outside(...kept, ...dropped)).toEqual(kept);
  });

  test("says of every answer once where its page may connect to, whatever the program inside says of it", () => {
    const all = headersOutside([["connection-allowlist", '("*://*")']], { port, origin }) ?? [];
    expect(all.filter(([name]) => name === "connection-allowlist")).toEqual([
      ["connection-allowlist", "(response-origin);redirects=allow;webrtc=block"],
    ]);
  });

  test.each([
    ["public, max-age=31536000, immutable", "no-cache"],
    ["max-age=60, stale-while-revalidate=86400", "no-cache"],
    ["private, No-Store", "no-store"],
    ["x-no-store-x", "no-cache"],
  ])("is kept by no browser without asking, though it says %j", (said, as) => {
    const all = headersOutside([["cache-control", said]], { port, origin }) ?? [];
    expect(all.filter(([name]) => name === "cache-control")).toEqual([["cache-control", as]]);
  });

  test("keeps its own policy but for its reports", () => {
    expect(
      outside(["content-security-policy", "script-src 'self'; report-uri https://evil.example/; Report-To x"]),
    ).toEqual([["content-security-policy", "script-src 'self'"]]);
  });

  test.each([
    ["/path?q", "/path?q"],
    ["path", "path"],
    [`${origin}/x`, "/x"],
    ["http://127.0.0.1:80/x", "/x"],
    ["http://localhost:80", "/"],
  ])("leads to %s as %s", (location, as) => {
    expect(outside(["location", location])).toEqual([["location", as]]);
  });

  test.each([
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "http://127.0.0.1:8000/",
    "javascript:alert(1)",
    `${origin}.evil.example/`,
    `${origin}//evil.example/`,
    "",
  ])("is not handed on when it leads to %j", (location) => {
    expect(outside(["location", location])).toBeNull();
  });
});
