import { spawn } from "node:child_process";
import { mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readDiskFault } from "../cli/disk-fault.ts";
import { CliFailure } from "../cli/failure.ts";
import type { MonitorClient } from "../cli/powers.ts";
import type { JsonValue } from "../kernel/json.ts";
import type { Channel } from "../platform/powers.ts";
import { PlatformError } from "../platform/platform-error.ts";
import { connectUnix } from "../platform/unix-server.ts";
import { CLI_TABLE } from "../protocol/cli-table.ts";
import { decode } from "../protocol/decode.ts";
import { CLI_SIDE } from "../protocol/cli-side.ts";
import { RpcError } from "../protocol/rpc-error.ts";
import { createPeer } from "../protocol/rpc.ts";
import type { CliEvents, CliRequests } from "../protocol/requests.ts";
import type { BodyOf } from "../protocol/side.ts";
import { monitorEnvironment } from "./code-cache.ts";
import { MONITOR_FLAGS } from "./monitor-flags.ts";
import { findMeaning } from "./translate.ts";

const START_MS = 20_000;

/** Where a home's monitor listens. */
export function monitorSocket(home: string): string {
  return join(home, "run", "aiosd.sock");
}

/** Connects when the monitor of a home runs, else null. */
export async function attachMonitor(home: string): Promise<MonitorClient | null> {
  try {
    return wrap(await connectUnix(monitorSocket(home)));
  } catch (error) {
    if (error instanceof PlatformError && (error.code === "unreachable" || error.code === "socket-folder")) return null;
    throw error;
  }
}

/** Connects to the monitor of a home and starts it first when it does not run: detached, so that it outlives this command. */
export async function connectMonitor(home: string, program: string): Promise<MonitorClient> {
  const running = await attachMonitor(home);
  if (running !== null) return running;
  const daemon = startMonitor(home, program);
  const end = performance.now() + START_MS;
  while (performance.now() < end) {
    await sleep(25);
    const client = await attachMonitor(home);
    if (client !== null) return client;
    // Another command may have won the race to start it; then ours ends and theirs answers.
    if (daemon.ended() !== null) {
      await sleep(250);
      const other = await attachMonitor(home);
      if (other !== null) return other;
      throw describeStart(home, daemon.said());
    }
  }
  throw CliFailure.of(
    "monitor-unreachable",
    `The monitor of ${home} did not answer within ${START_MS / 1000} s`,
    "aios serve shows what it says",
  );
}

interface Daemon {
  ended(): number | null;
  /** What it wrote to standard error. */
  said(): string;
}

/**
 * Its standard error is a file without a name: a pipe would break when this command ends, and the monitor stays.
 * Nothing of this process's environment is passed on but PATH, where bubblewrap is found.
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
      env: monitorEnvironment(process.env["PATH"]),
      stdio: ["ignore", "ignore", errors],
    },
  );
  let code: number | null = null;
  child.once("exit", (exit) => {
    code = exit ?? 1;
  });
  child.once("error", () => {
    code = 1;
  });
  child.unref();
  return {
    ended: () => code,
    said: () => readStart(errors),
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
const REPAIR =
  "nothing is repaired by guessing: aios log verify names what is damaged; put back log and keys together from one backup, or begin anew in another home (--home DIR)";

function readStart(file: number): string {
  const bytes = Buffer.alloc(4096);
  return bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, 0));
}

function wrap(channel: Channel): MonitorClient {
  const listeners: { [Name in keyof CliEvents]?: (body: CliEvents[Name]) => void } = {};
  /** What the monitor says unasked, first of all: whoever listens later hears it then. */
  let recovering: CliEvents["recovering"] | null = null;
  let broken: string | null = null;
  let closing = false;
  const peer = createPeer(channel, {
    side: CLI_SIDE,
    requests: {},
    events: {
      recovering: (body) => {
        if (listeners.recovering === undefined) recovering = body;
        else listeners.recovering(body);
      },
      record: (body) => listeners.record?.(body),
      held: (body) => listeners.held?.(body),
      stage: (body) => listeners.stage?.(body),
    },
    onFault: (fault) => {
      broken = `the monitor broke the protocol: ${fault.message}`;
    },
    onError: (error, name) => {
      broken = `${name}: ${error instanceof Error ? error.message : String(error)}`;
    },
  });
  /** Nobody waits for an answer, so there is nothing that may have been carried out. */
  const ended = (): CliFailure =>
    CliFailure.of(
      "monitor-lost",
      broken ?? "the monitor ended the connection",
      "what ran under it ended with it; aios ps starts it again and says what there is",
    );
  return {
    async request(name, body) {
      // The monitor would end the connection, and nobody would learn what was wrong.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- bodies of requests are JSON
      const checked = decode<unknown>(CLI_TABLE[name], body as unknown as JsonValue);
      if (checked.kind === "refused")
        throw CliFailure.of("usage", `Cannot ask the monitor to ${name}: ${checked.path} ${checked.message}`);
      try {
        // The two spellings of the same body, which TypeScript cannot see through while `Name` is open.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        return await peer.request(name, body as BodyOf<CliRequests[typeof name]>);
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        if (error.remote) throw CliFailure.fromMonitor(error);
        throw CliFailure.of(
          "monitor-lost",
          broken ?? error.message,
          "the request may or may not have been carried out; aios log show says",
        );
      }
    },
    onEvent(name, listener) {
      Object.assign(listeners, { [name]: listener });
      if (recovering === null || listeners.recovering === undefined) return;
      listeners.recovering(recovering);
      recovering = null;
    },
    onEnd(listener) {
      void peer.closed.then(() => void (closing || listener(ended())));
    },
    close() {
      closing = true;
      peer.close();
    },
  };
}
