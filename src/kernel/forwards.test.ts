import { describe, expect, test } from "vitest";
import { forwardOf, forwardsOf, MOST_FORWARDS } from "./forwards.ts";
import type { Allow } from "./grant.ts";
import { decodeGrant } from "./grant-decoder.ts";
import { decodeNetCall } from "./net.ts";

const allow = (where: Allow["where"]): Allow => ({ what: "net/forward", where });
const to = (inside: number, host = "localhost", port = 5432): Allow =>
  allow({ inside: { equals: inside }, host: { equals: host }, port: { equals: port } });

describe("one allowance", () => {
  test("is a forward when it names host, port and the port inside exactly", () => {
    expect(forwardOf(to(5432))).toEqual({ inside: 5432, host: "localhost", port: 5432 });
    expect(forwardOf(to(1024, "db.example.org", 1))).toEqual({ inside: 1024, host: "db.example.org", port: 1 });
  });

  test.each<[string, Allow]>([
    ["another tool", { ...to(5432), what: "net/connect" }],
    ["nothing", allow({})],
    ["no port", allow({ inside: { equals: 5432 }, host: { equals: "localhost" } })],
    ["several hosts", allow({ ...to(5432).where, host: { in: ["localhost", "db.example.org"] } })],
    ["any port up to one", allow({ ...to(5432).where, port: { max: 5432 } })],
    ["more than the three", allow({ ...to(5432).where, path: { equals: "/" } })],
    ["the proxy's own port", to(3128)],
    ["the models' own port", to(3129)],
    ["a port that nobody inside may listen on", to(1023)],
    ["a port that there is not", to(65_536)],
    ["a text for a port", allow({ ...to(5432).where, port: { equals: "5432" } })],
    ["a destination without a port", to(5432, "localhost", 0)],
    ["an address", to(5432, "127.0.0.1")],
    ["an address of the network", to(5432, "10.0.0.1")],
    ["a name with two readings", to(5432, "LOCALHOST")],
  ])("is none for %s", (_, each) => expect(forwardOf(each)).toBeNull());
});

describe("all of them", () => {
  test("count once each, in the order of their ports; what is no forward is left alone", () => {
    const plain: Allow = { what: "net/connect", where: {} };
    expect(forwardsOf([to(6379), plain, to(5432), to(6379)], [3000])).toMatchObject({
      kind: "ok",
      forwards: [{ inside: 5432 }, { inside: 6379 }],
    });
  });

  test("are refused when one port leads to two places, is published too, or is one too many", () => {
    expect(forwardsOf([to(5432), to(5432, "db.example.org")], [])).toMatchObject({ kind: "refused" });
    expect(forwardsOf([to(5432), to(5432, "localhost", 5433)], [])).toMatchObject({ kind: "refused" });
    expect(forwardsOf([to(5432)], [5432])).toMatchObject({ kind: "refused" });
    const many = Array.from({ length: MOST_FORWARDS + 1 }, (_, index) => to(5000 + index));
    expect(forwardsOf(many.slice(1), [])).toMatchObject({ kind: "ok" });
    expect(forwardsOf(many, [])).toMatchObject({ kind: "refused" });
    expect(forwardsOf([allow({})], [])).toMatchObject({ kind: "refused" });
  });
});

test("a grant with a forward that is none is not decoded, with and without the device declared", () => {
  const grant = (each: Allow): object => ({
    v: 1,
    id: "g",
    agents: ["a"],
    drivers: {},
    allow: [each],
    limits: { uses: 1, rate: null, bytes: null, notBefore: 0, expires: 1 },
    lease: true,
    sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
  });
  const decode = (each: Allow): string => decodeGrant(JSON.parse(JSON.stringify(grant(each)))).kind;
  expect(decode(to(5432))).toBe("ok");
  expect(decode(allow({}))).toBe("refused");
  expect(decode(allow({ host: { equals: "localhost" } }))).toBe("refused");
  expect(decode(to(3128))).toBe("refused");
});

test("a connection is asked for by host, port and port inside, and nothing else", () => {
  const call = { host: "localhost", port: 5432, inside: 5432 };
  expect(decodeNetCall("forward", call)).toEqual({ kind: "ok", value: { tool: "forward", ...call } });
  for (const bad of [{ host: "127.0.0.1" }, { port: 0 }, { inside: 80 }, { more: 1 }]) {
    expect(decodeNetCall("forward", { ...call, ...bad }).kind).toBe("refused");
  }
  expect(decodeNetCall("forward", { host: "localhost", port: 5432 }).kind).toBe("refused");
  expect(decodeNetCall("connect", call).kind).toBe("refused");
});
