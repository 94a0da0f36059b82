import { execFile, spawnSync } from "node:child_process";
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MONITOR_FLAGS } from "../../src/main/monitor-flags.ts";
import { holderOf } from "../../src/platform/files/lock-holder.ts";
import { openLogFiles } from "../../src/platform/log/log-files.ts";
import { COMMAND } from "../fakes/command.ts";
import { ROOT } from "../source-modules.ts";
import { startSubstrate, type Substrate } from "./substrate.ts";

/** What becomes of a home under a monitor that runs. */
let aios: Substrate;
beforeAll(async () => {
  aios = await startSubstrate();
  await aios.grant({ id: "none", agents: ["worker"], allow: [] });
});
afterAll(() => aios.stop());

test("a second monitor is refused with the exit code of a monitor in the way, and a hint", () => {
  const daemon = join(ROOT, "src", "main", "aiosd.ts");
  const { status, stderr } = spawnSync(process.execPath, [...MONITOR_FLAGS, daemon, "--home", aios.home], {
    encoding: "utf8",
  });
  expect(stderr).toContain(
    "aiosd: Cannot open the log: another process has it open (home-in-use)\n  hint: a monitor of this home runs already; aios serve --stop ends it\n",
  );
  expect(status).toBe(4);
});

test("told to end by two at once it ends once, both come back when it is gone, and what it said is on the disk", async () => {
  const over = aios.ended();
  const ask = (): Promise<unknown> =>
    promisify(execFile)(COMMAND, ["serve", "--stop", "--home", aios.home]).then(({ stdout }) => stdout);
  const said = await Promise.all([ask(), ask(), aios.client.request("stop", {})]);
  expect(said.at(-1)).toEqual({ already: false });
  // Whoever comes late may find it gone.
  const late = /^the monitor (?:ends already|ended already|does not run)\n$/u;
  expect(said.slice(0, 2)).toEqual([expect.stringMatching(late), expect.stringMatching(late)]);
  const log = openLogFiles(join(aios.home, "log"));
  expect(await log.hold()).toBe(true);
  await log.release();
  await over;
  await aios.restart();
});

test("a monitor that a signal stopped is named with what lets it go on, whoever asks it; nothing ends it, and it goes on", () => {
  const pid = holderOf(join(aios.home, "run", "lock"));
  if (pid === null) throw new Error("nobody holds the home");
  process.kill(pid, "SIGSTOP");
  try {
    for (const words of [["serve", "--stop"], ["ps"]]) {
      const { status, stdout, stderr } = spawnSync(COMMAND, [...words, "--home", aios.home], { encoding: "utf8" });
      expect({ status, stdout, stderr }).toEqual({
        status: 4,
        stdout: "",
        stderr: expect.stringMatching(
          new RegExp(`a signal stopped its process ${pid} \\(monitor-stopped\\)\nhint: kill -CONT ${pid} `, "u"),
        ),
      });
    }
  } finally {
    process.kill(pid, "SIGCONT");
  }
});

test("a monitor that was asked to end has everything on the disk when that comes back", async () => {
  const over = aios.ended();
  const { stdout } = spawnSync(COMMAND, ["serve", "--stop", "--home", aios.home], { encoding: "utf8" });
  expect(stdout).toBe("the monitor ends\n");
  const log = openLogFiles(join(aios.home, "log"));
  expect(await log.hold()).toBe(true);
  await log.release();
  await over;
  await aios.restart();
});

test("nothing starts from a home that was moved, and what to do is said; moved back, all goes on", async () => {
  const request = {
    agent: "worker",
    command: ["/aios/node", "-e", ""],
    workspace: null,
    task: null,
    strict: false,
    parent: null,
    environment: {},
    code: [],
    holdAt: [],
    holdSeconds: 60,
    streams: "0".repeat(32),
  };
  renameSync(aios.home, `${aios.home}-moved`);
  try {
    await expect(aios.client.request("run", request)).rejects.toMatchObject({
      code: "home-moved",
      hint: expect.stringContaining("aios serve --stop --home"),
    });
    // RECORD-FIRST: what would be written beside it, into new folders at the old place, is no evidence.
    await expect(aios.grant({ id: "late", agents: ["late"], allow: [] })).rejects.toMatchObject({
      code: "log-unavailable",
      message: "Cannot write the log: the home is not at its place any more",
    });
    expect(existsSync(aios.home)).toBe(false);
  } finally {
    renameSync(`${aios.home}-moved`, aios.home);
  }
  await aios.grant({ id: "late", agents: ["late"], allow: [] });
  expect(await aios.run({ agent: "worker", command: request.command })).toMatchObject({ exit: 0, why: "exited" });
});

test("a monitor whose home was removed under it ends, and what it runs with it", async () => {
  const { promise: started, resolve } = Promise.withResolvers<void>();
  aios.client.onRecord(({ record }) => record.kind === "instance-started" && resolve());
  await aios.client.request("watch", { instance: null });
  const running = aios.run({ agent: "worker", command: ["/aios/node", "-e", "setInterval(() => {}, 1000)"] });
  running.catch(() => null); // its end cannot be heard of any more
  await started;
  const ended = aios.ended();
  rmSync(aios.home, { recursive: true });
  await ended;
  await aios.client.closed;
  expect(existsSync(aios.home)).toBe(false);
});
