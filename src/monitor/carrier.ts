import type { Injection } from "../kernel/secrets.ts";
import type { Channel, SandboxedProcess } from "../platform/powers.ts";
import type { SocketEnd } from "../platform/channels/socket-end.ts";
import { toHex } from "../protocol/bytes.ts";
import type { InjectorRequests } from "../protocol/inject-order.ts";
import type { BrokerRequests, NetOrder, NetResult } from "../protocol/net-order.ts";
import type { SandboxSpec } from "../sandbox/spec.ts";
import type { LiveInstance } from "./live.ts";
import { enlist, isStopped } from "./parts.ts";
import type { Logins } from "./logins.ts";
import type { MonitorPowers } from "./powers.ts";
import { createDraw } from "./log/draw.ts";
import { planBroker, planInjector, type CodeLayout } from "./sandbox-plans.ts";

type Requests = Pick<BrokerRequests, keyof BrokerRequests>;

/** What a broker's channel is used for; `createPeer` makes it from the socketpair. */
export interface BrokerPeer {
  request<K extends keyof Requests>(name: K, body: Requests[K]["body"]): Promise<Requests[K]["ok"]>;
  close(): void;
}

/** The same for an injector. */
export interface InjectorPeer extends BrokerPeer {
  request<K extends keyof InjectorRequests>(
    name: K,
    body: InjectorRequests[K]["body"],
  ): Promise<InjectorRequests[K]["ok"]>;
}

export interface CarrierPorts {
  readonly powers: MonitorPowers;
  readonly code: CodeLayout;
  connectBroker(channel: Channel): BrokerPeer;
  /** `refused`: what is called with the ticket of an exchange whose destination did not take the value, before its end. */
  connectInjector(channel: Channel, refused: (ticket: string) => void): InjectorPeer;
  readonly logins: Logins;
}

/** What carries exchanges of one instance: its broker, and an injector for each destination of a secret. */
export interface Carrier {
  /**
   * Orders one exchange under a ticket of its own and tells the face, or has it taken up by the stream that waits for it;
   * resolves when it has ended, with what is recorded.
   * With an injection it goes through the one process that has that value. Rejects with `NoCarrier` when there is none.
   */
  exchange(order: NetOrder, call: Carried): Promise<NetResult>;
  cancel(token: number): Promise<void>;
  /** A secret was rotated or bound anew: whoever holds it gets it again, or ends when nothing is bound there any more. */
  renew(secret: string, injections: readonly Injection[]): Promise<void>;
  /**
   * Ends all exchanges and closes all connections, also what is only about to be ordered. Resolves when every process of it
   * has said that it did; rejects when one is gone.
   */
  cut(): Promise<void>;
  stop(): void;
}

/** One exchange as it is carried. */
export interface Carried {
  readonly token: number;
  /** Whether a stream of the face waits for it at the broker under that token. */
  readonly waits: boolean;
  /** Bytes that its grants have left, or null when none of them counts bytes. */
  readonly most: number | null;
  readonly injection: Injection | null;
}

const TICKET_BYTES = 16;
/** The status by which a destination says that it did not take the value. */
const REFUSED = 401;

/** A broker or injector that cannot be had: nothing was asked of anybody. */
export class NoCarrier extends Error {
  readonly code = "driver-unavailable";
}

interface Injector {
  readonly peer: Promise<InjectorPeer>;
  /** Commitment to what it was armed with last. */
  armed: string | null;
  kill(): void;
}

/** Who carries one exchange. */
interface Ready {
  readonly peer: BrokerPeer;
  /** Commitment to the value that it injects; null for what needs none. */
  readonly commitment: string | null;
}

/** Makes the carrier of an instance. Its processes are started with the first exchange that needs them and never again. */
export function createCarrier(live: LiveInstance, ports: CarrierPorts): Carrier {
  const { powers, code } = ports;
  const draw = createDraw(powers.random);
  const tickets = new Map<number, { readonly ticket: string; readonly peer: BrokerPeer }>();
  /** Secrets that are on their way, by the ticket of their exchange. */
  const injected = new Map<string, { readonly secret: string; readonly commitment: string | null }>();
  const processes = new Set<SandboxedProcess>();
  /** Those that may have been ordered something. */
  const peers = new Set<BrokerPeer>();
  const injectors = new Map<string, Injector>();
  /** Exchanges that are not ordered yet; what is taken back of them is not ordered. */
  const waiting = new Set<number>();
  let broker: Promise<BrokerPeer> | null = null;
  let stopped = false;
  /** How often everything was cut: what began before is not ordered after. */
  let cuts = 0;

  async function start(
    part: "broker" | "injector",
    spec: SandboxSpec,
    end: SocketEnd | null,
  ): Promise<SandboxedProcess & { channel: Channel }> {
    // The face's side of it knows one process only: streams of one that is gone would be taken for those of the next.
    if (end === null) throw new NoCarrier("what carried this for the instance is gone");
    try {
      const started = await enlist(live, part, () => powers.startSandbox(spec, "capture", [end]));
      processes.add(started);
      void started.ended.then(() => processes.delete(started));
      const [channel] = started.channels;
      if (channel === undefined || stopped) {
        started.kill();
        throw new NoCarrier(stopped ? "the instance ended" : "it got no channel");
      }
      return { ...started, channel };
    } finally {
      end.close();
    }
  }

  function connected<P extends BrokerPeer>(
    { channel, ended }: SandboxedProcess & { readonly channel: Channel },
    connect: (channel: Channel) => P,
  ): P {
    const peer = connect(channel);
    peers.add(peer);
    void ended.then(() => peers.delete(peer));
    return peer;
  }

  /** What leads to a process is taken once, and is still needed when the instance goes on. */
  function refuseStopped(): void {
    if (isStopped(live)) throw new NoCarrier("the instance was stopped meanwhile");
  }

  async function startBroker(): Promise<BrokerPeer> {
    const end = live.netEnd;
    live.netEnd = null;
    return connected(await start("broker", planBroker(code), end), ports.connectBroker);
  }

  function injectorFor(injection: Injection): Injector {
    const key = keyOf(injection);
    const running = injectors.get(key);
    if (running !== undefined) return running;
    let killed = false;
    let process: SandboxedProcess | null = null;
    const run = async (): Promise<InjectorPeer> => {
      if (isStopped(live)) injectors.delete(key);
      refuseStopped();
      const place = live.secretEnds.get(key);
      const started = await start("injector", planInjector(code), place?.take() ?? null);
      process = started;
      if (killed) started.kill();
      const peer = connected(started, (channel) =>
        ports.connectInjector(channel, (ticket) => {
          const carried = injected.get(ticket);
          if (carried?.secret === injection.secret)
            ports.logins.answered(carried.secret, { ...carried, status: REFUSED });
        }),
      );
      made.armed = await arm(peer, injection);
      return peer;
    };
    const made: Injector = {
      // Not in this turn: it writes into what it is a part of.
      peer: Promise.resolve().then(run),
      armed: null,
      kill: () => {
        killed = true;
        process?.kill();
      },
    };
    made.peer.catch(() => {});
    injectors.set(key, made);
    return made;
  }

  async function arm(peer: InjectorPeer, { placeholder, ...binding }: Injection): Promise<string> {
    const known = await ports.logins.valueOf(binding.secret);
    if (known === null) throw new NoCarrier("the value of the secret does not open");
    const { commitment, value, others } = known;
    await peer.request("arm", { binding, placeholder, value, others });
    return commitment;
  }

  /** The process that has a secret, armed with what it is now: a login may just have been renewed for another instance. */
  async function armedPeer(injection: Injection, commitment: string | null): Promise<InjectorPeer> {
    const injector = injectorFor(injection);
    const peer = await injector.peer;
    if (injector.armed !== commitment) injector.armed = await arm(peer, injection);
    return peer;
  }

  /** Renews a login before it is used; what was taken back meanwhile is not ordered any more. */
  async function ready(token: number, { secret }: Injection): Promise<string | null> {
    const commitment = await ports.logins.ready(secret);
    if (!waiting.has(token)) throw new NoCarrier("it was taken back while its login was renewed");
    return commitment;
  }

  /** Who carries an exchange, ready for its order: a moment later nothing need have moved. */
  async function peerFor(token: number, injection: Injection | null): Promise<Ready> {
    const begun = cuts;
    waiting.add(token);
    try {
      const commitment = injection === null ? null : await ready(token, injection);
      refuseStopped();
      const found = injection === null ? (broker ??= startBroker()) : armedPeer(injection, commitment);
      const peer = await found.catch((error: unknown) => {
        throw error instanceof NoCarrier ? error : new NoCarrier(error instanceof Error ? error.message : "none");
      });
      if (begun !== cuts) throw new NoCarrier("the instance was frozen meanwhile");
      // A grant of it that was revoked took it back, and does so once.
      if (!waiting.has(token)) throw new NoCarrier("it was taken back before it was ordered");
      return { peer, commitment };
    } finally {
      waiting.delete(token);
    }
  }

  return {
    async exchange(order, { token, waits, most, injection }) {
      const via = injection === null ? 0 : (live.secretEnds.get(keyOf(injection))?.via ?? null);
      if (via === null) throw new NoCarrier("the secret was granted after the agent had started; start it again");
      const { peer, commitment } = await peerFor(token, injection);
      const ticket = toHex(draw(TICKET_BYTES));
      tickets.set(token, { ticket, peer });
      if (injection !== null) injected.set(ticket, { secret: injection.secret, commitment });
      try {
        // Which injector has a secret no face knows before it is told: what waits is at the broker.
        const stream = waits && injection === null ? token : null;
        const ended = peer.request("exchange", { ticket, order, most, stream });
        if (stream === null) live.face?.port.granted({ token, ticket, via });
        const result = await ended;
        if (injection !== null) ports.logins.answered(injection.secret, { commitment, status: result.status });
        return result;
      } finally {
        tickets.delete(token);
        injected.delete(ticket);
      }
    },

    async cancel(token) {
      waiting.delete(token);
      const known = tickets.get(token);
      await known?.peer.request("cancel", { ticket: known.ticket });
    },

    async renew(secret, injections) {
      for (const [key, injector] of injectors) {
        if (!key.startsWith(`${secret} `)) continue;
        const current = injections.find((each) => keyOf(each) === key);
        if (current === undefined) injector.kill();
        else
          await injector.peer
            .then(async (peer) => void (injector.armed = await arm(peer, current)))
            .catch(() => injector.kill());
      }
    },

    async cut() {
      cuts++;
      waiting.clear();
      await Promise.all([...peers].map((peer) => peer.request("cut", {})));
    },

    stop: () => {
      stopped = true;
      for (const process of processes) process.kill();
    },
  };
}

/** What an injector is found by. */
export function keyOf({ secret, to }: { readonly secret: string; readonly to: string }): string {
  return `${secret} ${to}`;
}
