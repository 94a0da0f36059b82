import type { LogRecord } from "../protocol/record.ts";
import type { HeldView } from "../protocol/requests.ts";

/** What happened while its owner was away, counted from records. */
export interface Digest {
  /** Instances by how they fared: still running, ended by themselves, or stopped and why. */
  readonly instances: readonly {
    readonly instance: string;
    readonly agent: string;
    /** Milliseconds since 1970 UTC. */
    readonly since: number;
    readonly end: string | null;
  }[];
  /** What was done, by what: how often, and how often it failed. */
  readonly done: readonly { readonly what: string; readonly times: number; readonly failed: number }[];
  /** What was denied, by what and why. */
  readonly denied: readonly { readonly what: string; readonly code: string; readonly times: number }[];
  /** What waits now. */
  readonly held: readonly HeldView[];
  /** What a person should look at: climbs, freezes, quarantines, broken peers. */
  readonly alarms: readonly LogRecord[];
  /** What owners signed. */
  readonly signed: readonly LogRecord[];
  /** Programs started inside sandboxes, and system calls refused there. */
  readonly programs: number;
  readonly calls: number;
  /** Visits of published ports, and those turned away, by port of an agent. */
  readonly visits: readonly {
    readonly port: string;
    readonly entered: number;
    readonly requests: number;
    readonly refused: number;
  }[];
}

const ALARMS: ReadonlySet<LogRecord["kind"]> = new Set([
  "terminal",
  "instance-frozen",
  "driver-quarantined",
  "refused",
]);
const SIGNED: ReadonlySet<LogRecord["kind"]> = new Set([
  "owner-enrolled",
  "grant-signed",
  "grant-revoked",
  "policy-set",
  "clock-set",
  "instance-thawed",
  "agent-restarted",
]);

/** Counts what records say. Pure; `records` in their order, of one stretch of the log. */
export function digestOf(records: readonly LogRecord[], held: readonly HeldView[]): Digest {
  const instances = new Map<string, Digest["instances"][number]>();
  const done = new Map<string, Digest["done"][number]>();
  const denied = new Map<string, Digest["denied"][number]>();
  const visits = new Map<string, Digest["visits"][number]>();
  let [programs, calls] = [0, 0];
  for (const record of records) {
    switch (record.kind) {
      case "instance-started":
        instances.set(record.instance, { instance: record.instance, agent: record.agent, since: record.at, end: null });
        break;
      case "instance-ended":
      case "terminal": {
        const end = record.kind === "terminal" ? `terminal: ${record.code}` : endOf(record);
        // One that began before is of interest too: it ended meanwhile.
        const known = instances.get(record.instance);
        if (known?.end?.startsWith("terminal") === true) break;
        instances.set(record.instance, {
          instance: record.instance,
          agent: known?.agent ?? ("agent" in record ? record.agent : ""),
          since: known?.since ?? record.at,
          end,
        });
        break;
      }
      case "outcome": {
        const before = done.get(record.what) ?? { what: record.what, times: 0, failed: 0 };
        const failed = record.result === "ok" ? 0 : 1;
        done.set(record.what, { ...before, times: before.times + 1, failed: before.failed + failed });
        break;
      }
      case "denied": {
        const key = `${record.what} ${record.code}`;
        const before = denied.get(key) ?? { what: record.what, code: record.code, times: 0 };
        denied.set(key, { ...before, times: before.times + 1 });
        break;
      }
      case "programs-started":
        programs += record.count;
        break;
      case "calls-refused":
        calls += total(record.calls);
        break;
      case "port-entered":
      case "port-visited": {
        const port = `${record.agent}/${record.port}`;
        const before = visits.get(port) ?? { port, entered: 0, requests: 0, refused: 0 };
        visits.set(
          port,
          record.kind === "port-entered"
            ? { ...before, entered: before.entered + 1 }
            : {
                ...before,
                requests: before.requests + record.requests,
                refused: before.refused + total(record.refused),
              },
        );
        break;
      }
      default:
        break;
    }
  }
  const often = <T extends { readonly times: number }>(items: Iterable<T>): readonly T[] =>
    [...items].toSorted((one, other) => other.times - one.times);
  return {
    instances: [...instances.values()],
    done: often(done.values()),
    denied: often(denied.values()),
    held,
    alarms: records.filter(({ kind }) => ALARMS.has(kind)),
    signed: records.filter(({ kind }) => SIGNED.has(kind)),
    programs,
    calls,
    visits: [...visits.values()],
  };
}

function endOf({ why, exit }: Extract<LogRecord, { kind: "instance-ended" }>): string {
  return exit === null ? why : `${why}, exit ${exit}`;
}

function total(counts: { readonly [name: string]: number }): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
