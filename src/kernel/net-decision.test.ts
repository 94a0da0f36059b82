import { describe, expect, test } from "vitest";
import type { Action } from "./action.ts";
import type { Allow, Grant } from "./grant.ts";
import { decideAction } from "./decision.ts";
import { NET_TOOLS, type NetTool } from "./net.ts";
import { action, decisionInput, grant, subject, TAINTED } from "../../test/fakes/kernel.ts";

const REQUEST = {
  scheme: "https",
  host: "api.example.com",
  port: 443,
  method: "GET",
  path: "/repos/acme",
  target: "/repos/acme",
  headers: [],
};
const POST = { ...REQUEST, method: "POST", body: { kind: "text", text: "hello" }, upgrade: false };
const STREAMED = { ...POST, body: { kind: "stream", length: 5_000_000 } };
const HOST = { host: { equals: "api.example.com" }, port: { equals: 443 } };
const UNDER = { scheme: { equals: "https" }, ...HOST, path: { under: "/repos/acme" } };
const FETCH: Allow = { what: "net/fetch", where: { ...UNDER, method: { in: ["GET", "HEAD"] } } };
const SEND: Allow = { what: "net/send", where: { ...UNDER, method: { equals: "POST" } } };

function decide(
  name: NetTool,
  args: Action["arguments"],
  options: { readonly grants: readonly Grant[]; readonly labels?: typeof TAINTED },
): ReturnType<typeof decideAction> {
  return decideAction(
    decisionInput({
      action: action({ driver: "net", name, arguments: args }),
      tool: NET_TOOLS[name],
      grants: options.grants,
      chain: [subject({ labels: options.labels ?? [] })],
    }),
  );
}

const plain = (allow: Allow): Grant => grant({ allow: [allow] });
const lease = (allow: Allow): Grant => grant({ id: "g-lease", allow: [allow], lease: true, limits: { uses: 3 } });

describe("a request of the network", () => {
  test("that asks a granted host runs without a human, until words from outside and private data were both read", () => {
    expect(decide("fetch", REQUEST, { grants: [plain(FETCH)] })).toMatchObject({ kind: "granted", risk: "reach" });
    expect(decide("fetch", REQUEST, { grants: [plain(FETCH)], labels: TAINTED })).toMatchObject({
      kind: "held",
      reasons: ["untrusted-and-private"],
    });
    expect(decide("fetch", REQUEST, { grants: [lease(FETCH)], labels: TAINTED })).toMatchObject({ lease: "g-lease" });
  });

  test("that changes something needs a human or a lease", () => {
    expect(decide("send", POST, { grants: [plain(SEND)] })).toMatchObject({ kind: "held", reasons: ["reserved"] });
    expect(decide("send", POST, { grants: [lease(SEND)] })).toMatchObject({ kind: "granted", lease: "g-lease" });
  });

  test("whose body is not part of it is never put before a human, and runs under a lease", () => {
    expect(decide("send", STREAMED, { grants: [plain(SEND)] })).toMatchObject({ kind: "denied", code: "too-large" });
    expect(decide("send", STREAMED, { grants: [lease(SEND)] })).toMatchObject({ kind: "granted" });
  });

  test.each([
    ["another path", { ...REQUEST, path: "/repos/other", target: "/repos/other" }],
    ["a path that only begins alike", { ...REQUEST, path: "/repos/acme2", target: "/repos/acme2" }],
    ["another port", { ...REQUEST, port: 8443 }],
    ["another host", { ...REQUEST, host: "evil.example.com" }],
    ["another scheme", { ...REQUEST, scheme: "http" }],
    ["another method", { ...REQUEST, method: "OPTIONS" }],
  ])("for %s is denied, with the smallest grant that would allow it", (_, args) => {
    expect(decide("fetch", args, { grants: [plain(FETCH)] })).toMatchObject({
      kind: "denied",
      code: "no-grant",
      proposal: {
        lease: false,
        allow: [
          {
            what: "net/fetch",
            where: { host: { equals: args.host }, method: { equals: args.method }, path: { equals: args.path } },
          },
        ],
      },
    });
  });

  test("with more than one reading is denied whatever is granted", () => {
    const everything: Grant[] = [plain({ what: "net/fetch", where: {} })];
    for (const args of [
      { ...REQUEST, target: "/repos/acme/../other" },
      { ...REQUEST, host: "2130706433" },
      { ...REQUEST, host: "API.example.com" },
    ]) {
      expect(decide("fetch", args, { grants: everything })).toMatchObject({ kind: "denied", code: "not-canonical" });
    }
  });

  test("for a metadata service ends the instance, however it is spelled", () => {
    for (const host of ["169.254.169.254", "0xa9fea9fe", "metadata.google.internal", "[fd00:ec2::254]"]) {
      expect(decide("fetch", { ...REQUEST, host }, { grants: [plain(FETCH)] }).kind).toBe("terminal");
      expect(decide("connect", { host, port: 443 }, { grants: [plain(FETCH)] }).kind).toBe("terminal");
    }
  });

  test("for a path that is one of ours on this machine is only a path there", () => {
    const everything = plain({ what: "net/fetch", where: {} });
    const own = { ...REQUEST, path: "/home/owner/.aios", target: "/home/owner/.aios" };
    expect(decide("fetch", own, { grants: [everything] }).kind).toBe("granted");
  });

  test("through a tunnel needs a human or a lease, since nobody sees it", () => {
    const tunnel: Allow = { what: "net/connect", where: HOST };
    const args = { host: "api.example.com", port: 443 };
    expect(decide("connect", args, { grants: [plain(tunnel)] })).toMatchObject({ kind: "held" });
    expect(decide("connect", args, { grants: [lease(tunnel)] })).toMatchObject({ kind: "granted" });
    expect(decide("fetch", REQUEST, { grants: [lease(tunnel)] })).toMatchObject({ kind: "denied", code: "no-grant" });
  });

  test("through a forwarded port is what its grant names exactly, and no tunnel, nor the other way round", () => {
    const exact = { ...HOST, inside: { equals: 5432 } };
    const forward: Allow = { what: "net/forward", where: exact };
    const tunnel: Allow = { what: "net/connect", where: HOST };
    const place = { host: "api.example.com", port: 443 };
    const args = { ...place, inside: 5432 };
    expect(decide("forward", args, { grants: [plain(forward)] })).toMatchObject({
      kind: "held",
      reasons: ["reserved"],
    });
    expect(decide("forward", args, { grants: [lease(forward)] })).toMatchObject({ kind: "granted", lease: "g-lease" });
    for (const other of [{ port: 22 }, { host: "example.com" }, { inside: 5433 }]) {
      const asked = decide("forward", { ...args, ...other }, { grants: [lease(forward)] });
      expect(asked).toMatchObject({ kind: "denied", code: "no-grant" });
    }
    expect(decide("connect", place, { grants: [lease(forward)] })).toMatchObject({ kind: "denied", code: "no-grant" });
    expect(decide("forward", args, { grants: [lease(tunnel)] })).toMatchObject({ kind: "denied", code: "no-grant" });
    // Whoever speaks for the agent can name neither an address nor a metadata service.
    expect(decide("forward", { ...args, host: "10.0.0.1" }, { grants: [lease(forward)] }).kind).toBe("denied");
    expect(decide("forward", { ...args, host: "169.254.169.254" }, { grants: [lease(forward)] }).kind).toBe("terminal");
  });
});
