import type { Proposal } from "../kernel/action.ts";
import type { FaceEvents, Outcome } from "../protocol/requests.ts";
import type { Timer } from "../platform/powers.ts";
import type { CallProgress, MonitorLink } from "./monitor-link.ts";

/** What the caller of one call wants to hear and can do while it runs. */
export interface CallOptions {
  /** Called with progress that always grows, as MCP demands; null when the client gave no progress token. */
  readonly onProgress: ((progress: CallProgress) => void) | null;
  /** Hands over a function that takes the call back; it does nothing once the call is over. */
  readonly onOpen: (withdraw: () => void) => void;
}

/** The open calls of one connection. */
export interface CallDoor {
  /** Runs one proposal; null when the connection has too many open calls. Rejects when the monitor is gone. */
  propose(proposal: Proposal, options: CallOptions): Promise<Outcome> | null;
}

/** All open calls of a face. */
export interface Calls {
  /** A door for one connection, with its own bound. */
  door(limit: number): CallDoor;
  /** Events of the monitor, by token; those of calls that are over are dropped. */
  onProgress(event: FaceEvents["progress"]): void;
  onHeld(event: FaceEvents["held"]): void;
}

/** How often a client is told that its call still waits. Clients commonly give up after 60 s without progress. */
const KEEP_ALIVE_MS = 5_000;
/** Small enough that what a server reports later is still greater, and passes unchanged. */
const KEEP_ALIVE_STEP = 1e-6;
const HELD_MESSAGE = "AIOS is asking a human about this call; it has not run yet.";

interface OpenCall {
  onProgress(progress: CallProgress): void;
  onHeld(): void;
}

/** Makes the calls of one face over the monitor's link. Tokens are never used twice. */
export function createCalls(link: Pick<MonitorLink, "propose" | "cancel">, timer: Timer): Calls {
  const open = new Map<number, OpenCall>();
  let lastToken = 0;

  async function run(proposal: Proposal, options: CallOptions, done: () => void): Promise<Outcome> {
    lastToken += 1;
    const token = lastToken;
    const call = trackProgress(options.onProgress, timer);
    open.set(token, call);
    options.onOpen(() => {
      if (open.has(token)) link.cancel(token);
    });
    try {
      return await link.propose(proposal, token);
    } finally {
      open.delete(token);
      call.stop();
      done();
    }
  }

  return Object.freeze({
    door: (limit: number) => {
      let running = 0;
      return Object.freeze({
        propose: (proposal: Proposal, options: CallOptions) => {
          if (running >= limit) return null;
          running += 1;
          return run(proposal, options, () => {
            running -= 1;
          });
        },
      });
    },
    onProgress: ({ token, ...progress }: FaceEvents["progress"]) => open.get(token)?.onProgress(progress),
    onHeld: ({ token }: FaceEvents["held"]) => open.get(token)?.onHeld(),
  });
}

/** Keeps one call's progress growing, and its client patient while a human is asked. */
function trackProgress(
  listener: ((progress: CallProgress) => void) | null,
  timer: Timer,
): OpenCall & { readonly stop: () => void } {
  let last = 0;
  let cancelTimer: (() => void) | null = null;

  function send(progress: CallProgress): void {
    last = progress.progress > last ? progress.progress : last + KEEP_ALIVE_STEP;
    listener?.({ ...progress, progress: last });
  }
  function keepAlive(): void {
    send({ progress: last + KEEP_ALIVE_STEP, total: null, message: HELD_MESSAGE });
    cancelTimer = timer.after(KEEP_ALIVE_MS, keepAlive);
  }
  return {
    onProgress: (progress) => {
      cancelTimer?.();
      send(progress);
    },
    onHeld: () => {
      if (listener === null) return;
      cancelTimer?.();
      keepAlive();
    },
    stop: () => cancelTimer?.(),
  };
}
