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

type Of<Kind extends LogRecord["kind"]> = Extract<LogRecord, { readonly kind: Kind }>;

/** Counts what records say. Pure; `records` in their order, of one stretch of the log. */
export function digestOf(records: readonly LogRecord[], held: readonly HeldView[]): Digest {
  const only = <Kind extends LogRecord["kind"]>(kind: Kind): readonly Of<Kind>[] =>
    records.filter((record): record is Of<Kind> => record.kind === kind);
  return {
    instances: instancesOf(records),
    done: mostFirst(doneOf(only("outcome"))),
    denied: mostFirst(deniedOf(only("denied"))),
    held,
    alarms: records.filter(({ kind }) => ALARMS.has(kind)),
    signed: records.filter(({ kind }) => SIGNED.has(kind)),
    programs: only("programs-started").reduce((sum, { count }) => sum + count, 0),
    calls: only("calls-refused").reduce((sum, { calls }) => sum + total(calls), 0),
    visits: visitsOf(only("port-entered"), only("port-visited")),
  };
}

function instancesOf(records: readonly LogRecord[]): Digest["instances"] {
  const instances = new Map<string, Digest["instances"][number]>();
  const ended = (record: Of<"instance-ended" | "terminal">, end: string): void => {
    // One that began before is of interest too: it ended meanwhile. A climb is how it ended, whatever follows.
    const { instance, at } = record;
    const known = instances.get(instance) ?? {
      instance,
      agent: "agent" in record ? record.agent : "",
      since: at,
      end: null,
    };
    if (known.end === null) instances.set(instance, { ...known, end });
  };
  for (const record of records) {
    if (record.kind === "instance-started") {
      const { instance, agent, at } = record;
      instances.set(instance, { instance, agent, since: at, end: null });
    } else if (record.kind === "terminal") ended(record, `terminal: ${record.code}`);
    else if (record.kind === "instance-ended") ended(record, endOf(record));
  }
  return [...instances.values()];
}

function doneOf(outcomes: readonly Of<"outcome">[]): Digest["done"] {
  const done = new Map<string, Digest["done"][number]>();
  for (const { what, result } of outcomes) {
    const { times, failed } = done.get(what) ?? { times: 0, failed: 0 };
    done.set(what, { what, times: times + 1, failed: failed + (result === "ok" ? 0 : 1) });
  }
  return [...done.values()];
}

function deniedOf(denials: readonly Of<"denied">[]): Digest["denied"] {
  const denied = new Map<string, Digest["denied"][number]>();
  for (const { what, code } of denials) {
    const key = `${what} ${code}`;
    denied.set(key, { what, code, times: (denied.get(key)?.times ?? 0) + 1 });
  }
  return [...denied.values()];
}

function visitsOf(entered: readonly Of<"port-entered">[], visited: readonly Of<"port-visited">[]): Digest["visits"] {
  const names = new Set([...entered, ...visited].map(({ agent, port }) => `${agent}/${port}`));
  return [...names].map((name) => {
    const here = ({ agent, port }: { readonly agent: string; readonly port: string }): boolean =>
      `${agent}/${port}` === name;
    return {
      port: name,
      entered: entered.filter(here).length,
      requests: visited.filter(here).reduce((sum, { requests }) => sum + requests, 0),
      refused: visited.filter(here).reduce((sum, { refused }) => sum + total(refused), 0),
    };
  });
}

function mostFirst<T extends { readonly times: number }>(items: readonly T[]): readonly T[] {
  return items.toSorted((one, other) => other.times - one.times);
}

function endOf({ why, exit }: Extract<LogRecord, { kind: "instance-ended" }>): string {
  return exit === null ? why : `${why}, exit ${exit}`;
}

function total(counts: { readonly [name: string]: number }): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
