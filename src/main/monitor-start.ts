import { spawn } from "node:child_process";
import { mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readDiskFault } from "../cli/disk-fault.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { CliFailure } from "../cli/failure.ts";
import type { MonitorClient } from "../cli/powers.ts";
import { findProcess } from "../platform/find-process.ts";
import { holderOf, lookAtProcess } from "../platform/files/lock-holder.ts";
import { monitorEnvironment } from "./code-cache.ts";
import { PUT_BACK } from "./log-repair.ts";
import { attachMonitor, monitorLock, stoppedBySignal } from "./monitor-client.ts";
import { MONITOR_FLAGS } from "./monitor-flags.ts";
import { findMeaning } from "./translate.ts";

/** One that starts and takes no processor time for so long makes no progress; one that takes so long is told of. Milliseconds. */
const STILL_MS = 20_000;
/** From one look to the next, and looks until a start is not one of the quick ones any more. */
const LOOK_MS = 25;
const QUICK_LOOKS = 40;
/** Starts that lost to another one which then ended by itself. */
const MOST_STARTS = 5;
/** Looks in a row at a process that a signal stopped until that is said: somebody may have it go on at once. */
const STOPPED_LOOKS = 20;

export interface StartPorts {
  /** Tells the person that it takes long, once. */
  tell(lines: string): void;
  /** Waits so many milliseconds. */
  sleep(ms: number): Promise<unknown>;
  /** Milliseconds that only ever grow. */
  now(): number;
}

/** Time as it passes. */
export const REAL_TIME: Omit<StartPorts, "tell"> = { sleep, now: () => performance.now() };

/**
 * Connects to the monitor of a home and starts it first when it does not run: detached, so that it outlives this command. Waits
 * for a start, this one or that of another command, as long as it makes progress: a long log takes its time.
 */
export async function connectMonitor(home: string, program: string, ports: StartPorts): Promise<MonitorClient> {
  const running = await attachMonitor(home);
  if (running !== null) return running;
  let daemon = startMonitor(home, program);
  let starts = 1;
  const watch = watchStart(home, ports);
  for (let looks = 0; ; looks += 1) {
    await ports.sleep(LOOK_MS);
    const client = await attachMonitor(home);
    if (client !== null) return client;
    if (daemon.ended() === null && looks < QUICK_LOOKS) continue;
    // Another command may have won the race to start it; then ours ends and theirs is waited for.
    const starting = holderOf(monitorLock(home)) ?? (daemon.ended() === null ? daemon.pid : null);
    if (starting !== null) watch.look(starting);
    else if (daemon.ended() !== EXIT.monitor || starts === MOST_STARTS) throw describeStart(home, daemon.said());
    else {
      // That one has ended as well, by itself or since it was told to.
      daemon = startMonitor(home, program);
      starts += 1;
    }
  }
}

/** What a start is known by before it holds the home's lock. */
export interface StartMarks {
  /** The monitor's program. */
  readonly program: string;
  /** The users as whom it may run. */
  readonly users: ReadonlySet<number>;
}

/** The process of a home's monitor that does not listen yet, or no more; null: there is none. */
function findStart(home: string, { program, users }: StartMarks): number | null {
  return holderOf(monitorLock(home)) ?? findProcess([program, "--home", home], users);
}

/** Who starts a home's monitor at this moment. Throws `monitor-stopped` when a signal stopped that process. */
export function lookForStart(home: string, marks: StartMarks): number | null {
  const pid = findStart(home, marks);
  if (pid !== null && lookAtProcess(pid)?.stopped === true) throw stoppedBySignal(home, pid);
  return pid;
}

/**
 * Connects to the monitor of a home that runs, and waits for one that starts as `connectMonitor` does, or until one that ends
 * is gone; null: none runs, and none is started.
 */
export async function attachStarting(
  home: string,
  marks: StartMarks,
  ports: StartPorts,
): Promise<MonitorClient | null> {
  const watch = watchStart(home, ports);
  for (;;) {
    const client = await attachMonitor(home);
    if (client !== null) return client;
    const starting = findStart(home, marks);
    if (starting === null) return null;
    watch.look(starting);
    await ports.sleep(LOOK_MS);
  }
}

/** Looks at a process that starts a monitor, again and again. It throws when that makes no progress any more. */
function watchStart(home: string, { tell, now }: StartPorts): { look(pid: number): void } {
  const began = now();
  let [moved, known, stopped, told] = [began, "", 0, false];
  return {
    look(pid) {
      const found = lookAtProcess(pid);
      if (found === null) return;
      stopped = found.stopped ? stopped + 1 : 0;
      if (stopped >= STOPPED_LOOKS) throw stoppedBySignal(home, pid);
      const state = `${pid} ${found.ticks}`;
      if (state !== known) [moved, known] = [now(), state];
      if (now() - moved > STILL_MS)
        throw CliFailure.of(
          "monitor-unreachable",
          `The monitor of ${home} does not answer: process ${pid} starts it, and has done nothing for ${STILL_MS / 1000} s`,
          "it may wait for its disk: aios doctor looks at that; the next command goes on waiting for it",
        );
      if (told || now() - began < STILL_MS) return;
      told = true;
      tell(`aios: the monitor of ${home} starts (process ${pid}); a long log takes a while\n`);
    },
  };
}

interface Daemon {
  readonly pid: number | null;
  /** Its exit code once it has ended. */
  ended(): number | null;
  /** What it wrote to standard error. */
  said(): string;
}

/**
 * Its standard error is a file without a name: a pipe would break when this command ends, and the monitor stays.
 * Nothing of this process's environment is passed on but PATH, where bubblewrap is found, and HOME.
 */
function startMonitor(home: string, program: string): Daemon {
  const folder = mkdtempSync(join(tmpdir(), "aios-start-"));
  const errors = openSync(join(folder, "errors"), "wx+", 0o600);
  rmSync(folder, { recursive: true });
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", ...MONITOR_FLAGS, program, "--home", home],
    {
      cwd: "/",
      detached: true,
      env: monitorEnvironment(process.env["PATH"], process.env["HOME"]),
      stdio: ["ignore", "ignore", errors],
    },
  );
  let code: number | null = null;
  let killed = "";
  child.once("exit", (exit, signal) => {
    code = exit ?? 1;
    if (signal !== null) killed = `aiosd: ${signal} ended it\n`;
  });
  child.once("error", () => {
    code = 1;
  });
  child.unref();
  return {
    pid: child.pid ?? null,
    ended: () => code,
    said: () => `${readStart(errors)}${killed}`,
  };
}

/**
 * Why a monitor ended as it started, from its standard error: its own words when it gave any, else the line in which Node
 * names the fault. What a person can repair has this program's own code and exit; the monitor's code is never shown beside it.
 */
export function describeStart(home: string, text: string): CliFailure {
  const lines = text.split("\n").filter((row) => row.trim() !== "");
  const said = lines.find((row) => row.startsWith("aiosd: "))?.slice("aiosd: ".length);
  const { words, code } = /^(?<words>.*?)(?: \((?<code>[A-Za-z_-]+)\))?$/u.exec(said ?? "")?.groups ?? {};
  const hint = lines.find((row) => row.startsWith("  hint: "))?.slice("  hint: ".length) ?? null;
  const meaning = code === undefined ? null : findMeaning(code);
  if (meaning !== null && words !== undefined) return CliFailure.of(meaning, words, hint);
  const disk = readDiskFault(said ?? text);
  if (disk !== null)
    return CliFailure.of("file-unwritable", `The monitor of ${home} cannot start: ${disk.means}`, disk.hint);
  const fault = lines.find((row) => /^\w*Error\b/u.test(row)) ?? lines[0] ?? "it said nothing";
  const damaged = code !== undefined && DAMAGES.has(code);
  return CliFailure.of(
    "monitor-unreachable",
    `The monitor of ${home} ended as it started: ${said === undefined ? fault : (words ?? said)}${damaged ? ` (in ${home}/log)` : ""}`,
    hint ?? (damaged ? REPAIR : "aios doctor says what this machine lacks"),
  );
}

/** Codes with which a monitor refuses a log that is not as it left it. */
const DAMAGES: ReadonlySet<string> = new Set(["log-damaged", "log-forked", "log-shrunk", "log-inconsistent"]);
const REPAIR = `nothing is repaired by guessing: aios log verify names what is damaged; ${PUT_BACK}`;

function readStart(file: number): string {
  const bytes = Buffer.alloc(4096);
  return bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, 0));
}
