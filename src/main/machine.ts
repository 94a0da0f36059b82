import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describeDisk } from "../cli/disk-check.ts";
import { describeLimits } from "../cli/limit-check.ts";
import type { Check } from "../cli/powers.ts";
import type { SystemReport, Trial } from "../platform/sandbox/sandbox-probe.ts";
import { hasTerminal } from "../platform/terminal/terminal.ts";
import type { HomeReport, LogReport } from "./doctor-probe.ts";
import { findUser } from "./find-user.ts";
import { PUT_BACK } from "./log-repair.ts";
import type { LogProblem } from "./look-at-log.ts";

/** How long the disk of a home may take for a few kilobytes. */
const DISK_SECONDS = 4;

const PROBE = fileURLToPath(new URL("./doctor-probe.ts", import.meta.url));

/**
 * Looks at what this machine and, unless it is null, a home have of what the substrate needs. Starts one sandbox, for the
 * only sure answer, with the rights that the monitor would have.
 */
export async function probeMachine(home: string | null): Promise<readonly Check[]> {
  const { report, problem, disk, log } = await probe(home);
  return [
    checkNode(),
    checkBubblewrap(report),
    checkTrial("sandbox", report.trial),
    checkTrial("agent", report.agentTrial),
    {
      name: "seccomp",
      state: report.seccomp ? "ok" : "missing",
      found: report.seccomp ? "filters can be installed" : "no filter for this machine",
      hint: null,
    },
    report.notification
      ? { name: "notification", state: "ok", found: "calls can wait for the supervisor's answer", hint: null }
      : {
          name: "notification",
          state: "missing",
          found: "filters have no listeners here, so no agent and no server starts",
          hint: "Linux 5.19 or newer with CONFIG_SECCOMP_FILTER has them",
        },
    checkLandlock(report),
    checkLimits(report),
    hasTerminal()
      ? { name: "terminal", state: "ok", found: "a person can sign here", hint: null }
      : { name: "terminal", state: "note", found: "none: nothing can be signed from here", hint: null },
    checkUser(),
    ...(disk === null ? [] : [describeDisk(disk)]),
    ...(problem === null
      ? []
      : [{ name: "home", state: "missing", found: problem.message, hint: problem.hint } as const]),
    ...checkLog(log),
  ];
}

/** Never waits for a disk longer than `DISK_SECONDS`: what looks at it then is left behind, and ends when the disk lets it. */
async function probe(home: string | null): Promise<Probed> {
  const words = ["--disable-warning=ExperimentalWarning", PROBE, ...(home === null ? [] : [home])];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (errors += chunk));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`Cannot look at this machine: ${errors}`);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program wrote it
    return JSON.parse(value) as T;
  };
  const late = new AbortController();
  try {
    const report = await next<SystemReport>();
    if (home === null) return { report, problem: null, disk: null, log: null };
    const silent: HomeReport = { problem: null, disk: { kind: "silent", seconds: DISK_SECONDS } };
    const inTime = async <T>(answer: Promise<T>, instead: T): Promise<T> => {
      const timeout = setTimeout(DISK_SECONDS * 1000, instead, { signal: late.signal });
      timeout.catch(() => {}); // it was in time
      answer.catch(() => {}); // or too late
      return await Promise.race([answer, timeout]);
    };
    const found = await inTime(next<HomeReport>(), silent);
    if (found.disk?.kind === "silent") return { report, ...found, log: null };
    const { log } = await inTime<LogReport | { readonly log: "silent" }>(next<LogReport>(), { log: "silent" });
    return { report, ...found, log };
  } finally {
    late.abort();
    child.kill("SIGKILL");
    child.stdout.destroy();
    child.stderr.destroy();
    child.unref();
  }
}

interface Probed extends HomeReport {
  readonly report: SystemReport;
  readonly log: LogProblem | "silent" | null;
}

/** A log that a monitor starts with is nothing to look at. */
function checkLog(log: Probed["log"]): readonly Check[] {
  if (log === null) return [];
  if (log === "silent") {
    const found = `was not read within ${DISK_SECONDS} seconds, so whether a monitor starts with it is not known`;
    return [{ name: "log", state: "note", found, hint: "aios log verify takes its time" }];
  }
  return [
    { name: "log", state: "missing", found: `no monitor starts with it: ${log.why} (${log.code})`, hint: PUT_BACK },
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
  if (bubblewrap.version === null) {
    const found = `${bubblewrap.path} does not run`;
    return { name: "bubblewrap", state: "missing", found, hint: "install it again: apt-get install bubblewrap" };
  }
  return bubblewrap.missing.length === 0
    ? { name: "bubblewrap", state: "ok", found: `${bubblewrap.version} at ${bubblewrap.path}`, hint: null }
    : {
        name: "bubblewrap",
        state: "missing",
        found: `${bubblewrap.version} lacks ${bubblewrap.missing.join(" ")}`,
        hint: "install version 0.8 or newer",
      };
}

function checkTrial(name: "sandbox" | "agent", trial: Trial): Check {
  return trial.works
    ? { name, state: "ok", found: "one was started, with everything on", hint: null }
    : { name, state: "missing", found: `${trial.message} (${trial.code})`, hint: trial.hint };
}

/**
 * Version 2 is the first whose domains let files be moved between folders, version 3 the first that can guard a folder.
 */
function checkLandlock({ landlock }: SystemReport): Check {
  if (landlock === 2) {
    const found = "ABI 2, not 3: agents and servers start, but none that may write in a workspace";
    return { name: "landlock", state: "note", found, hint: "Linux 6.2 or newer has it" };
  }
  if (landlock > 2) return { name: "landlock", state: "ok", found: `ABI ${landlock}`, hint: null };
  return {
    name: "landlock",
    state: "missing",
    found: `${landlock === 0 ? "not in this kernel, or switched off" : `ABI ${landlock}, not 2`}, so no agent and no server starts`,
    hint: "Linux 5.19 or newer has it; the boot parameter lsm= must list landlock",
  };
}

/** What stands behind the limits of sandboxes, if a monitor was started from here. */
function checkLimits({ delegation }: SystemReport): Check {
  return describeLimits(
    delegation.kind === "delegated" ? "cgroup" : "watch",
    delegation.kind === "none" ? delegation.why : null,
  );
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
