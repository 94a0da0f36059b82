import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CliFailure } from "../cli/failure.ts";
import type { MonitorClient } from "../cli/powers.ts";
import type { JsonValue } from "../kernel/json.ts";
import type { Channel } from "../platform/powers.ts";
import { PlatformError } from "../platform/platform-error.ts";
import { holderOf, lookAtProcess } from "../platform/files/lock-holder.ts";
import { connectUnix } from "../platform/channels/unix-server.ts";
import { CLI_TABLE } from "../protocol/cli-table.ts";
import { decode } from "../protocol/decode.ts";
import { CLI_SIDE } from "../protocol/cli-side.ts";
import { RpcError } from "../protocol/rpc-error.ts";
import { createPeer } from "../protocol/rpc.ts";
import type { CliEvents, CliRequests } from "../protocol/requests.ts";
import type { BodyOf } from "../protocol/side.ts";

/** Where a home's monitor listens. */
export function monitorSocket(home: string): string {
  return join(home, "run", "aiosd.sock");
}

/** What a home's monitor holds from its first moments to its last. */
export function monitorLock(home: string): string {
  return join(home, "run", "lock");
}

/** Its process is there and does nothing. */
export function stoppedBySignal(home: string, pid: number): CliFailure {
  return CliFailure.of(
    "monitor-stopped",
    `The monitor of ${home} does not answer: a signal stopped its process ${pid}`,
    `kill -CONT ${pid} lets it go on; ended by kill -KILL ${pid}, its next start takes up what was recorded`,
  );
}

/** Connects when the monitor of a home runs, else null. */
export async function attachMonitor(home: string): Promise<MonitorClient | null> {
  try {
    return wrap(await connectUnix(monitorSocket(home)), home);
  } catch (error) {
    if (error instanceof PlatformError && (error.code === "unreachable" || error.code === "socket-folder")) return null;
    throw error;
  }
}

/** How often it is looked whether a monitor that ended a connection is gone, and how long from one look to the next, milliseconds. */
const GONE_LOOKS = 20;
const GONE_LOOK_MS = 25;

/** Whether a monitor that ended a connection runs on: one that was killed closes its connections and its socket one by one. */
export async function monitorRuns(home: string): Promise<boolean> {
  for (let looks = 0; looks < GONE_LOOKS; looks += 1) {
    const client = await attachMonitor(home);
    if (client === null) return false;
    client.close();
    await sleep(GONE_LOOK_MS);
  }
  return true;
}

function wrap(channel: Channel, home: string): MonitorClient {
  const listeners: { [Name in keyof CliEvents]?: (body: CliEvents[Name]) => void } = {};
  /** What the monitor says unasked, first of all: whoever listens later hears it then. */
  let recovering: CliEvents["recovering"] | null = null;
  let broken: string | null = null;
  let closing = false;
  let onEnd: ((error: Error) => void) | null = null;
  /** One that a signal stopped takes a connection and never answers: until its first answer, and while it ends, that is looked for. */
  const standing = watchStopped(home, (failure) => {
    closing = true;
    onEnd?.(failure);
    peer.close();
  });
  let answered = false;
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
      const looks = !answered || name === "stop";
      // What one that is stopped is sent it would do later, when nobody reckons with it.
      if (looks) await standing.runs();
      if (looks) standing.begin();
      try {
        // The two spellings of the same body, which TypeScript cannot see through while `Name` is open.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        return await peer.request(name, body as BodyOf<CliRequests[typeof name]>);
      } catch (error) {
        const failure = standing.found();
        if (failure !== null) throw failure;
        if (!(error instanceof RpcError)) throw error;
        if (error.remote) throw CliFailure.fromMonitor(error);
        throw CliFailure.of(
          "monitor-lost",
          broken ?? error.message,
          "the request may or may not have been carried out; aios log show says",
        );
      } finally {
        answered = true;
        if (name !== "stop") standing.end();
      }
    },
    onEvent(name, listener) {
      Object.assign(listeners, { [name]: listener });
      if (recovering === null || listeners.recovering === undefined) return;
      listeners.recovering(recovering);
      recovering = null;
    },
    onEnd(listener) {
      onEnd = listener;
      void peer.closed.then(() => void (closing || listener(ended())));
    },
    close() {
      closing = true;
      standing.end();
      peer.close();
    },
  };
}

/** From one look at the process to the next, milliseconds, and how many in a row must find it stopped. */
const STANDING_MS = 500;
const STOPPED_LOOKS = 3;

/** Looks whether a signal has stopped the monitor of a home, while it is waited for; `tell` is called once with that. */
function watchStopped(
  home: string,
  tell: (failure: CliFailure) => void,
): { runs(): Promise<void>; begin(): void; end(): void; found(): CliFailure | null } {
  let timer: NodeJS.Timeout | null = null;
  let stopped = 0;
  let found: CliFailure | null = null;
  const end = (): void => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };
  /** Whether it is stopped at this moment. */
  const look = (): boolean => {
    const pid = holderOf(monitorLock(home));
    stopped = pid !== null && lookAtProcess(pid)?.stopped === true ? stopped + 1 : 0;
    if (pid !== null && stopped >= STOPPED_LOOKS) found = stoppedBySignal(home, pid);
    return stopped > 0;
  };
  return {
    async runs() {
      while (look()) {
        if (found !== null) throw found;
        await sleep(STANDING_MS);
      }
    },
    begin() {
      timer ??= setInterval(() => {
        look();
        if (found === null) return;
        end();
        tell(found);
      }, STANDING_MS).unref();
    },
    end,
    found: () => found,
  };
}
