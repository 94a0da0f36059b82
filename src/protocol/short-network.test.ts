import { expect, test } from "vitest";
import { decode } from "./decode.ts";
import { NETWORK, networkAllows } from "./short-network.ts";

test("a destination becomes conditions on scheme, host, port, method and path", () => {
  const read = decode(NETWORK, [
    { to: "https://api.github.com", allow: ["GET /repos/acme", "POST /repos/acme/x/issues", "WEBSOCKET /live"] },
    { to: "http://localhost:5173", allow: ["GET /"] },
    { to: "https://files.example.org", pass: true },
    { to: "localhost:5432", forward: 15_432 },
  ]);
  if (read.kind === "refused") throw new Error(read.message);
  const host = { host: { equals: "api.github.com" }, port: { equals: 443 } };
  const https = { scheme: { equals: "https" }, ...host };
  expect(read.value.flatMap(networkAllows)).toEqual([
    { what: "net/fetch", where: { ...https, method: { in: ["GET", "HEAD"] }, path: { under: "/repos/acme" } } },
    { what: "net/send", where: { ...https, method: { equals: "POST" }, path: { under: "/repos/acme/x/issues" } } },
    { what: "net/send", where: { ...https, method: { equals: "GET" }, path: { under: "/live" } } },
    {
      what: "net/fetch",
      where: {
        scheme: { equals: "http" },
        host: { equals: "localhost" },
        port: { equals: 5173 },
        method: { in: ["GET", "HEAD"] },
        path: { under: "/" },
      },
    },
    { what: "net/connect", where: { host: { equals: "files.example.org" }, port: { equals: 443 } } },
    {
      what: "net/forward",
      where: { host: { equals: "localhost" }, port: { equals: 5432 }, inside: { equals: 15_432 } },
    },
  ]);
});

test.each([
  ["nothing allowed", { to: "https://example.org" }],
  ["rules for what is passed through", { to: "https://example.org", pass: true, allow: ["GET /"] }],
  ["plain text passed through", { to: "http://example.org", pass: true }],
  ["an address", { to: "https://10.0.0.1", allow: ["GET /"] }],
  ["a path in the origin", { to: "https://example.org/", allow: ["GET /"] }],
  ["the usual port written", { to: "https://example.org:443", allow: ["GET /"] }],
  ["a user in the origin", { to: "https://me@example.org", allow: ["GET /"] }],
  ["a path with two readings", { to: "https://example.org", allow: ["GET /a/../b"] }],
  ["a slash at the end of a path", { to: "https://example.org", allow: ["GET /a/"] }],
  ["a query in a rule", { to: "https://example.org", allow: ["GET /a?b"] }],
  ["a method that nobody knows", { to: "https://example.org", allow: ["BREW /"] }],
  ["a forward of an origin", { to: "http://localhost:5432", forward: 5432 }],
  ["a forward without a port", { to: "localhost", forward: 5432 }],
  ["a forward to an address", { to: "127.0.0.1:5432", forward: 5432 }],
  ["a forward to a port that there is not", { to: "localhost:70000", forward: 5432 }],
  ["a forward with rules", { to: "localhost:5432", forward: 5432, allow: ["GET /"] }],
  ["a forward that is passed through", { to: "localhost:5432", forward: 5432, pass: true }],
  ["a forward from the proxy's port", { to: "localhost:5432", forward: 3128 }],
  ["a forward from a low port", { to: "localhost:5432", forward: 80 }],
  ["a place without a forward", { to: "localhost:5432", allow: ["GET /"] }],
  ["a method alone", { to: "https://example.org", allow: ["GET"] }],
])("%s is refused", (_, destination) => {
  expect(decode(NETWORK, [destination]).kind).toBe("refused");
});
