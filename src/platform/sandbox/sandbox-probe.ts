import { existsSync, readFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { SandboxError } from "../../sandbox/error.ts";
import type { SandboxSpec } from "../../sandbox/spec.ts";
import { type Delegation, findDelegation } from "./cgroup.ts";
import { findBubblewrap, hostArchitecture, missingOptions } from "./sandbox-host.ts";
import { startSandbox, type AgentStart } from "./sandbox-process.ts";
import { landlockVersion } from "./sandbox-syscalls.ts";
import { hasListeners } from "./seccomp-listener.ts";

/** What `aios doctor` says about this machine's means of confinement. Nothing in it is a switch. */
export interface SystemReport {
  /**
   * null when bubblewrap is not installed. `version` is null when it does not run. `missing` are options that a start
   * needs and this version lacks.
   */
  readonly bubblewrap: {
    readonly path: string;
    readonly version: string | null;
    readonly missing: readonly string[];
  } | null;
  /** `user.max_user_namespaces`, null when the kernel has none. Whether they work for us is what `trial` shows. */
  readonly userNamespaces: number | null;
  /** Whether there is a filter for this architecture and the kernel takes filters. */
  readonly seccomp: boolean;
  /** Whether filters can have a listener whose calls wait through signals (Linux 5.19): without it no agent starts. */
  readonly notification: boolean;
  /** Landlock's ABI version, 0 for none. Below 2 no agent starts. */
  readonly landlock: number;
  /** Whether a monitor that is started from here could bound sandboxes by cgroups, or why not. */
  readonly delegation: Delegation;
  /** Whether TIOCSTI works for unprivileged programs outside of sandboxes; null when the kernel does not say. */
  readonly legacyTiocsti: boolean | null;
  /** `kernel.yama.ptrace_scope`, null without Yama. */
  readonly yama: number | null;
  /** A real start of `true`, in full confinement: the only proof that counts. */
  readonly trial: Trial;
  /** The same as an agent, with launcher and supervisor. */
  readonly agentTrial: Trial;
}

/** What came of a start. */
export type Trial =
  | { readonly works: true }
  | { readonly works: false; readonly code: string; readonly message: string; readonly hint: string | null };

const TRIAL: SandboxSpec = {
  role: "exec",
  command: ["/usr/bin/true"],
  cwd: "/",
  environment: {},
  mounts: [],
  channels: 0,
  published: false,
  programs: "any",
  terminal: false,
  network: "none",
  limits: { processes: 8, openFiles: 64, fileBytes: 4096, memoryBytes: 64 * 1024 * 1024 },
};

/** A launcher is a Node, with its threads and its megabytes. */
const AGENT_TRIAL: SandboxSpec = {
  ...TRIAL,
  role: "agent",
  limits: { processes: 32, openFiles: 256, fileBytes: 1024 * 1024, memoryBytes: 512 * 1024 * 1024 },
};

/**
 * Looks at everything confinement depends on and starts two sandboxes to see. Never rejects: what fails is in the report.
 * The supervisor is left running.
 */
export async function probeSystem(agent: Omit<AgentStart, "hear">): Promise<SystemReport> {
  return Object.freeze({
    bubblewrap: probeBubblewrap(),
    userNamespaces: readNumber("/proc/sys/user/max_user_namespaces"),
    seccomp: hostArchitecture() !== null && existsSync("/proc/sys/kernel/seccomp/actions_avail"),
    notification: hasListeners(),
    landlock: landlockVersion(),
    delegation: findDelegation(),
    legacyTiocsti: toBoolean(readNumber("/proc/sys/dev/tty/legacy_tiocsti")),
    yama: readNumber("/proc/sys/kernel/yama/ptrace_scope"),
    trial: await tryStart(null),
    agentTrial: await tryStart(agent),
  });
}

function probeBubblewrap(): SystemReport["bubblewrap"] {
  const path = findBubblewrap();
  if (path === null) return null;
  try {
    const version = execFileSync(path, ["--version"], { env: {}, encoding: "utf8" }).replace("bubblewrap", "").trim();
    return { path, version, missing: missingOptions(path) };
  } catch {
    return { path, version: null, missing: [] };
  }
}

async function tryStart(agent: Omit<AgentStart, "hear"> | null): Promise<Trial> {
  try {
    const sandbox = await (agent === null
      ? startSandbox(TRIAL, { streams: "ignore" })
      : startSandbox(AGENT_TRIAL, { streams: "ignore", agent: { ...agent, hear: () => {} } }));
    const { code } = await sandbox.ended;
    if (code === 0) return { works: true };
    return {
      works: false,
      code: "setup",
      message: `The trial ended with ${code}: ${sandbox.errors().trim()}`,
      hint: null,
    };
  } catch (error) {
    if (error instanceof SandboxError) {
      return { works: false, code: error.code, message: error.message, hint: error.hint };
    }
    return { works: false, code: "setup", message: String(error), hint: null };
  }
}

function readNumber(path: string): number | null {
  const text = readText(path);
  return text === null ? null : Number(text.trim());
}

function toBoolean(value: number | null): boolean | null {
  return value === null ? null : value !== 0;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
