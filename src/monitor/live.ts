import type { Breaker } from "../kernel/breaker.ts";
import { type Asking, QUIET } from "../kernel/flood.ts";
import type { ReasonCode } from "../kernel/codes.ts";
import type { MemoryBudget } from "../kernel/memory-budget.ts";
import type { FaceEvents, Outcome, Visible } from "../protocol/requests.ts";
import type { Part } from "../protocol/stop-report.ts";
import type { SandboxedProcess } from "../platform/powers.ts";
import type { SocketEnd } from "../platform/channels/socket-end.ts";
import type { StorageJoin } from "../sandbox/storage-wire.ts";
import type { Carrier } from "./carrier.ts";
import type { GitCarrier } from "./git-carrier.ts";
import type { RunningDriver } from "./driver-pool.ts";
import type { Published } from "./published.ts";
import type { Seen } from "./provenance.ts";
import type { InstanceSandbox } from "./sandbox-grant.ts";
import type { HeldState, InstanceState } from "./state.ts";

/** What the monitor says to a face. */
export interface FacePort {
  progress(event: { token: number; progress: number; total: number | null; message: string | null }): void;
  held(token: number): void;
  /** An action of the network device may go on under this ticket. */
  granted(event: FaceEvents["granted"]): void;
  changed(): void;
  close(): void;
}

/** A held action whose asker still waits for the answer. */
export interface Waiting {
  readonly token: number | null;
  answer(outcome: Outcome): void;
  cancelTimer(): void;
}

/** An attempt to climb: by what it was recognised, and what it was. */
export interface Climb {
  readonly code: ReasonCode;
  /** The article, call or method. */
  readonly by: string;
  readonly what: string;
  /** The action as it was proposed, where it was one. */
  readonly action: string | null;
}

/** A call that a driver answers. */
export interface RunningCall {
  readonly driver: RunningDriver;
  readonly token: number;
  readonly grants: readonly string[];
  /** Whether a stream of the face waits for it at the broker. */
  readonly waits: boolean;
  /** Resolves when what came of it is on record, or cannot be. */
  readonly recorded: Promise<unknown>;
}

/** The storage device of an instance, which changes files on behalf of its agent and of servers that may write. */
export interface Storage {
  /** Resolves when it runs. Rejects with what keeps it from that. */
  readonly stands: Promise<SandboxedProcess>;
  /** The process, once it runs: it ends by itself when all that it acts for are gone, and has noted by then how it left everything. */
  process: SandboxedProcess | null;
  /** The supervisor's end of a socket for one more sandbox, which the caller closes when the supervisor has it. Throws when it is gone. */
  join(actor: StorageJoin["actor"]): SocketEnd;
  /** No sandbox comes any more. Closing twice is no fault. */
  close(): void;
}

/** One instance as it runs: the processes, drivers and open questions behind its state. Ends with the monitor. */
export interface LiveInstance {
  readonly state: InstanceState;
  breaker: Breaker;
  asking: Asking;
  /** Drivers by name, from the moment their start begins; a failed start is forgotten, so that it may be tried again. */
  readonly starting: Map<string, Promise<RunningDriver>>;
  readonly drivers: Map<string, RunningDriver>;
  /** Held actions by request nonce. */
  readonly waiting: Map<string, Waiting>;
  /** Drivers' calls under way, by the face's token, for progress and cancellation. */
  readonly running: Map<number, RunningCall>;
  readonly seen: Seen;
  /** What it has loaded of memory into its context, by what the memory device gave it. */
  loaded: MemoryBudget;
  face: { readonly process: SandboxedProcess; readonly port: FacePort } | null;
  /** The broker's end of the socketpair with the face, until the broker has it. */
  netEnd: SocketEnd | null;
  /** The injectors' ends of channels with the face, by secret and destination; `via` is what the face calls it. */
  readonly secretEnds: Map<string, { readonly via: number; take(): SocketEnd | null }>;
  /** What carries its exchanges with the network, once there was one. */
  carrier: Carrier | null;
  /** What carries its sessions of git over SSH, likewise. */
  gitCarrier: GitCarrier | null;
  /** The gate of its published ports. */
  published: Published | null;
  agent: SandboxedProcess | null;
  /** Why its program never began, where that was not its confinement's fault. */
  unstarted: "no-program" | "bad-program" | null;
  /** Every sandbox that it has, and what each is for. */
  readonly parts: Map<SandboxedProcess, Part>;
  /** Sandboxes that are being made for it. */
  readonly starts: Set<Promise<unknown>>;
  /** Its end has begun: a sandbox that comes to be now is killed. */
  over: boolean;
  /** Whether the record of its freeze or end is durable. */
  recorded: Promise<boolean>;
  /** Settles when the latest freeze was looked after to its end; what goes on, goes on after it. Null: never frozen. */
  stopping: Promise<unknown> | null;
  /** What the agent's own sandbox got. */
  sandbox: InstanceSandbox;
  /** What changes files of a writable workspace, from the first sandbox of it that may write there. */
  storage: Storage | null;
  /** The supervisor's end of the agent's own socket to it, until the supervisor has it. */
  storageEnd: SocketEnd | null;
  /** Bytes that it may say to the streams that it was lent, null is no bound. */
  output: number | null;
  /** Device nodes that were passed into it. */
  devices: readonly string[];
  /** JSON-RPC methods that nobody serves, asked for so far. */
  unknownMethods: number;
  /** Requests to the network that its face refused so far. */
  refusedRequests: number;
  /** Last list given to the face, so that only a different one is announced. */
  visible: Visible | null;
}

export function newLive(state: InstanceState, parts: { readonly breaker: Breaker; readonly seen: Seen }): LiveInstance {
  return {
    state,
    breaker: parts.breaker,
    asking: QUIET,
    starting: new Map(),
    drivers: new Map(),
    waiting: new Map(),
    running: new Map(),
    seen: parts.seen,
    loaded: { bytes: 0, count: 0 },
    face: null,
    netEnd: null,
    secretEnds: new Map(),
    carrier: null,
    gitCarrier: null,
    published: null,
    agent: null,
    unstarted: null,
    parts: new Map(),
    starts: new Set(),
    over: false,
    recorded: Promise.resolve(true),
    stopping: null,
    sandbox: { mode: "none", programs: "none", home: null, open: [] },
    storage: null,
    storageEnd: null,
    output: null,
    devices: [],
    unknownMethods: 0,
    refusedRequests: 0,
    visible: null,
  };
}

/** The state of an instance of which nothing is left but what it asked for. */
export function forgottenState({ instance, agent, since }: HeldState): InstanceState {
  return {
    instance,
    agent,
    ancestry: [],
    workspace: null,
    strict: false,
    holdAt: [],
    holdSeconds: 0,
    words: [],
    since,
    life: "ended",
    why: "forgotten",
    exit: null,
    labels: [],
    done: 0,
    denied: 0,
  };
}
