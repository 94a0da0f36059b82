import { expect, test } from "vitest";
import type { Allow } from "../kernel/grant.ts";
import { grant } from "../../test/fakes/kernel.ts";
import { netRoute } from "./net-route.ts";

const HOST = { host: { equals: "api.example.com" }, port: { equals: 443 } };
const https = (what: string): Allow => ({
  what,
  where: { scheme: { equals: "https" }, ...HOST, path: { under: "/a" } },
});
const to = { host: "api.example.com", port: 443 };

test("rules about requests need to see them, and win over those about tunnels", () => {
  const pass = grant({ id: "g-pass", allow: [{ what: "net/connect", where: HOST }] });
  expect(netRoute([grant({ allow: [https("net/fetch")] })], to)).toBe("terminate");
  expect(netRoute([grant({ allow: [https("net/send")] })], to)).toBe("terminate");
  expect(netRoute([pass], to)).toBe("pass");
  expect(netRoute([pass, grant({ allow: [https("net/fetch")] })], to)).toBe("terminate");
});

test("a rule about requests in clear is one about tunnels too, in which some programs send them", () => {
  const plain: Allow = { what: "net/fetch", where: { scheme: { equals: "http" }, ...HOST } };
  expect(netRoute([grant({ allow: [plain] })], to)).toBe("terminate");
});

test("what no rule speaks of has no route", () => {
  expect(netRoute([], to)).toBe("none");
  expect(netRoute([grant({ allow: [https("net/fetch")] })], { ...to, port: 8443 })).toBe("none");
  expect(netRoute([grant({ allow: [https("net/fetch")] })], { ...to, host: "evil.example.com" })).toBe("none");
  expect(netRoute([grant({ allow: [https("other/fetch")] })], to)).toBe("none");
});
