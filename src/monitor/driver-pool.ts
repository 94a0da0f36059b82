import { canonicalize } from "../kernel/canonical.ts";
import type { DriverSource, DriverSpec, Label } from "../kernel/grant.ts";
import type { JsonObject } from "../kernel/json.ts";
import { SERVER_GONE } from "../protocol/driver-table.ts";
import { RpcError } from "../protocol/rpc-error.ts";
import type { DriverRequests, FaceEvents, Offer } from "../protocol/requests.ts";
import { type Extensions, openTree, requireStanding } from "./extensions/opening.ts";
import { jsonView } from "./json-view.ts";
import type { Channel, SandboxedProcess } from "../platform/powers.ts";
import type { WardNews } from "../platform/sandbox/supervisor-link.ts";
import type { ReachedLimit } from "./limits.ts";
import type { Storage } from "./live.ts";
import type { MonitorPowers } from "./powers.ts";
import { folderOf, serverStreams, startServer } from "./server-start.ts";
import { type CodeLayout, planConnector, planDriver } from "./sandbox-plans.ts";

/** What a driver's channel is used for; `createPeer` makes it from the socketpair. */
export interface DriverPeer {
  request<K extends keyof DriverRequests>(name: K, body: DriverRequests[K]["body"]): Promise<DriverRequests[K]["ok"]>;
  close(): void;
}

export interface DriverEvents {
  onProgress(progress: FaceEvents["progress"]): void;
  onChanged(offer: Offer): void;
  /** The channel broke its protocol or closed. */
  onGone(): void;
}

export type ConnectDriver = (channel: Channel, events: DriverEvents) => DriverPeer;

/** A driver that runs, with what it offers and the pin that this makes. */
export interface RunningDriver {
  readonly name: string;
  readonly peer: DriverPeer;
  readonly offer: Offer;
  readonly pin: string;
  /**
   * For a driver whose actions last as long as their grants: how many bytes a result counts for, which are not those of
   * its text, whether it tells of an attack that was stopped on the way, and what labels an answer brings besides those of
   * its tool. Null for one that answers and is done.
   */
  readonly lasting: {
    weigh(result: JsonObject): number;
    attacked(result: JsonObject): boolean;
    labels(args: JsonObject): readonly Label[];
  } | null;
  /**
   * For a driver that keeps what it is given and gives elsewhere, under keys that end: what the log has of a result in its
   * place. Absent: the result itself.
   */
  readonly logged?: (result: JsonObject) => JsonObject;
  stop(): void;
}

/** Begins each sandbox, or lets it not begin, so that who can stop it knows of it. */
export type Enlist = (begin: () => Promise<SandboxedProcess>) => Promise<SandboxedProcess>;

/** `driver-timeout` of the first answer; npm servers take a second or two on a busy machine. */
const OPEN_MS = 30_000;
/** How long a server whose output is over may take to end. */
const SERVER_END_MS = 1000;

/**
 * The pin of a driver: its source, the content of its code, and the words and schemas it offers
 * (against rug pulls, CVE-2025-54136). Resources are left out: a server's data may change, its verbs may not.
 */
export function pinText(source: DriverSource, code: string, offer: Offer): string {
  const { server, tools, prompts, resourceTemplates } = offer;
  return canonicalize(jsonView({ v: 1, source, code, server, tools, prompts, resourceTemplates }));
}

/** Starts drivers in sandboxes of their own. Stateless: who starts one stops it. */
export function createDriverPool(
  powers: MonitorPowers,
  { code, connect, state }: { code: CodeLayout; connect: ConnectDriver; state: Extensions },
): {
  start(
    name: string,
    source: DriverSource,
    options: {
      workspace: string | null;
      /** Gives the storage device of the instance that the driver is for; null while it is for none, and writes nothing. */
      storage: ((workspace: string) => Promise<Storage>) | null;
      events: DriverEvents;
      enlist: Enlist;
      hear: (news: WardNews) => void;
      /** Told of each limit of its sandbox that a server reached, once; over one that ends it it was killed by then. */
      reached: (reached: ReachedLimit) => void;
    },
  ): Promise<RunningDriver>;
} {
  return {
    async start(name, source, { workspace, storage: storageFor, events, enlist, hear, reached }) {
      requireStanding(source, state);
      const codeDigest = source.kind === "stdio" ? await powers.codeDigest(source.code) : "";
      const { extensions: store, crypto } = powers;
      const tree = source.kind === "ext" ? await openTree(source, { state, store, crypto }) : null;
      const processes: SandboxedProcess[] = [];
      let server: SandboxedProcess | null = null;
      const stop = (): void => {
        for (const each of processes) each.kill();
      };
      const begin = async (start: () => Promise<SandboxedProcess>): Promise<SandboxedProcess> => {
        const started = await enlist(start);
        processes.push(started);
        return started;
      };
      try {
        const process = await startClient();
        const channel = process.channels[0];
        if (channel === undefined) throw new Error(`Cannot start driver "${name}": it got no channel`);
        const peer = connect(channel, events);
        const ended = process.ended.then(() =>
          howEnded(powers, process, server)
            .finally(stop)
            .then((how) => Promise.reject(new Error(`driver "${name}" ended: ${how}`))),
        );
        const offer = await within(powers, {
          ms: OPEN_MS,
          what: `driver "${name}" did not say what it offers in ${OPEN_MS / 1000} s`,
          promise: Promise.race([
            // A channel closes a little before its process has ended, which says why.
            peer
              .request("open", { source })
              .catch((error: unknown) => (isClosed(error) ? ended : Promise.reject(error))),
            ended,
          ]),
        });
        return {
          name,
          peer,
          offer,
          pin: powers.crypto.digest(pinText(source, codeDigest, offer)),
          lasting: null,
          stop,
        };
      } catch (error) {
        stop();
        throw error;
      }

      /** The driver, with what is behind it: both are started at once, since each takes a while. */
      async function startClient(): Promise<SandboxedProcess> {
        if (source.kind !== "stdio" && source.kind !== "ext") {
          const driver = await begin(() => powers.startSandbox(planDriver(code, source), "capture"));
          if (source.kind === "http") processes.push(await joinConnector(powers, { code, source, driver, enlist }));
          return driver;
        }
        const folder = folderOf(source, { workspace, signed: storageFor !== null });
        const storage = folder?.mode === "write" && storageFor !== null ? await storageFor(folder.host) : null;
        const streams = serverStreams(powers);
        try {
          const [driver, started] = await bothOrNone([
            begin(() => powers.startSandbox(planDriver(code, source), "capture", streams.ours)),
            begin(() => startServer(powers, { code, source, folder, storage, tree, streams, hear, reached })),
          ]);
          server = started;
          return driver;
        } finally {
          streams.close();
        }
      }
    },
  };
}

/** Waits for both, also when one fails, so that whoever stops what was begun misses none. Rejects as the first that failed. */
async function bothOrNone<A, B>(starts: readonly [Promise<A>, Promise<B>]): Promise<readonly [A, B]> {
  await Promise.allSettled(starts);
  return await Promise.all(starts);
}

/** How a driver that has ended did: of its server it knows that it is gone, and not how. */
async function howEnded(
  powers: Pick<MonitorPowers, "timer">,
  driver: SandboxedProcess,
  server: SandboxedProcess | null,
): Promise<string> {
  const words = driver.errors().trim();
  if (server === null || !words.includes(SERVER_GONE)) return words;
  const wait = { ms: SERVER_END_MS, what: "it closed its standard output", promise: server.ended };
  const how = await within(powers, wait).then(
    ({ code, signal }) => (signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`),
    (error: Error) => error.message,
  );
  return words.replace(SERVER_GONE, () => `${SERVER_GONE}: ${how}`);
}

function isClosed(error: unknown): boolean {
  return error instanceof RpcError && error.code === "peer-closed";
}

async function joinConnector(
  powers: MonitorPowers,
  {
    code,
    source,
    driver,
    enlist,
  }: { code: CodeLayout; source: { readonly url: string }; driver: SandboxedProcess; enlist: Enlist },
): Promise<SandboxedProcess> {
  const target = httpTarget(source.url);
  const connector = await enlist(() => powers.startSandbox(planConnector(code, target), "capture"));
  const [near, far] = [driver.channels[1], connector.channels[0]];
  if (near === undefined || far === undefined) throw new Error("Cannot join the connector: it got no channel");
  pipe(near, far);
  pipe(far, near);
  return connector;
}

function pipe(from: Channel, to: Channel): void {
  from.onData((chunk) => void to.write(chunk));
  from.onClose(() => to.destroy());
}

/** Host and port of a URL that `decodeGrant` has already held against its strict parser. */
export function httpTarget(url: string): {
  readonly host: string;
  readonly port: number;
  readonly reach: "loopback" | "public";
} {
  const match = /^(https?):\/\/(\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::(\d{1,5}))?(?:\/|$)/.exec(url);
  if (match === null) throw new Error(`Cannot read "${url}": it is not an http or https address`);
  const [, scheme, host = "", port] = match;
  const reach = scheme === "https" ? "public" : "loopback";
  return { host, port: port === undefined ? (scheme === "https" ? 443 : 80) : Number(port), reach };
}

export async function within<T>(
  powers: Pick<MonitorPowers, "timer">,
  wait: { ms: number; what: string; promise: Promise<T> },
): Promise<T> {
  let cancel: (() => void) | null = null;
  const late = new Promise<never>((_resolve, reject) => {
    cancel = powers.timer.after(wait.ms, () => reject(new Error(wait.what)));
  });
  try {
    return await Promise.race([wait.promise, late]);
  } finally {
    (cancel as (() => void) | null)?.(); // set by the executor, which ran at once
  }
}

/** Equal when an owner signed the same thing twice; different specs under one name are a shadow. */
export function sameSpec(a: DriverSpec, b: DriverSpec): boolean {
  return a === b || specText(a) === specText(b);
}

const specTexts = new WeakMap<DriverSpec, string>();

/** Specs never change once decoded, so their text is made once. */
function specText(spec: DriverSpec): string {
  let text = specTexts.get(spec);
  if (text === undefined) {
    text = canonicalize(jsonView(spec));
    specTexts.set(spec, text);
  }
  return text;
}
