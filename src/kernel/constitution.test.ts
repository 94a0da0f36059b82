import { describe, expect, it } from "vitest";
import { action, tool } from "../../test/fakes/kernel.ts";
import { ARTICLES, checkConstitution, CONSTITUTION_TEXT, isControlMethod, type Verdict } from "./constitution.ts";
import { KernelFault } from "./fault.ts";
import type { JsonValue } from "./json.ts";

const ownPaths = ["/home/owner/.aios", "/var/lib/aios"];
const files = tool({ risk: "reserved", fields: { path: "path", to: "path", text: "string" } });
const fetcher = tool({ risk: "reach", recipients: { host: "host", hosts: "host" } });

function onPath(path: JsonValue): Verdict | null {
  return checkConstitution({ action: action({ arguments: { path } }), tool: files, ownPaths });
}
function onHost(host: JsonValue): Verdict | null {
  return checkConstitution({ action: action({ arguments: { host } }), tool: fetcher, ownPaths });
}
function onRead(name: string): Verdict | null {
  return checkConstitution({ action: action({ verb: "read", name }), tool: tool(), ownPaths });
}

describe("checkConstitution", () => {
  it("ends whoever calls the substrate itself, whatever the tool is classified as", () => {
    for (const name of ["set_approval_mode", "anything", "read"]) {
      const verdict = checkConstitution({ action: action({ driver: "aios", name }), tool: tool(), ownPaths });
      expect(verdict).toEqual({ kind: "terminal", code: "control-verb", by: "C1-control" });
    }
  });

  it("leaves a server's own tool of such a name alone", () => {
    for (const name of ["set_approval_mode", "config.patch", "sandbox"]) {
      expect(checkConstitution({ action: action({ name }), tool: tool(), ownPaths })).toBeNull();
    }
  });

  it("ends whoever calls a prohibited tool", () => {
    expect(checkConstitution({ action: action(), tool: tool({ risk: "prohibited" }), ownPaths })).toMatchObject({
      kind: "terminal",
      by: "C2-prohibited",
    });
    expect(checkConstitution({ action: action(), tool: tool({ risk: "reserved" }), ownPaths })).toBeNull();
  });

  it("ends whoever names the substrate's own state, on whole segments", () => {
    for (const path of ["/home/owner/.aios", "/home/owner/.aios/keys/a", "/var/lib/aios/log"]) {
      expect(onPath(path), path).toEqual({ kind: "terminal", code: "prohibited", by: "C3-own-state" });
    }
    for (const path of ["/home/owner", "/home/owner/.aios-backup", "/home/owner/.aio", "/var/lib/aiosd"]) {
      expect(onPath(path), path).toBeNull();
    }
    const second = action({ arguments: { path: "/workspace/a", to: "/var/lib/aios/log" } });
    expect(checkConstitution({ action: second, tool: files, ownPaths })).toMatchObject({ kind: "terminal" });
  });

  it("looks at declared paths only: text about a path is text", () => {
    const asked = action({ arguments: { text: "/home/owner/.aios/keys", other: "/home/owner/.aios" } });
    expect(checkConstitution({ action: asked, tool: files, ownPaths })).toBeNull();
  });

  it("denies what has more than one reading before comparing it, and never ends anyone for it", () => {
    for (const path of [
      "/home/owner/x/../.aios/keys",
      "/home/owner//.aios",
      "keys",
      "./a",
      "/a\0",
      "/proc/self/root/var/lib/aios",
      "",
      "/home/owner/.aios/",
    ]) {
      expect(onPath(path), JSON.stringify(path)).toEqual({
        kind: "denied",
        code: "not-canonical",
        by: "C6-one-reading",
      });
    }
  });

  it("ends whoever names a container's or a bus's socket", () => {
    for (const path of [
      "/run/docker.sock",
      "/var/run/docker.sock",
      "/run/containerd/containerd.sock",
      "/var/run/podman/podman.sock",
      "/run/crio/crio.sock",
      "/run/dbus/system_bus_socket",
      "/run/user/1000/bus",
      "/var/run/user/0/docker.sock",
      "/run/user/1000/podman/podman.sock",
      "/run/user/1000/systemd/private",
    ]) {
      expect(onPath(path), path).toMatchObject({ kind: "terminal", code: "prohibited", by: "C4-sockets" });
    }
    for (const path of [
      "/run/docker.socket",
      "/workspace/run/docker.sock",
      "/run/user/1000/pulse",
      "/run/user/bus",
      "/run",
    ]) {
      expect(onPath(path), path).toBeNull();
    }
  });

  it("ends whoever gives a metadata service as a host, alone or in a list", () => {
    for (const host of ["169.254.169.254", ["example.com", "http://metadata.google.internal/x"], 2852039166]) {
      expect(onHost(host)).toEqual({ kind: "terminal", code: "prohibited", by: "C5-metadata" });
    }
    for (const host of ["example.com", ["example.com"], null, []]) expect(onHost(host)).toBeNull();
    const asText = action({ arguments: { text: "169.254.169.254" } });
    expect(checkConstitution({ action: asText, tool: files, ownPaths })).toBeNull();
  });

  it("reads resource names as strictly", () => {
    expect(onRead("file:///workspace/a.txt")).toBeNull();
    expect(onRead("demo://resource/1")).toBeNull();
    expect(onRead("file:///var/lib/aios/log")).toMatchObject({ kind: "terminal", by: "C3-own-state" });
    expect(onRead("file:///run/docker.sock")).toMatchObject({ kind: "terminal", by: "C4-sockets" });
    for (const name of [
      "file:///workspace/%2e%2e/x",
      "FILE:///var/lib/aios",
      "demo://resource/../2",
      "file://x/var/lib/aios",
    ]) {
      expect(onRead(name), name).toMatchObject({ kind: "denied", code: "not-canonical" });
    }
  });

  it("does not run with an own path that nothing could be compared with", () => {
    const asked = action({ arguments: { path: "/workspace/a" } });
    for (const own of ["aios", "/var/lib/aios/", "/var/../aios"]) {
      expect(() => checkConstitution({ action: asked, tool: files, ownPaths: [own] })).toThrow(KernelFault);
    }
  });
});

describe("isControlMethod", () => {
  it("finds setters however they are spelled", () => {
    for (const method of [
      "exec.approvals.set",
      "exec/approvals/set",
      "EXEC.APPROVALS.SET",
      "execApprovalsSet",
      "exec.approval.resolve",
      "config.patch",
      "config/apply",
      "approvals.set",
      "policy/update",
      "grants.add",
      "sandbox.disable",
      "setApprovalMode",
      "set_approval_mode",
      "set-sandbox-mode",
      "gateway/exec.approvals.set",
      "ｃonfig.set",
      "aios/anything",
      "tools/allow",
      "device.pair.approve",
    ]) {
      expect(isControlMethod(method), method).toBe(true);
    }
  });

  it("leaves MCP and its extensions alone", () => {
    for (const method of [
      "initialize",
      "ping",
      "tools/list",
      "tools/call",
      "resources/list",
      "resources/read",
      "resources/templates/list",
      "resources/subscribe",
      "prompts/list",
      "prompts/get",
      "completion/complete",
      "logging/setLevel",
      "sampling/createMessage",
      "elicitation/create",
      "roots/list",
      "tasks/list",
      "tasks/cancel",
      "server/discover",
      "notifications/initialized",
      "notifications/cancelled",
      "notifications/roots/list_changed",
      "configuration/describe",
      "my.tool.grants-overview-x",
      "",
    ]) {
      expect(isControlMethod(method), method).toBe(false);
    }
  });
});

describe("CONSTITUTION_TEXT", () => {
  it("holds every article and every closed list, and cannot be changed", () => {
    for (const [article, text] of Object.entries(ARTICLES))
      expect(CONSTITUTION_TEXT).toContain(`${article}: ${text}\n`);
    for (const word of ["set.sandbox", "/var/run/docker.sock", "fd00:ec2::254", "containerd"])
      expect(CONSTITUTION_TEXT).toContain(word);
    expect(Object.isFrozen(ARTICLES)).toBe(true);
  });
});
