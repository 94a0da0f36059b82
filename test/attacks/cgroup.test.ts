import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Enclosed } from "../cgroup/enclosed.ts";
import { REPO } from "../e2e/substrate.ts";

/*
 * Where a cgroup of version 2 is delegated to the monitor the kernel bounds what a sandbox uses in all. Needs root and a
 * machine whose controllers are on version 2; where they are not, a user-mode Linux (Debian: user-mode-linux), which has
 * them.
 */
const UML = "/usr/bin/linux.uml";
const BOOT = "mem=2G rootfstype=hostfs rootflags=/ ro cgroup_no_v1=all quiet con=null con0=fd:0,fd:1".split(" ");
const PROGRAM = ["aios", join(REPO, "node_modules/.bin/node"), join(REPO, "test/cgroup/enclosed.ts")];
const MACHINE = join(REPO, "test/cgroup/machine.sh");
const PATIENCE = 240_000;

/** Whether this machine has the controllers on version 2: a controller is on one version at a time. */
function isUnified(): boolean {
  const point = /^\d+ \d+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(readFileSync("/proc/self/mountinfo", "utf8"))?.[1];
  const controllers = point === undefined ? "" : readFileSync(join(point, "cgroup.controllers"), "utf8");
  return ["memory", "pids"].every((name) => controllers.split(/\s/).includes(name));
}

function findMachine(): readonly [string, ...string[]] | null {
  if (process.geteuid?.() !== 0) return null;
  if (isUnified()) return ["sh", MACHINE, ...PROGRAM];
  return existsSync(UML) ? [UML, ...BOOT, `init=${MACHINE}`, "--", ...PROGRAM] : null;
}

const machine = findMachine();
if (machine === null) {
  const needs = "root, and either controllers of version 2 or /usr/bin/linux.uml (apt-get install user-mode-linux)";
  process.stderr.write(`NOT PROVEN: that cgroups bound a sandbox needs ${needs}\n`);
}

describe.skipIf(machine === null)("with a delegated cgroup", () => {
  let tried: Enclosed;
  beforeAll(() => {
    const [program = "", ...words] = machine ?? [];
    const { stdout, stderr } = spawnSync(program, words, {
      encoding: "utf8",
      timeout: PATIENCE,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said = stdout.split("\n").find((row) => row.startsWith("{"));
    if (said === undefined) throw new Error(`the machine said nothing of it: ${stdout}${stderr}`);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program wrote it
    tried = JSON.parse(said) as Enclosed;
  }, PATIENCE);

  test("memory that no process has open ends a sandbox, and outside of a group nothing sees it", () => {
    expect(tried.memory).toEqual(["held", "ended: 137"]);
  });
  test("a storm of forks stops at the bound over all of them", () => {
    expect(tried.forks).toEqual(["40", "23"]);
  });
  test("processor time of processes that nobody waited for is counted", () => {
    expect(tried.processor).toBeGreaterThanOrEqual(2);
  });
  test("a harmless program runs, and no group is left behind", () => {
    expect([tried.harmless, tried.left]).toEqual(["ran", []]);
  });
  test("a monitor moves into a group beneath its own, and says that cgroups hold here", () => {
    expect(tried.monitor).toEqual(["cgroup", "for-a-monitor/monitor"]);
  });
});
