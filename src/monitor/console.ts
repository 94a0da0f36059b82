import type { Channel, SandboxedProcess } from "../platform/powers.ts";
import type { SocketEnd } from "../platform/channels/socket-end.ts";
import {
  CONSOLE_TAKEN,
  MONITOR_CONSOLE,
  type ConsoleEvents,
  type ConsoleRequests,
  type ConsoleTaken,
} from "../protocol/console-table.ts";
import type { PeerFault } from "../protocol/rpc-error.ts";
import { createPeer } from "../protocol/rpc.ts";
import { answering } from "./answering.ts";
import type { CliHandlers } from "./cli-requests.ts";
import type { ConsoleName } from "./console-name.ts";
import { within } from "./driver-pool.ts";
import { Refusal } from "./faults.ts";
import type { Journal } from "./journal.ts";
import type { MonitorPowers } from "./powers.ts";
import { viewPending } from "./recovery.ts";
import type { RelyingParty } from "./relying-party.ts";
import { planConsole, type CodeLayout } from "./sandbox-plans.ts";
import { createTurns } from "./turns.ts";
import { createWatching, type Watcher } from "./watching.ts";

/** The console is ready within this or it is none. */
const READY_MS = 20_000;
/** How long a code lets somebody in. */
const CODE_MS = 5 * 60_000;

/** What answers the console: its row of the request table. */
export type ConsoleHandlers = {
  readonly [K in keyof ConsoleRequests]: (body: ConsoleRequests[K]["body"]) => Promise<ConsoleRequests[K]["ok"]>;
};

/** What the monitor says to the console. */
export interface ConsolePeer {
  event(name: "admit", body: ConsoleEvents["admit"]): void;
  close(): void;
}

export interface ConsolePorts {
  readonly powers: MonitorPowers;
  readonly journal: Pick<Journal, "write" | "state">;
  readonly code: CodeLayout;
  /** Digest of our own code as the record `start` has it. */
  readonly identity: string;
  readonly relyingParty: Pick<RelyingParty, "port">;
  readonly consoleName: ConsoleName;
  /** Who is told what happens. */
  readonly watchers: Set<Watcher>;
  refused(peer: string, fault: PeerFault): void;
  failed(error: unknown, name: string): void;
}

/** The console of a monitor: at most one. */
export interface ConsoleDesk {
  /**
   * Starts it when it does not run, and gives its origin and a code that lets one browser in. Throws Refusal `port-taken`,
   * `code-changed`, `confinement`.
   */
  open(looks: CliHandlers): Promise<{ readonly origin: string; readonly code: string }>;
  /** Where it is found while it runs; null when it does not, since another program may listen there then. */
  origin(): string | null;
  /** Ends it; its sessions end with it. False when it does not run. */
  close(): Promise<boolean>;
}

interface Running {
  readonly process: SandboxedProcess;
  readonly peer: ConsolePeer;
  why: string;
}

/** Makes it; nothing is started before somebody asks for it. */
export function createConsoleDesk(ports: ConsolePorts): ConsoleDesk {
  const { powers, journal } = ports;
  let running: Running | null = null;
  // One after the other: two commands at a time start one console.
  const inTurn = createTurns();

  async function start(looks: CliHandlers): Promise<Running> {
    const { pages } = powers;
    if ((await powers.codeDigest(pages.code)) !== ports.identity) {
      throw new Refusal(
        "code-changed",
        "The code of AIOS is not what it was when the monitor started.",
        "End this monitor with `aios serve --stop`; the next command starts one.",
      );
    }
    const listeners = await listen(ports.relyingParty.port);
    ports.consoleName.renew(); // the port is ours: nobody but this console answers at this name
    try {
      const process = await powers.startSandbox(planConsole(ports.code, listeners.length), "capture", listeners);
      return await serve(process, { pages: pages.digest(), looks });
    } finally {
      for (const listener of listeners) listener.close();
    }
  }

  /** Nobody is sent to a port that somebody else has: what listens there would be taken for the console. It is written down. */
  async function listen(port: number): Promise<readonly SocketEnd[]> {
    try {
      return powers.holdLoopback(port);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      await journal.write({ kind: "refused", peer: "console", code: "port-taken", what: why });
      throw new Refusal(
        "port-taken",
        `Port ${port}, where the console is to listen, is taken by another program of this machine: ${why}.`,
        "See what listens there (`ss -ltnp`) and end it; do not open that address meanwhile.",
      );
    }
  }

  async function serve(
    process: SandboxedProcess,
    { pages, looks }: { readonly pages: string; readonly looks: CliHandlers },
  ): Promise<Running> {
    const host = ports.consoleName.host();
    const { port } = ports.relyingParty;
    const [channel] = process.channels;
    if (channel === undefined) throw new Refusal("confinement", "The console got no channel.", "Run `aios doctor`.");
    const ready = Promise.withResolvers<void>();
    ready.promise.catch(() => undefined); // it is awaited below, or what is thrown before says more
    const peer = connect(channel, ports, (watch) => ({
      ...pick(looks),
      async watch({ instance }) {
        watch(instance);
        ready.resolve(); // its last word before it takes visitors
        return {};
      },
      async ready({ pages: served }) {
        // What a browser gets is what our own code says it is, to the byte (SHOWN-SIGNED-RUN).
        if (served !== pages) ready.reject(new Error("its pages are not those of this code"));
        await journal.write({ kind: "console-opened", host, port, pages: served });
        return { host, port };
      },
      async entered({ by, key }) {
        if (key !== null && !journal.state.owners.has(key))
          throw new Refusal("no-owner", "No owner has that passkey any more.", "Ask somebody who administers.");
        await journal.write({ kind: "console-entered", by });
        return {};
      },
      async visited({ peers, ...counted }) {
        await journal.write({ kind: "console-visited", ...counted }, { peers });
        return {};
      },
    }));
    const made: Running = { process, peer, why: "gone" };
    void process.ended.then(() => {
      ready.reject(new Error(`it ended: ${process.errors().trim()}`));
      peer.close();
      if (running === made) running = null;
      // The port is anybody's now: what a page at this name has signed from here on counts for nothing.
      ports.consoleName.renew();
      void journal.write({ kind: "console-closed", why: made.why }).catch(() => undefined);
    });
    try {
      await within(powers, { ms: READY_MS, what: "it was not ready in time", promise: ready.promise });
    } catch (error) {
      made.why = "not-ready";
      process.kill();
      const why = error instanceof Error ? error.message : "it failed";
      throw new Refusal("confinement", `The console did not start: ${why}.`, "Run `aios doctor`.");
    }
    return made;
  }

  async function close(): Promise<boolean> {
    const open = running;
    if (open === null) return false;
    open.why = "asked";
    open.process.kill();
    await open.process.ended;
    return true;
  }

  return {
    open: (looks) =>
      inTurn(async () => {
        running ??= await start(looks);
        const code = powers.random.hex(16);
        running.peer.event("admit", { code: powers.crypto.digest(code), ms: CODE_MS });
        return { origin: ports.consoleName.origin(), code };
      }),
    origin: () => (running === null ? null : ports.consoleName.origin()),
    close: () => inTurn(close),
  };
}

/** `handlersOf` is handed what begins the stream of events on this channel. */
function connect(
  channel: Channel,
  { journal, watchers, refused, failed }: ConsolePorts,
  handlersOf: (watch: (instance: string | null) => void) => ConsoleHandlers,
): ConsolePeer {
  const watching = createWatching(watchers);
  const watch = (instance: string | null): void => {
    watching.watch(peer, instance);
    void peer.event("recovering", viewPending(journal.state));
  };
  const peer = createPeer(channel, {
    side: MONITOR_CONSOLE,
    requests: answering(handlersOf(watch)),
    events: {},
    onFault: (fault) => refused("console", fault),
    onError: failed,
  });
  // Not by way of what it watches, of which it may lose some: whoever loses a passkey loses the session by it.
  const ending = createSessionEnds((key) => void peer.event("left", { key }));
  watchers.add(ending);
  void peer.closed.then(() => {
    watching.end();
    watchers.delete(ending);
  });
  return { event: (name, body) => void peer.event(name, body), close: () => peer.close() };
}

/** Hears whose sessions end: with the removal of the owner whose passkey they began with. */
function createSessionEnds(end: (key: string) => void): Watcher {
  return {
    instance: null,
    send(_name, body) {
      if ("record" in body && body.record.kind === "owner-removed") end(body.record.owner);
    },
  };
}

function pick(looks: CliHandlers): Pick<CliHandlers, ConsoleTaken> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made of exactly these names
  return Object.fromEntries(CONSOLE_TAKEN.map((name) => [name, looks[name]])) as Pick<CliHandlers, ConsoleTaken>;
}
