import { boolean, list, nullable, object, oneOf, type Decoder } from "./decode.ts";
import { agentName, count, instanceId } from "./fields.ts";

/** What a sandbox of an instance is for. */
export const STOP_PARTS = ["agent", "face", "driver", "broker", "injector", "courier", "storage", "ports"] as const;
export type Part = (typeof STOP_PARTS)[number];

/**
 * Where the sandboxes of one kind stand: `still` is frozen, `gone` has no process left, `ending` stood still, was killed, and the
 * kernel has not cleared all of it yet.
 */
export interface StoppedPart {
  readonly part: Part;
  readonly state: "still" | "ending" | "gone" | "unconfirmed";
  readonly sandboxes: number;
  /** Processes that are left in them. */
  readonly processes: number;
  /** Milliseconds after the request at which the last of them was seen to act no more. */
  readonly ms: number;
}

/** What was confirmed of one instance that was to stop. Times are milliseconds after the request. */
export interface StoppedInstance {
  readonly instance: string;
  readonly agent: string;
  /** What it is now. A freeze ends one that is still starting: it has nothing yet to go on with. */
  readonly life: "frozen" | "ended";
  /** Whether all of it was confirmed. */
  readonly confirmed: boolean;
  /** From here on none of its actions is admitted. */
  readonly admission: number;
  /** When its connections were seen to be closed, as the kernel tells; null when that was not seen. */
  readonly network: number | null;
  readonly parts: readonly StoppedPart[];
  /** Sandboxes that were being made and had not come to an end when the answer was given. */
  readonly starting: number;
  /** When its record was durable; null when it is not. */
  readonly recorded: number | null;
}

/** Answer to `freeze` and `kill`. */
export interface StopReport {
  readonly instances: readonly StoppedInstance[];
  /** Number of the record that froze everything, when that was asked for and while it holds; null when it is not recorded. */
  readonly all: number | null;
}

const STOPPED: Decoder<StoppedInstance> = object<StoppedInstance>({
  instance: instanceId,
  agent: agentName,
  life: oneOf(["frozen", "ended"]),
  confirmed: boolean(),
  admission: count,
  network: nullable(count),
  parts: list(
    object<StoppedPart>({
      part: oneOf(STOP_PARTS),
      state: oneOf(["still", "ending", "gone", "unconfirmed"]),
      sandboxes: count,
      processes: count,
      ms: count,
    }),
    { max: STOP_PARTS.length },
  ),
  starting: count,
  recorded: nullable(count),
});

export const STOP_REPORT: Decoder<StopReport> = object<StopReport>({
  instances: list(STOPPED, { max: 100_000 }),
  all: nullable(count),
});
