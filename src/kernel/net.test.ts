import { describe, expect, test } from "vitest";
import { decodeNetCall, isNetHost, netPath, nameRequest } from "./net.ts";

const GET = {
  scheme: "https",
  host: "api.example.com",
  port: 443,
  method: "GET",
  path: "/repos/acme",
  target: "/repos/acme?page=2",
  headers: [["accept", "text/html"]],
};
const POST = { ...GET, method: "POST", body: { kind: "text", text: "hello" }, upgrade: false };

describe("the path that rules compare", () => {
  test.each([
    ["/", "/"],
    ["/repos/acme", "/repos/acme"],
    ["/simple/requests/", "/simple/requests"],
    ["/search?q=../../etc&x=//y", "/search"],
    ["/@types%2fnode", "/@types%2fnode"],
    ["/a%20b/c", "/a%20b/c"],
    ["/v1/models/x:generate", "/v1/models/x:generate"],
    ["/...", "/..."],
    ["/wiki/%D1%80%C3%9F%E2%80%93", "/wiki/%D1%80%C3%9F%E2%80%93"],
    ["/a/%E9t%E9", "/a/%E9t%E9"],
    ["/a/%20..x", "/a/%20..x"],
  ])("of %s is %s", (target, path) => {
    expect(netPath(target)).toBe(path);
  });

  test.each([
    "",
    "repos",
    "*",
    "//evil.example.com/x",
    "/a//b",
    "/a/../b",
    "/a/./b",
    "/a/..",
    "/a/%2e%2e/b",
    "/a/%2E./b",
    "/a/..%2fb",
    "/a/x%2f..%2f..%2fb",
    "/a/%252e%252e/b",
    "/a/%25252e%25252e/b",
    "/a/..;x/b",
    "/a/..;/b",
    "/a/..%5cb",
    "/a/..%20/b",
    "/a/..%2e",
    "/a/%2e%2e%20;x/b",
    "/a/..%20./b",
    "/a/%c0%ae%c0%ae/b",
    "/a/..%c0%afb",
    "/a/%e0%80%ae%e0%80%ae/b",
    "/a/%f0%80%80%ae./b",
    "/a\\..\\b",
    "/%72epos",
    "/a%00b",
    "/a%0d%0ab",
    "/a%",
    "/a%zz",
    "/a b",
    "/a#b",
    "/ä",
    "http://x/",
    `/${"a".repeat(9000)}`,
  ])("does not exist for %s", (target) => {
    expect(netPath(target)).toBeNull();
  });
});

describe("a host of the network device", () => {
  test("is a full name or this machine by name", () => {
    for (const host of ["example.com", "a.b.example.com", "xn--mnchen-3ya.de", "localhost"]) {
      expect(isNetHost(host)).toBe(true);
    }
  });

  test.each([
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "127.1",
    "[::1]",
    "::ffff:7f00:1",
    "[::ffff:7f00:1]",
    "１２７.0.0.1",
    "example.com.",
    "Example.com",
    "user@example.com",
    "example.com:443",
    "example.com%00.evil.com",
    "example.com\0.evil.com",
    "example。com",
    "localhost.localdomain.",
    "LOCALHOST",
    "intranet",
    "-a.example.com",
    "",
  ])("is not %s", (host) => {
    expect(isNetHost(host)).toBe(false);
  });
});

describe("a call of the network device", () => {
  test("that only asks is fetch", () => {
    expect(decodeNetCall("fetch", GET)).toMatchObject({ kind: "ok", value: { method: "GET", body: { kind: "none" } } });
    expect(decodeNetCall("fetch", { ...GET, method: "HEAD" }).kind).toBe("ok");
  });

  test("that may change something is send, and no other name for it passes", () => {
    expect(decodeNetCall("send", POST).kind).toBe("ok");
    expect(decodeNetCall("send", { ...POST, method: "GET" }).kind).toBe("ok");
    expect(decodeNetCall("send", { ...POST, method: "GET", body: { kind: "none" }, upgrade: true }).kind).toBe("ok");
    expect(decodeNetCall("send", { ...POST, body: { kind: "stream", length: null } }).kind).toBe("ok");
    expect(decodeNetCall("fetch", { ...GET, method: "POST" }).kind).toBe("refused");
    expect(decodeNetCall("fetch", POST).kind).toBe("refused");
    expect(decodeNetCall("send", { ...POST, method: "GET", body: { kind: "none" } }).kind).toBe("refused");
    expect(decodeNetCall("send", { ...POST, upgrade: true }).kind).toBe("refused");
  });

  test("that is a tunnel says host and port and nothing else", () => {
    expect(decodeNetCall("connect", { host: "example.com", port: 443 }).kind).toBe("ok");
    expect(decodeNetCall("connect", { host: "example.com", port: 443, method: "GET" }).kind).toBe("refused");
    expect(decodeNetCall("connect", { host: "example.com", port: 0 }).kind).toBe("refused");
  });

  test.each([
    ["a path that is not the target's", { ...GET, path: "/repos/other" }],
    ["no path", Object.fromEntries(Object.entries(GET).filter(([key]) => key !== "path"))],
    ["a literal host", { ...GET, host: "127.0.0.1" }],
    ["a port as text", { ...GET, port: "443" }],
    ["another scheme", { ...GET, scheme: "ftp" }],
    ["a lower-case method", { ...GET, method: "get" }],
    ["CONNECT as a method", { ...GET, method: "CONNECT" }],
    ["TRACE", { ...GET, method: "TRACE" }],
    ["a host among its headers", { ...GET, headers: [["host", "other.example.com"]] }],
    ["a length among its headers", { ...GET, headers: [["content-length", "5"]] }],
    ["a method among its headers", { ...GET, headers: [["x-http-method-override", "DELETE"]] }],
    ["another host among its headers", { ...GET, headers: [["x-forwarded-host", "other.example.com"]] }],
    ["a path among its headers", { ...GET, headers: [["x-original-url", "/admin"]] }],
    ["the same as gateways may spell it", { ...GET, headers: [["x_original_url", "/admin"]] }],
    ["a method as gateways may spell it", { ...GET, headers: [["x_http-method_override", "DELETE"]] }],
    ["a length as gateways may spell it", { ...GET, headers: [["content_length", "1"]] }],
    ["a prefix among its headers", { ...GET, headers: [["x-forwarded-prefix", "/admin"]] }],
    ["where WebDAV is to write", { ...GET, method: "MOVE", headers: [["destination", "/admin"]] }],
    ["a header with a line break", { ...GET, headers: [["a", "b\r\nhost: c"]] }],
    ["a header's name in capitals", { ...GET, headers: [["Accept", "x"]] }],
    ["a header of three", { ...GET, headers: [["a", "b", "c"]] }],
    ["a field that nobody knows", { ...GET, approved: true }],
  ])("with %s is refused", (_, args) => {
    expect(decodeNetCall("fetch", args as typeof GET).kind).toBe("refused");
  });

  test("that would have a server take another method is told to ask for that one", () => {
    const asked = decodeNetCall("fetch", { ...GET, headers: [["x-http-method-override", "DELETE"]] });
    expect(asked.kind === "refused" && asked.message).toContain(
      '"x-http-method-override" would have servers take another method, host or path than this; ask for that one itself',
    );
  });

  test("of another name is refused", () => {
    expect(decodeNetCall("resolve", GET).kind).toBe("refused");
  });
});

describe("a request in a line", () => {
  test.each([
    [{ method: "POST", scheme: "https", host: "api.test", port: 443, path: "/v1" }, "POST https://api.test/v1"],
    [{ method: "GET", scheme: "http", host: "localhost", port: 8080, path: "/" }, "GET http://localhost:8080/"],
    [{ host: "db.test", port: 5432 }, "db.test:5432"],
    [{ method: 1, host: ["x"], path: "/\u001b[2J\u202e" }, "/?[2J?"],
    [{}, ""],
  ])("says what is asked of whom, whatever it is", (asked, said) => {
    expect(nameRequest(asked)).toBe(said);
  });

  test("is bounded", () => {
    expect(nameRequest({ path: "x".repeat(100_000) })).toHaveLength(256);
  });
});
