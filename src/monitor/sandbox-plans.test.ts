import { describe, expect, test } from "vitest";
import { DEFAULT_LIMITS } from "../kernel/sandbox-limits.ts";
import { NO_TELEMETRY } from "../protocol/telemetry-setting.ts";
import { checkSpec } from "../sandbox/check.ts";
import {
  overruledIn,
  planAgent,
  planAlerter,
  planBroker,
  planConnector,
  planConsole,
  planCosigner,
  planCourier,
  planDriver,
  planFace,
  planGate,
  planInjector,
  planRefresher,
  planTelemetry,
} from "./sandbox-plans.ts";
import { planFetcher, planUnpacker, planVetter } from "./extensions/plans.ts";
import { planStorage } from "./storage-plan.ts";

const code = { node: "/opt/node", root: "/opt/aios" };
const plan = {
  command: ["/usr/bin/bash"],
  environment: { LANG: "C", PATH: "/tmp/evil", HOME: "/tmp/evil" },
  terminal: false,
  workspace: { host: "/home/me/project", mode: "read" as const },
  code: ["/opt/agent"],
  programs: "any" as const,
  sockets: "/home/me/.aios/run/faces/i-1",
  home: null,
  network: "none" as const,
  published: false,
  limits: DEFAULT_LIMITS,
  devices: [],
};

describe("an agent's sandbox", () => {
  test("has no network, no channel to us, and only what was named", () => {
    const spec = planAgent(code, plan);
    expect(spec).toMatchObject({
      role: "agent",
      network: "none",
      channels: 0,
      published: false,
      command: ["/usr/bin/bash"],
      cwd: "/workspace",
    });
    expect(spec.mounts.flatMap((mount) => ("host" in mount ? [`${mount.kind} ${mount.host}`] : []))).toEqual([
      "read /opt/node",
      "read /opt/aios/src/main/mcp-stdio.ts",
      `read ${plan.sockets}`,
      "read /opt/agent",
      "read /home/me/project",
    ]);
  });

  test("is told where its MCP server is, and nothing of where our compiled code lies", () => {
    const spec = planAgent(code, plan);
    expect(spec.environment["AIOS_MCP_COMMAND"]).toBe("/aios/node /aios/mcp-stdio.js");
    expect(spec.environment["NODE_COMPILE_CACHE"]).toBeUndefined();
    expect(spec.mounts.map(({ inside }) => inside).filter((inside) => inside.startsWith("/aios/"))).toEqual([
      "/aios/node",
      "/aios/mcp-stdio.js",
      "/aios/package.json",
    ]);
  });

  test("that may start no programs has no command that would be one, and says so to the filter", () => {
    const spec = planAgent(code, { ...plan, programs: "none" });
    expect(spec.programs).toBe("none");
    expect(spec.environment["AIOS_MCP_COMMAND"]).toBeUndefined();
    expect(spec.environment["AIOS_MCP_STDIO_SOCKET"]).toBe("/run/aios/mcp-stdio.sock");
    expect(JSON.stringify(spec.mounts)).not.toContain("mcp-stdio.js");
    expect(planAgent(code, plan)).toMatchObject({
      programs: "any",
      environment: { AIOS_MCP_COMMAND: "/aios/node /aios/mcp-stdio.js" },
    });
  });

  test("takes the terminal that it was given as its own, so that Ctrl-C reaches it", () => {
    const spec = planAgent(code, { ...plan, terminal: true });
    expect(spec.terminal).toBe(true);
    expect(planAgent(code, plan).terminal).toBe(false);
    expect(spec.environment["TERM"]).toBe("xterm-256color");
    expect(planAgent(code, { ...plan, terminal: true, environment: { TERM: "dumb" } }).environment["TERM"]).toBe(
      "dumb",
    );
  });

  test("searches programs where the system has them, whatever a profile says", () => {
    expect(planAgent(code, plan).environment).toMatchObject({
      PATH: "/usr/local/bin:/usr/bin:/bin",
      HOME: "/home/agent",
      LANG: "C",
    });
  });

  test("without a granted workspace sees none", () => {
    const spec = planAgent(code, { ...plan, workspace: { host: "/home/me/project", mode: "none" } });
    expect(spec.mounts.some((mount) => mount.inside === "/workspace")).toBe(false);
  });
});

test("only the connector and the broker have a route, and the connector is told how far it may reach", () => {
  expect(planBroker(code)).toMatchObject({ network: "host", channels: 2 });
  expect(planFace(code, "/run/x").network).toBe("none");
  const spec = planConnector(code, { host: "example.org", port: 443, reach: "public" });
  expect(spec.network).toBe("host");
  expect(spec.command.slice(-3)).toEqual(["example.org", "443", "public"]);
});

test("an agent that may use the network is told of its proxy and its authority, and no other is", () => {
  expect(planAgent(code, { ...plan, network: "public" }).environment).toMatchObject({
    AIOS_PROXY_SOCKET: "/run/aios/proxy.sock",
    NODE_EXTRA_CA_CERTS: "/run/aios/ca.pem",
    SSL_CERT_FILE: "/run/aios/authorities.pem",
  });
  expect(planAgent(code, plan).environment["AIOS_PROXY_SOCKET"]).toBeUndefined();
  expect(planAgent(code, plan).environment["HTTP_PROXY"]).toBeUndefined();
  const proxy = "http://127.0.0.1:3128";
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]) {
    expect(planAgent(code, { ...plan, network: "public" }).environment[name]).toBe(proxy);
  }
  expect([planAgent(code, plan).channels, planAgent(code, { ...plan, network: "public" }).channels]).toEqual([0, 1]);
});

test("localhost is the agent's own, unless a grant names a service of this machine", () => {
  const direct = (network: "public" | "loopback"): unknown => {
    const { environment } = planAgent(code, { ...plan, network });
    return [environment["NO_PROXY"], environment["no_proxy"]];
  };
  expect(direct("public")).toEqual(["localhost,127.0.0.1,::1", "localhost,127.0.0.1,::1"]);
  expect(direct("loopback")).toEqual(["127.0.0.1,::1", "127.0.0.1,::1"]);
  expect(planFace(code, "/run/x", { network: true, forwards: [], injectors: 0 }).command.at(-1)).toBe("--network");
});

test("each of our programs reads compiled code from a place of its own, which is mounted read-only", () => {
  const http = { kind: "http", url: "https://example.org/mcp" } as const;
  const specs = {
    face: planFace(code, "/run/x"),
    driver: planDriver(code, http),
    connector: planConnector(code, { host: "example.org", port: 443, reach: "public" }),
    broker: planBroker(code),
    injector: planInjector(code),
    "port-gate": planGate(code, 1),
    console: planConsole(code, 1),
    "git-courier": planCourier(code),
    refresher: planRefresher(code),
    cosigner: planCosigner(code),
    telemetry: planTelemetry(code, "/home/me/.aios", { setting: NO_TELEMETRY, listens: false }),
    alerter: planAlerter(code),
    fetcher: planFetcher(code, "/var/fetched"),
    unpacker: planUnpacker(code, { kind: "write", host: "/var/tree", fetched: null }),
    vetter: planVetter(code, "/var/tree"),
    storage: planStorage(code, { undo: "/var/undo", turns: "/var/turns", roots: [], open: [], obeyed: [] }),
  };
  for (const [name, spec] of Object.entries(specs)) {
    const place = `/aios/node_modules/.aios-cache/${name}`;
    expect(spec.environment["NODE_COMPILE_CACHE"]).toBe(place);
    const over = spec.mounts.filter(({ inside }) => place.startsWith(`${inside}/`) || inside.startsWith(place));
    expect(over).toEqual([{ kind: "read", host: "/opt/aios/node_modules", inside: "/aios/node_modules" }]);
  }
});

test("a gate can have as many ports as a grant names, at two addresses each, and no more", () => {
  expect(() => checkSpec(planGate(code, 2 * 16))).not.toThrow();
  expect(() => checkSpec(planGate(code, 2 * 17))).toThrow("channels");
});

describe("variables that are asked for", () => {
  test("are named when the sandbox has them with another value, and only then", () => {
    const environment = { HTTP_PROXY: "http://elsewhere.example", EDITOR: "vi", TERM: "dumb" };
    const online = planAgent(code, { ...plan, environment, network: "public" });
    expect(overruledIn(online, environment)).toEqual(["HTTP_PROXY"]);
    expect(overruledIn(planAgent(code, { ...plan, environment, network: "none" }), environment)).toEqual([]);
  });
});
