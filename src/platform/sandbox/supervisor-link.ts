import { spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { decodeEvidence, REPORT_MOST, type Evidence, type WatchOrder } from "../../sandbox/evidence.ts";
import { SandboxError } from "../../sandbox/error.ts";
import { sendMessage } from "../channels/fd-passing.ts";
import { NAME_VARIABLE, SANDBOX_NAME } from "./leftovers.ts";
import { descriptorOf } from "../channels/peer-credentials.ts";
import { makeSocketPair } from "../channels/socket-pair.ts";
import { keepTail } from "./sandbox-output.ts";
import { closeOnExec } from "./sandbox-syscalls.ts";

/** How long a supervisor may take to be ready, milliseconds. */
const READY_MS = 20_000;

/** What one ward's watcher hears. `unsupervised`: nobody answers its calls any more, so it must end at once. */
export type WardNews = Evidence | { readonly event: "unsupervised" };

/** A sandbox that is to be watched, and descriptors that the supervisor gets copies of. */
export interface SandboxToWatch {
  readonly launcher: number;
  readonly first: number;
  /** Guarded roots, as paths inside. */
  readonly guarded: readonly string[];
  /** The socket to its storage device; null without guarded roots. */
  readonly device: number | null;
  readonly programs: WatchOrder["programs"];
  /** As in `WatchOrder`. */
  readonly diverted?: number | undefined;
}

/** The process that answers the calls of agents' sandboxes; started when first needed, and again after it ended. */
export interface Supervisor {
  /** Starts the process, so that the first agent does not wait for it. Rejects with SandboxError when it does not start. */
  ready(): Promise<void>;
  /**
   * Has a sandbox watched, from before its launcher is let go on; its descriptors stay the caller's and can be closed.
   * `hear` is called for everything about it, in order, until `gone` or `unsupervised`. Rejects with SandboxError.
   */
  watch(ward: SandboxToWatch, hear: (news: WardNews) => void): Promise<void>;
  /** Host process id of the running process, or null. */
  pid(): number | null;
  /** Ends the process; its sandboxes end with it. */
  close(): void;
}

interface Running {
  readonly pid: number;
  readonly socket: Socket;
  readonly wards: Map<number, (news: WardNews) => void>;
  kill(): void;
}

/** The supervisor as `command` starts it (`node main/supervisor.ts`), with these variables too. Runs nothing yet. */
export function createSupervisor(
  command: readonly [string, ...string[]],
  environment: { readonly [name: string]: string } = {},
): Supervisor {
  let running: Promise<Running> | null = null;
  let current: Running | null = null;
  let last = 0;

  function begin(): Promise<Running> {
    running ??= startProcess({ command, environment }, () => {
      running = null;
      current = null;
    }).then((started) => (current = started));
    // A start that failed is forgotten, so that the next asks anew.
    running.catch(() => (running = null));
    return running;
  }

  return Object.freeze({
    ready: async () => void (await begin()),
    async watch(ward, hear) {
      const { socket, wards } = await begin();
      const order: WatchOrder = {
        ward: ++last,
        programs: ward.programs,
        guarded: ward.guarded,
        ...(ward.diverted !== undefined && { diverted: ward.diverted }),
      };
      wards.set(order.ward, hear);
      try {
        const bytes = Buffer.from(`${JSON.stringify(order)}\n`);
        sendMessage(descriptorOf(socket), {
          bytes,
          fds: [ward.launcher, ward.first, ...(ward.device === null ? [] : [ward.device])],
        });
      } catch (cause) {
        wards.delete(order.ward);
        throw new SandboxError("supervisor", `Cannot have a sandbox supervised: ${String(cause)}`);
      }
    },
    pid: () => current?.pid ?? null,
    close: () => current?.kill(),
  } satisfies Supervisor);
}

async function startProcess(
  {
    command: [program, ...rest],
    environment,
  }: {
    readonly command: readonly [string, ...string[]];
    readonly environment: { readonly [name: string]: string };
  },
  onGone: () => void,
): Promise<Running> {
  const [ours, theirs] = makeSocketPair();
  closeOnExec();
  const child = spawn(program, rest, {
    stdio: ["ignore", "ignore", "pipe", theirs],
    env: { ...environment, MALLOC_ARENA_MAX: "1", [NAME_VARIABLE]: SANDBOX_NAME },
    cwd: "/",
    detached: true,
  });
  closeSync(theirs);
  const said = keepTail(child.stderr, 4096);
  const socket = new Socket({ fd: ours, readable: true, writable: true });
  const wards = new Map<number, (news: WardNews) => void>();
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => null);
  const end = (why: string): void => {
    child.kill("SIGKILL");
    socket.destroy();
    onGone();
    ready.reject(new SandboxError("supervisor", `Cannot start the supervisor: ${said.text().trim() || why}`));
    const left = [...wards.values()];
    wards.clear();
    for (const hear of left) hear({ event: "unsupervised" });
  };
  let over = false;
  const endOnce = (why: string): void => {
    if (over) return;
    over = true;
    end(why);
  };
  child.once("error", (error) => endOnce(error.message));
  child.once("exit", () => void said.ended.then(() => endOnce("it ended")));
  socket.on("error", () => endOnce("its socket broke"));
  socket.on("close", () => endOnce("it closed its socket"));
  hearLines(
    socket,
    (line) => {
      if (line === '{"event":"ready"}') return ready.resolve();
      const decoded = decodeEvidence(JSON.parse(line));
      if (decoded.kind !== "ok") throw new Error(`${decoded.path}: ${decoded.message}`);
      const { value } = decoded;
      const hear = wards.get(value.ward);
      if (value.event === "gone") wards.delete(value.ward);
      hear?.(value);
    },
    endOnce,
  );
  const timer = setTimeout(() => endOnce("it was not ready in time"), READY_MS);
  try {
    await ready.promise;
  } finally {
    clearTimeout(timer);
  }
  // An idle supervisor does not keep its monitor alive.
  child.unref();
  socket.unref();
  return { pid: child.pid ?? -1, socket, wards, kill: () => void child.kill("SIGKILL") };
}

/** Calls back for each line. What is too long, no JSON or not expected ends the supervisor: it parses hostile memory. */
function hearLines(socket: Socket, onLine: (line: string) => void, end: (why: string) => void): void {
  let kept: Buffer[] = [];
  let bytes = 0;
  socket.on("data", (chunk: Buffer) => {
    let rest = chunk;
    for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
      const line = Buffer.concat([...kept, rest.subarray(0, at)]).toString("utf8");
      [kept, bytes] = [[], 0];
      rest = rest.subarray(at + 1);
      try {
        onLine(line);
      } catch (error) {
        return end(`it reported nonsense: ${String(error)}`);
      }
    }
    kept.push(rest);
    bytes += rest.length;
    if (bytes > REPORT_MOST) end("it reported too much at once");
  });
}
