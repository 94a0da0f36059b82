import { describe, expect, it } from "vitest";
import { freeFolders, GUARDED_CALLS } from "./guard.ts";
import { createNotices } from "./notice.ts";
import type { Mount, SandboxSpec } from "./spec.ts";
import { AUDIT_ARCHITECTURE, CALLS } from "./syscalls.ts";

const WORKSPACE: Mount = { kind: "write", host: "/srv/project", inside: "/workspace" };

function spec(mounts: readonly Mount[], guarded?: readonly string[]): SandboxSpec {
  return {
    role: "agent",
    command: ["true"],
    cwd: "/",
    environment: {},
    mounts,
    channels: 0,
    published: false,
    programs: "any",
    ...(guarded !== undefined && { guarded }),
    terminal: false,
    network: "none",
    limits: { processes: 1, openFiles: 1, fileBytes: 1, memoryBytes: 1 },
  };
}

describe("what stays free beside a guarded root", () => {
  it("is everything that can be written to but the root", () => {
    const cache: Mount = { kind: "write", host: "/srv/cache", inside: "/cache" };
    const read: Mount = { kind: "read", host: "/srv/code", inside: "/code" };
    const scratch: Mount = { kind: "tmpfs", inside: "/scratch", bytes: 4096 };
    expect(freeFolders(spec([WORKSPACE, cache, read, scratch], ["/workspace"]))).toEqual([
      "/tmp",
      "/home/agent",
      "/dev",
      "/proc",
      "/cache",
      "/scratch",
    ]);
  });

  it("does not hold a home that is guarded itself", () => {
    const home: Mount = { kind: "write", host: "/srv/home", inside: "/home/agent" };
    expect(freeFolders(spec([WORKSPACE, home], ["/workspace", "/home/agent"]))).toEqual(["/tmp", "/dev", "/proc"]);
  });

  it("is not asked for without a guarded root", () => {
    expect(freeFolders(spec([WORKSPACE]))).toBeNull();
  });

  it.each([
    ["is no mount", [], "/workspace"],
    ["is read-only", [{ kind: "read", host: "/srv/project", inside: "/workspace" }], "/workspace"],
    ["lies in a folder that is free", [{ kind: "write", host: "/srv/project", inside: "/tmp/work" }], "/tmp/work"],
  ] as readonly (readonly [string, readonly Mount[], string])[])("a root that %s is refused", (_, mounts, root) => {
    expect(() => freeFolders(spec(mounts, [root]))).toThrow(/Cannot guard/);
  });
});

it("every guarded call is told from what is refused, on both machines", () => {
  for (const arch of ["x64", "arm64"] as const) {
    const notices = createNotices(arch);
    for (const call of GUARDED_CALLS) {
      const number = CALLS[call][arch];
      if (number === null) continue;
      expect(notices({ architecture: AUDIT_ARCHITECTURE[arch], number })).toEqual({ kind: "guarded", call });
    }
  }
});
