import type { LogRecord, RecordKind } from "../../protocol/record.ts";

/** Whose records an auditor gets; empty lists are everybody. */
export interface Selection {
  readonly agents: readonly string[];
  readonly instances: readonly string[];
}

/**
 * What authority rests on: an auditor needs these from the log's beginning on, to check who signed what comes later. They name no
 * agent's arguments or results.
 */
export const AUTHORITY: readonly RecordKind[] = [
  "owner-enrolled",
  "owner-removed",
  "owner-recovered",
  "recovery-set",
  "recovery-begun",
  "recovery-stopped",
  "grant-signed",
  "grant-revoked",
  "restored",
  "policy-set",
  "witnesses-set",
  "telemetry-set",
  "second-screen-set",
  "publishers-set",
  "retention-set",
  "provider-set",
  "provider-removed",
  "secret-set",
  "secret-rotated",
  "secret-bound",
  "secret-removed",
];

/** Tells which records belong to a selection, and which of its names had none. */
export interface Selector {
  wants(record: LogRecord): boolean;
  /** Names of agents and instances of which no record came by. */
  absent(): readonly string[];
}

/** A record that is about no agent at all belongs to every selection. `agents`: of every instance. */
export function createSelector({ agents, instances }: Selection, agentOf: ReadonlyMap<string, string>): Selector {
  const seen = new Set<string>();
  const isWhole = agents.length === 0 && instances.length === 0;
  return {
    wants(record) {
      const instance = "instance" in record ? record.instance : null;
      const agent = "agent" in record ? record.agent : instance === null ? null : (agentOf.get(instance) ?? null);
      if (isWhole || (instance === null && agent === null)) return true;
      const names = [...agents.filter((each) => each === agent), ...instances.filter((each) => each === instance)];
      for (const name of names) seen.add(name);
      return names.length > 0;
    },
    absent: () => [...agents, ...instances].filter((name) => !seen.has(name)),
  };
}
