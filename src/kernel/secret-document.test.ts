import { describe, expect, test } from "vitest";
import { decodeSecret, parseEndpoint, reachesEndpoint } from "./secret-document.ts";

const LOGIN = { endpoint: "https://login.example.org/token", client: "a-client", scopes: ["chat"], format: "form" };
const SET = { secret: "bank", kind: "oauth", commitment: `sha256:${"0".repeat(64)}`, login: LOGIN };

test("a login is signed with where and as whom its tokens are renewed", () => {
  expect(decodeSecret(SET)).toEqual({ kind: "ok", value: SET });
});

test.each<[string, object]>([
  ["no terms", { login: null }],
  ["a kind of its own", { kind: "token" }],
  ["terms of a value", { kind: "value" }],
  ["tokens", { login: { ...LOGIN, refresh: "ort-12345678" } }],
  ["another machine in clear", { login: { ...LOGIN, endpoint: "http://login.example.org/token" } }],
  ["an address", { login: { ...LOGIN, endpoint: "https://127.0.0.1/token" } }],
  ["a user", { login: { ...LOGIN, endpoint: "https://me@login.example.org/token" } }],
  ["a query", { login: { ...LOGIN, endpoint: "https://login.example.org/token?to=x" } }],
  ["a path with two readings", { login: { ...LOGIN, endpoint: "https://login.example.org/a/../token" } }],
  ["no path", { login: { ...LOGIN, endpoint: "https://login.example.org" } }],
  ["an unusual spelling of the port", { login: { ...LOGIN, endpoint: "https://login.example.org:443/token" } }],
  ["a scope twice", { login: { ...LOGIN, scopes: ["a", "a"] } }],
  ["a scope with a space", { login: { ...LOGIN, scopes: ["a b"] } }],
  ["no client", { login: { ...LOGIN, client: "" } }],
  ["another format", { login: { ...LOGIN, format: "xml" } }],
])("is refused with %s", (_, change) => {
  expect(decodeSecret({ ...SET, ...change }).kind).toBe("refused");
});

describe("a binding of a login", () => {
  test.each([
    ["https://login.example.org", "/", true],
    ["https://login.example.org", "/token", true],
    ["https://login.example.org", "/token/more", false],
    ["https://login.example.org", "/v1", false],
    ["https://login.example.org:8443", "/", false],
    ["https://api.example.org", "/", false],
  ])("to %s%s reaches its endpoint: %s", (to, path, reaches) => {
    expect(reachesEndpoint({ to, path }, { ...LOGIN, format: "form" })).toBe(reaches);
  });

  test.each([
    ["/to", true],
    ["/token", true],
    ["/bot", false],
  ])("that stands in the path behind %s reaches its endpoint: %s", (begin, reaches) => {
    const binding = { to: "https://login.example.org", after: ["/file", begin] };
    expect(reachesEndpoint(binding, { ...LOGIN, format: "form" })).toBe(reaches);
  });

  test("is taken for one that does when either cannot be read", () => {
    expect(reachesEndpoint({ to: "nowhere", path: "/v1" }, { ...LOGIN, format: "form" })).toBe(true);
    expect(parseEndpoint("https://login.example.org/token")).toEqual({
      origin: { scheme: "https", host: "login.example.org", port: 443 },
      path: "/token",
    });
  });
});
