import { describe, expect, it } from "vitest";
import { checkSpec } from "./check.ts";
import { SandboxError } from "./error.ts";
import { LISTENERS, listenersOf } from "./launch-plan.ts";
import type { Mount, SandboxSpec } from "./spec.ts";

const HARMLESS: SandboxSpec = {
  role: "agent",
  command: ["/usr/bin/true"],
  cwd: "/home/agent",
  environment: { PATH: "/usr/bin" },
  mounts: [{ kind: "write", host: "/srv/project", inside: "/workspace" }],
  channels: 0,
  published: false,
  programs: "any",
  terminal: false,
  network: "none",
  limits: { processes: 8, openFiles: 64, fileBytes: 4096, memoryBytes: 4096 },
};

/** What is refused about the harmless specification with these changes; null when it passes. */
function refusal(changes: object): string | null {
  try {
    checkSpec({ ...HARMLESS, ...changes });
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(SandboxError);
    expect(error).toMatchObject({ code: "spec" });
    return error instanceof Error ? error.message : String(error);
  }
}

const mounting = (mount: Mount): string | null => refusal({ mounts: [mount] });

describe("checkSpec", () => {
  it("passes a plain specification", () => expect(refusal({})).toBeNull());

  it("gives the host's network to a connector and to nobody else", () => {
    expect(refusal({ role: "connector", network: "host" })).toBeNull();
    for (const role of ["agent", "face", "driver", "exec"]) expect(refusal({ role, network: "host" })).toContain(role);
  });

  it("forwards ports of an agent that has a channel for them, free ones, each once", () => {
    expect(refusal({ channels: 1, forwards: [5432, 6379] })).toBeNull();
    expect(refusal({ channels: 2, published: true, forwards: [5432] })).toBeNull();
    expect(refusal({ channels: 0, forwards: [5432] })).toContain("without a channel");
    expect(refusal({ channels: 1, published: true, forwards: [5432] })).toContain("without a channel");
    expect(refusal({ role: "face", channels: 1, forwards: [5432] })).toContain("without a channel");
    expect(refusal({ channels: 1, forwards: [5432, 5432] })).toContain("twice");
    for (const port of Object.values(LISTENERS)) expect(refusal({ channels: 1, forwards: [port] })).toContain("twice");
    for (const port of [80, 0, 65_536, 1.5]) expect(refusal({ channels: 1, forwards: [port] })).toContain("as forward");
    const many = Array.from({ length: 9 }, (_, index) => 5000 + index);
    expect(refusal({ channels: 1, forwards: many })).toContain("as forwards");
  });

  it("passes mounts of folders, code at its own place and a larger /dev/shm", () => {
    expect(mounting({ kind: "read", host: "/opt/tool", inside: "/opt/tool" })).toBeNull();
    expect(mounting({ kind: "read", host: "/usr/lib/x", inside: "/usr/lib/x" })).toBeNull();
    expect(mounting({ kind: "tmpfs", inside: "/dev/shm", bytes: 1 << 20 })).toBeNull();
    expect(mounting({ kind: "text", inside: "/etc/resolv.conf", text: "" })).toBeNull();
  });

  it("refuses mounts over what the sandbox makes itself", () => {
    for (const inside of ["/", "/proc", "/proc/sys", "/dev", "/dev/mem", "/sys"]) {
      expect(mounting({ kind: "read", host: "/srv/x", inside })).not.toBeNull();
    }
  });

  it("refuses to let anything stand in for a system program", () => {
    expect(mounting({ kind: "read", host: "/srv/evil", inside: "/usr/bin/git" })).not.toBeNull();
    expect(mounting({ kind: "write", host: "/usr/bin", inside: "/usr/bin" })).not.toBeNull();
    expect(mounting({ kind: "text", inside: "/lib/ld.so", text: "" })).not.toBeNull();
    expect(mounting({ kind: "tmpfs", inside: "/usr", bytes: 4096 })).not.toBeNull();
  });

  it("refuses host folders that hold everything, other processes or other people's sockets", () => {
    for (const host of ["/", "/proc/1/root", "/dev", "/sys/fs/cgroup", "/run", "/var/run", "/etc", "/home", "/root"]) {
      expect(mounting({ kind: "read", host, inside: "/workspace" })).not.toBeNull();
    }
    expect(mounting({ kind: "read", host: "/home/someone/project", inside: "/workspace" })).toBeNull();
  });

  it("refuses a path with a second reading", () => {
    for (const path of ["relative", "/a/../b", "/a/./b", "/a//b", "/a/", "", "/a\0b"]) {
      expect(refusal({ cwd: path })).not.toBeNull();
      expect(mounting({ kind: "read", host: path, inside: "/workspace" })).not.toBeNull();
      expect(mounting({ kind: "read", host: "/srv/x", inside: path })).not.toBeNull();
    }
    expect(mounting({ kind: "read", host: "/srv/with a space/…", inside: "/workspace" })).toBeNull();
  });

  it("refuses two mounts on one place", () => {
    const mount = { kind: "tmpfs", inside: "/cache", bytes: 4096 };
    expect(refusal({ mounts: [mount, mount] })).toContain("/cache");
  });

  it("refuses a NUL, which would begin an option of its own", () => {
    expect(refusal({ command: ["/bin/sh", "a\0--share-net"] })).not.toBeNull();
    expect(refusal({ environment: { A: "b\0--share-net" } })).not.toBeNull();
    expect(refusal({ environment: { "A\0B": "c" } })).not.toBeNull();
    expect(refusal({ environment: { A: "--share-net" } })).toBeNull();
  });

  it("refuses empty commands and unusable variable names", () => {
    expect(refusal({ command: [] })).not.toBeNull();
    expect(refusal({ command: [""] })).not.toBeNull();
    expect(refusal({ environment: { "": "x" } })).not.toBeNull();
    expect(refusal({ environment: { "A=B": "x" } })).not.toBeNull();
  });

  it("refuses a limit that is none", () => {
    for (const processes of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "9"]) {
      expect(refusal({ limits: { ...HARMLESS.limits, processes } })).not.toBeNull();
    }
    expect(refusal({ channels: 17 })).not.toBeNull();
    expect(refusal({ channels: -1 })).not.toBeNull();
  });
});

it("calls listeners of forwards by their place, beside those that every agent with a network has", () => {
  expect(listenersOf([])).toEqual({ P: 3128, I: 3129, G: 3130 });
  expect(listenersOf([5432, 6379])).toEqual({ P: 3128, I: 3129, G: 3130, "0": 5432, "1": 6379 });
});
