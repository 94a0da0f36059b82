import type { Forward } from "../kernel/forwards.ts";
import type { Channel } from "../platform/powers.ts";
import type { SocketEnd } from "../platform/channels/socket-end.ts";
import { within } from "./driver-pool.ts";
import { Refusal } from "./faults.ts";
import type { FacePort, LiveInstance } from "./live.ts";
import { enlist } from "./parts.ts";
import type { MonitorPowers } from "./powers.ts";
import { type CodeLayout, planFace } from "./sandbox-plans.ts";

/** A face listens within this or its instance does not start. */
const FACE_MS = 20_000;

export interface FaceHooks {
  /** The face listens. */
  onReady(): void;
  /** The channel closed or broke its protocol. */
  onGone(): void;
}

/** What a face is started with. */
export interface FaceStart {
  readonly powers: MonitorPowers;
  readonly code: CodeLayout;
  /** Folder of its sockets. */
  readonly sockets: string;
  /** The end over which the agent's launcher hands out the listener of its proxy; null: the agent has no network. */
  readonly listener: SocketEnd | null;
  /** Ports of the agent that lead elsewhere; their listeners come over `listener` too. */
  readonly forwards: readonly Forward[];
  /** Its ends of channels to injectors. */
  readonly injectors: readonly SocketEnd[];
  connect(live: LiveInstance, channel: Channel, hooks: FaceHooks): FacePort;
  onGone(): void;
}

/** Starts the face of an instance and resolves when it listens. Rejects when it does not. */
export async function startFace(live: LiveInstance, start: FaceStart): Promise<void> {
  const { powers, listener } = start;
  const [near, far] = powers.makeSocketEnds();
  live.netEnd = far;
  const ends = [near, ...(listener === null ? [] : [listener]), ...start.injectors];
  const plan = planFace(start.code, start.sockets, {
    network: listener !== null,
    forwards: start.forwards,
    injectors: start.injectors.length,
  });
  const process = await enlist(live, "face", () => powers.startSandbox(plan, "capture", ends)).finally(() => {
    for (const end of ends) end.close();
  });
  const [channel] = process.channels;
  if (channel === undefined) throw new Refusal("confinement", "The face got no channel.", "Run `aios doctor`.");
  const ready = new Promise<void>((resolve, reject) => {
    const ended = (): void => {
      const said = process.errors().trim();
      reject(new Error(said === "" ? "the face ended" : `the face ended: ${said}`));
    };
    const port = start.connect(live, channel, {
      onReady: resolve,
      onGone: () => {
        ended();
        start.onGone();
      },
    });
    live.face = { process, port };
    // One that is ended on purpose is not said to be gone: its port was closed before.
    void process.ended.then(ended, ended);
  });
  await within(powers, { ms: FACE_MS, what: "the face did not listen in time", promise: ready });
}
