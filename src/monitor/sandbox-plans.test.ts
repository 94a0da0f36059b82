import { describe, expect, test } from "vitest";
import { planAgent, planConnector, planFace } from "./sandbox-plans.ts";

const code = { node: "/opt/node", root: "/opt/aios" };
const plan = {
  command: ["/usr/bin/bash"],
  environment: { LANG: "C", PATH: "/tmp/evil" },
  terminal: false,
  workspace: { host: "/home/me/project", mode: "read" as const },
  code: ["/opt/agent"],
  sockets: "/home/me/.aios/run/faces/i-1",
  network: false,
};

describe("an agent's sandbox", () => {
  test("has no network, no channel to us, and only what was named", () => {
    const spec = planAgent(code, plan);
    expect(spec).toMatchObject({
      role: "agent",
      network: "none",
      channels: 0,
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

  test("takes the terminal that it was given as its own, so that Ctrl-C reaches it", () => {
    const spec = planAgent(code, { ...plan, terminal: true });
    expect(spec.command).toEqual(["/usr/bin/setsid", "--ctty", "--wait", "/usr/bin/bash"]);
    expect(spec.environment["TERM"]).toBe("xterm-256color");
    expect(planAgent(code, { ...plan, terminal: true, environment: { TERM: "dumb" } }).environment["TERM"]).toBe(
      "dumb",
    );
  });

  test("searches programs where the system has them, whatever a profile says", () => {
    expect(planAgent(code, plan).environment["PATH"]).toBe("/usr/local/bin:/usr/bin:/bin");
  });

  test("without a granted workspace sees none", () => {
    const spec = planAgent(code, { ...plan, workspace: { host: "/home/me/project", mode: "none" } });
    expect(spec.mounts.some((mount) => mount.inside === "/workspace")).toBe(false);
  });
});

test("only the connector has a route, and it is told how far it may reach", () => {
  expect(planFace(code, "/run/x").network).toBe("none");
  const spec = planConnector(code, { host: "example.org", port: 443, reach: "public" });
  expect(spec.network).toBe("host");
  expect(spec.command.slice(-3)).toEqual(["example.org", "443", "public"]);
});
