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

/** Whether a record belongs to a selection; one that is about no agent at all always does. `agents`: of every instance. */
export function createSelector(
  { agents, instances }: Selection,
  agentOf: ReadonlyMap<string, string>,
): (record: LogRecord) => boolean {
  if (agents.length === 0 && instances.length === 0) return () => true;
  return (record) => {
    const instance = "instance" in record ? record.instance : null;
    const agent = "agent" in record ? record.agent : instance === null ? null : (agentOf.get(instance) ?? null);
    if (instance === null && agent === null) return true;
    return (agent !== null && agents.includes(agent)) || (instance !== null && instances.includes(instance));
  };
}
