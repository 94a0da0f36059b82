import type { GitCall } from "../kernel/git-ssh.ts";
import type { SshBinding } from "../kernel/ssh-binding.ts";
import type { Channel, SandboxedProcess } from "../platform/powers.ts";
import type { CourierRequests, GitResult } from "../protocol/git-order.ts";
import { keyOf, NoCarrier } from "./carrier.ts";
import type { LiveInstance } from "./live.ts";
import type { Logins } from "./logins.ts";
import { enlist, isStopped } from "./parts.ts";
import type { MonitorPowers } from "./powers.ts";
import { planCourier, type CodeLayout } from "./sandbox-plans.ts";

/** What a courier's channel is used for; `createPeer` makes it from the socketpair. */
export interface CourierPeer {
  request<K extends keyof CourierRequests>(
    name: K,
    body: CourierRequests[K]["body"],
  ): Promise<CourierRequests[K]["ok"]>;
}

export interface GitCarrierPorts {
  readonly powers: MonitorPowers;
  readonly code: CodeLayout;
  readonly logins: Pick<Logins, "valueOf">;
  connectCourier(channel: Channel): CourierPeer;
}

/** What carries sessions of git over SSH for one instance: a courier for each key and place, started with its first session. */
export interface GitCarrier {
  /** Orders one session under a ticket of its own and tells the face; resolves when it has ended. Rejects with `NoCarrier`. */
  session(
    call: GitCall,
    way: { readonly binding: SshBinding; readonly token: number; readonly most: number | null },
  ): Promise<GitResult>;
  cancel(token: number): Promise<void>;
  /** Ends whoever holds a secret that is set no more. */
  forget(secret: string): void;
  /** Ends all sessions, also those that are only about to be ordered; resolves when nothing of them is left over there. */
  cut(): Promise<void>;
  stop(): void;
}

interface Courier {
  readonly peer: Promise<CourierPeer>;
  process: SandboxedProcess | null;
}

/** Makes it. A courier that ended is not started again: the face's channel to it is gone with it. */
export function createGitCarrier(live: LiveInstance, ports: GitCarrierPorts): GitCarrier {
  const { powers, code } = ports;
  const couriers = new Map<string, Courier>();
  const tickets = new Map<number, { readonly ticket: string; readonly peer: CourierPeer }>();
  /** Sessions that are not ordered yet; what is taken back of them is not ordered. */
  const waiting = new Set<number>();
  /** Those that may have been ordered something. */
  const peers = new Set<CourierPeer>();
  let stopped = false;
  /** How often everything was cut: what began before is not ordered after. */
  let cuts = 0;

  function courierFor(key: string): Courier {
    const running = couriers.get(key);
    if (running !== undefined) return running;
    const run = async (): Promise<CourierPeer> => {
      // Its end of the channel is taken once, and is still needed when the instance goes on.
      if (isStopped(live)) {
        couriers.delete(key);
        throw new NoCarrier("the instance was stopped meanwhile");
      }
      const end = live.secretEnds.get(key)?.take() ?? null;
      if (end === null) throw new NoCarrier("what carried this for the instance is gone");
      const begin = (): Promise<SandboxedProcess> => powers.startSandbox(planCourier(code), "capture", [end]);
      const started = await enlist(live, "courier", begin).finally(() => end.close());
      made.process = started;
      const [channel] = started.channels;
      if (channel === undefined || stopped || couriers.get(key) !== made) {
        started.kill();
        throw new NoCarrier("the instance ended, or its key was taken back");
      }
      const peer = ports.connectCourier(channel);
      peers.add(peer);
      void started.ended.then(() => peers.delete(peer));
      return peer;
    };
    // Not in this turn: it writes into what it is a part of.
    const made: Courier = { peer: Promise.resolve().then(run), process: null };
    made.peer.catch(() => {});
    couriers.set(key, made);
    return made;
  }

  async function armed(binding: SshBinding): Promise<CourierPeer> {
    const known = await ports.logins.valueOf(binding.secret);
    if (known === null) throw new NoCarrier("the key does not open");
    const peer = await courierFor(keyOf(binding)).peer;
    await peer.request("arm", { binding, value: known.value });
    return peer;
  }

  return Object.freeze<GitCarrier>({
    async session(call, { binding, token, most }) {
      const via = live.secretEnds.get(keyOf(binding))?.via;
      if (via === undefined) throw new NoCarrier("the key was bound after the agent had started; start it again");
      const begun = cuts;
      waiting.add(token);
      const peer = await armed(binding).catch((error: unknown) => {
        waiting.delete(token);
        throw error instanceof NoCarrier ? error : new NoCarrier("the key cannot be used: is it a private key?");
      });
      const wanted = waiting.delete(token);
      if (begun !== cuts) throw new NoCarrier("the instance was frozen meanwhile");
      // A grant of it that was revoked took it back, and does so once.
      if (!wanted) throw new NoCarrier("it was taken back before it was ordered");
      const ticket = powers.random.hex(16);
      tickets.set(token, { ticket, peer });
      try {
        const ended = peer.request("session", { ticket, call, most });
        live.face?.port.granted({ token, ticket, via });
        return await ended;
      } finally {
        tickets.delete(token);
      }
    },
    async cancel(token) {
      waiting.delete(token);
      const known = tickets.get(token);
      await known?.peer.request("cancel", { ticket: known.ticket });
    },
    forget: (secret) => {
      for (const [key, courier] of couriers) {
        if (!key.startsWith(`${secret} `)) continue;
        couriers.delete(key);
        courier.process?.kill();
      }
    },
    async cut() {
      cuts++;
      await Promise.all([...peers].map((peer) => peer.request("cut", {})));
    },
    stop: () => {
      stopped = true;
      for (const { process } of couriers.values()) process?.kill();
    },
  });
}
