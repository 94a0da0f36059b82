import { expect, test } from "vitest";
import type { Allow, Grant } from "../kernel/grant.ts";
import { gitEnvironment, networkEnvironment, networkOf } from "./network-environment.ts";

function granting(...allow: readonly Allow[]): Grant {
  return {
    v: 1,
    id: "g",
    agents: ["a"],
    drivers: {},
    allow,
    limits: { uses: null, rate: null, bytes: null, notBefore: 0, expires: 1 },
    lease: false,
    sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
  };
}
const to = (host: Allow["where"][string]): Allow => ({ what: "net/fetch", where: { host } });

test("what grants give of the network is the most that one of them gives", () => {
  const others = granting({ what: "files/read", where: {} });
  expect(networkOf([])).toBe("none");
  expect(networkOf([others])).toBe("none");
  expect(networkOf([others, granting(to({ equals: "example.org" }))])).toBe("public");
  expect(networkOf([granting(to({ in: ["example.org", "localhost"] }))])).toBe("loopback");
  expect(networkOf([granting(to({ equals: "127.0.0.1" }), to({ equals: "example.org" }))])).toBe("loopback");
  // A forwarded port is an address of the agent's own, so it takes no name from it.
  const forward: Allow = { what: "net/forward", where: { host: { equals: "localhost" } } };
  expect(networkOf([granting(forward)])).toBe("public");
  expect(networkOf([granting(forward, to({ equals: "localhost" }))])).toBe("loopback");
  // A name that only looks like it is another's machine.
  expect(networkOf([granting(to({ equals: "localhost.example.org" }))])).toBe("public");
});

test("the addresses of loopback are always the agent's own, its name unless a grant takes it", () => {
  expect(networkEnvironment("public")).toMatchObject({ NO_PROXY: "localhost,127.0.0.1,::1" });
  expect(networkEnvironment("loopback")).toMatchObject({ NO_PROXY: "127.0.0.1,::1", no_proxy: "127.0.0.1,::1" });
  expect(networkEnvironment("none")).toEqual({});
});

test("git finds repositories over SSH at an address inside, however their address is written, and others not", () => {
  expect(gitEnvironment([])).toEqual({});
  expect(gitEnvironment([{ host: "example.org", port: 22, user: "git" }])).toEqual({
    GIT_CONFIG_COUNT: "4",
    GIT_CONFIG_KEY_0: "url.git://127.0.0.1:3130/git@example.org:22/.insteadOf",
    GIT_CONFIG_VALUE_0: "ssh://git@example.org/",
    GIT_CONFIG_KEY_1: "url.git://127.0.0.1:3130/git@example.org:22/.insteadOf",
    GIT_CONFIG_VALUE_1: "ssh://git@example.org:22/",
    GIT_CONFIG_KEY_2: "url.git://127.0.0.1:3130/git@example.org:22/.insteadOf",
    GIT_CONFIG_VALUE_2: "git@example.org:",
    GIT_CONFIG_KEY_3: "url.git://127.0.0.1:3130/git@example.org:22/.insteadOf",
    GIT_CONFIG_VALUE_3: "git@example.org:/",
  });
  expect(gitEnvironment([{ host: "localhost", port: 2222, user: "me" }])).toMatchObject({
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_VALUE_0: "ssh://me@localhost:2222/",
  });
});
