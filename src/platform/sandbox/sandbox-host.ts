import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { SandboxError } from "../../sandbox/error.ts";
import type { SystemLayout } from "../../sandbox/layout.ts";
import type { Architecture } from "../../sandbox/syscalls.ts";
import { readSystemLayout } from "./sandbox-layout.ts";

/** What this machine offers for sandboxes; does not change while a program runs. */
export interface SandboxHost {
  /** Absolute path of bubblewrap. */
  readonly bubblewrap: string;
  readonly layout: SystemLayout;
  readonly arch: Architecture;
}

/** Absolute places only: a PATH could name something else. */
const PLACES = ["/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap", "/run/current-system/sw/bin/bwrap"];

/** Options that every start needs. `--bind-fd` came with 0.10 and with the distributions' fixes of CVE-2024-42472. */
const NEEDED_OPTIONS = [
  "--args",
  "--bind-fd",
  "--ro-bind-fd",
  "--block-fd",
  "--disable-userns",
  "--json-status-fd",
  "--perms",
  "--seccomp",
  "--size",
  "--sync-fd",
];

const INSTALL_HINT = "Install bubblewrap: apt-get install bubblewrap, dnf install bubblewrap or pacman -S bubblewrap";

/** Where bubblewrap is, or null. */
export function findBubblewrap(): string | null {
  return PLACES.find((path) => existsSync(path)) ?? null;
}

/** Options that this bubblewrap lacks. Runs it once; throws SandboxError `bubblewrap-broken` when it does not run. */
export function missingOptions(bubblewrap: string): readonly string[] {
  const help = askForHelp(bubblewrap);
  const offered = new Set(help.match(/--[a-z0-9-]+/g));
  return NEEDED_OPTIONS.filter((option) => !offered.has(option));
}

function askForHelp(bubblewrap: string): string {
  try {
    return execFileSync(bubblewrap, ["--help"], { env: {}, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    throw new SandboxError("bubblewrap-broken", `Cannot start a sandbox: ${bubblewrap} does not run`, INSTALL_HINT);
  }
}

/** The seccomp filter's name of this machine's architecture, or null when there is no filter for it. */
export function hostArchitecture(): Architecture | null {
  return process.arch === "x64" || process.arch === "arm64" ? process.arch : null;
}

/**
 * Looks once at what every start depends on. Throws SandboxError `bubblewrap-missing`, `bubblewrap-broken`,
 * `bubblewrap-old` or `architecture`.
 */
export function readSandboxHost(): SandboxHost {
  const bubblewrap = findBubblewrap();
  if (bubblewrap === null) {
    throw new SandboxError("bubblewrap-missing", "Cannot start a sandbox: bubblewrap is not installed", INSTALL_HINT);
  }
  const missing = missingOptions(bubblewrap);
  if (missing.length > 0) {
    throw new SandboxError(
      "bubblewrap-old",
      `Cannot start a sandbox: ${bubblewrap} lacks ${missing.join(", ")}`,
      "Install your distribution's security updates of bubblewrap, or version 0.10 or newer",
    );
  }
  const arch = hostArchitecture();
  if (arch === null) {
    throw new SandboxError(
      "architecture",
      `Cannot start a sandbox: there is no system call filter for ${process.arch}`,
      "Use a machine with x86-64 or 64-bit ARM",
    );
  }
  return Object.freeze({ bubblewrap, layout: readSystemLayout(), arch });
}
