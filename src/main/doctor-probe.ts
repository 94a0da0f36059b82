/**
 * Looks at the machine and at a home with the rights that the monitor has: as root it begins again as the monitor's own
 * user first. Writes a `SystemReport` as JSON, a line, and then with a home a `HomeReport`, another, and a
 * `LogReport`, a third: those may take as long as the disk does not answer.
 *
 *     doctor-probe.ts [HOME]
 */
import { lstatSync, readdirSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createCrypto } from "../platform/keys/crypto.ts";
import { lookAtLogDisk, type DiskRoom } from "../platform/files/disk-room.ts";
import { openHome, quotePath } from "../platform/home.ts";
import { checkMonitorKeys } from "../platform/log/monitor-keys.ts";
import { becomeOwnUser } from "../platform/sandbox/own-user.ts";
import { PlatformError } from "../platform/platform-error.ts";
import { prepareAgents } from "./agent-start.ts";
import { findLogProblem, type LogProblem } from "./look-at-log.ts";
import { probeSystem, type SystemReport } from "../platform/sandbox/sandbox-probe.ts";

export interface HomeReport {
  /** What the disk of the home takes, or null when no monitor would start there. */
  readonly disk: DiskRoom | null;
  /** Why a monitor would not start in the home, or null. */
  readonly problem: { readonly message: string; readonly hint: string | null } | null;
}

export interface LogReport {
  /** Why a monitor would not start with the log, or null; a log that a monitor has open is not looked at. */
  readonly log: LogProblem | null;
}

function findHomeProblem(path: string): HomeReport["problem"] {
  try {
    const { keys } = openHome(path);
    for (const name of readdirSync(keys)) {
      const file = join(keys, name);
      const found = lstatSync(file);
      if (found.isFile() && (found.mode & 0o077) !== 0) {
        const mode = (found.mode & 0o777).toString(8);
        return { message: `the mode of "${file}" is ${mode}, not 600`, hint: `chmod 600 ${quotePath(file)}` };
      }
    }
    checkMonitorKeys(keys);
    return null;
  } catch (error) {
    return {
      message: error instanceof Error ? error.message : String(error),
      hint: error instanceof PlatformError ? error.hint : null,
    };
  }
}

const ROOT = resolve(fileURLToPath(new URL("../..", import.meta.url)));

becomeOwnUser({
  user: "aios",
  code: ROOT,
  argv: process.argv,
  environment: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
});
const [, , folder] = process.argv;
const agents = prepareAgents(ROOT);
const system: SystemReport = await probeSystem(agents);
agents.supervisor.close();
writeSync(1, `${JSON.stringify(system)}\n`); // now, since what follows may stop this process where it stands
if (folder !== undefined) {
  const problem = findHomeProblem(folder);
  // Its log first of all: nothing happens that cannot be recorded.
  const report: HomeReport = { problem, disk: problem === null ? lookAtLogDisk(folder) : null };
  writeSync(1, `${JSON.stringify(report)}\n`);
  const log: LogReport = { log: problem === null ? await findLogProblem(folder, createCrypto()) : null };
  writeSync(1, `${JSON.stringify(log)}\n`);
}
