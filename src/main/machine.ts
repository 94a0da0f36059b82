import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Check } from "../cli/powers.ts";
import type { SystemReport } from "../platform/sandbox-probe.ts";
import { hasTerminal } from "../platform/terminal.ts";
import type { ProbeReport } from "./doctor-probe.ts";

const PROBE = fileURLToPath(new URL("./doctor-probe.ts", import.meta.url));

/**
 * Looks at what this machine and, unless it is null, a home have of what the substrate needs. Starts one sandbox, for the
 * only sure answer, with the rights that the monitor would have.
 */
export async function probeMachine(home: string | null): Promise<readonly Check[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    PROBE,
    ...(home === null ? [] : [home]),
  ]);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program wrote it
  const { system: report, home: problem } = JSON.parse(stdout) as ProbeReport;
  return [
    checkNode(),
    checkBubblewrap(report),
    checkSandbox(report),
    {
      name: "seccomp",
      state: report.seccomp ? "ok" : "missing",
      found: report.seccomp ? "filters can be installed" : "no filter for this machine",
      hint: null,
    },
    {
      name: "landlock",
      state: report.landlock > 0 ? "ok" : "note",
      found: report.landlock > 0 ? `ABI ${report.landlock}` : "not in this kernel; the sandbox does without",
      hint: null,
    },
    {
      name: "cgroups",
      state: report.cgroupControllers.length > 0 ? "ok" : "note",
      found:
        report.cgroupControllers.length > 0
          ? report.cgroupControllers.join(" ")
          : "none delegated; limits are per process and watched",
      hint: null,
    },
    hasTerminal()
      ? { name: "terminal", state: "ok", found: "a person can sign here", hint: null }
      : { name: "terminal", state: "note", found: "none: nothing can be signed from here", hint: null },
    checkUser(),
    ...(problem === null
      ? []
      : [{ name: "home", state: "missing", found: problem.message, hint: problem.hint } as const]),
  ];
}

function checkNode(): Check {
  const major = Number(process.versions.node.split(".")[0]);
  return major >= 24
    ? { name: "node", state: "ok", found: process.versions.node, hint: null }
    : { name: "node", state: "missing", found: process.versions.node, hint: "npm install brings Node 24" };
}

function checkBubblewrap({ bubblewrap }: SystemReport): Check {
  if (bubblewrap === null)
    return { name: "bubblewrap", state: "missing", found: "not installed", hint: "apt-get install bubblewrap" };
  return bubblewrap.missing.length === 0
    ? { name: "bubblewrap", state: "ok", found: `${bubblewrap.version} at ${bubblewrap.path}`, hint: null }
    : {
        name: "bubblewrap",
        state: "missing",
        found: `${bubblewrap.version} lacks ${bubblewrap.missing.join(" ")}`,
        hint: "install version 0.8 or newer",
      };
}

function checkSandbox({ trial }: SystemReport): Check {
  return trial.works
    ? { name: "sandbox", state: "ok", found: "one was started, with everything on", hint: null }
    : { name: "sandbox", state: "missing", found: `${trial.message} (${trial.code})`, hint: trial.hint };
}

function checkUser(): Check {
  const id = process.getuid?.() ?? -1;
  if (id !== 0) return { name: "user", state: "ok", found: `user id ${id}: a user install`, hint: null };
  return findUser("aios") === null
    ? {
        name: "user",
        state: "missing",
        found: "root, and there is no user aios for the monitor",
        hint: "useradd --system --user-group --no-create-home --shell /usr/sbin/nologin aios",
      }
    : { name: "user", state: "ok", found: "root; the monitor runs as aios", hint: null };
}

/** User and group ids of an account of this machine, or null. */
export function findUser(name: string): { readonly uid: number; readonly gid: number } | null {
  const [, , uid, gid] = (
    readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .find((row) => row.startsWith(`${name}:`)) ?? ""
  ).split(":");
  return uid === undefined || gid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
}
