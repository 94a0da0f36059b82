import type { Grant } from "../kernel/grant.ts";
import type { QuarantinedServer } from "../protocol/quarantined-server.ts";
import { StateFault } from "./state-fault.ts";
import type { State } from "./state.ts";

/** Puts a grant in force, under an id that was never used. Throws StateFault. */
export function putGrant(
  state: State,
  { seq, grant, key }: { readonly seq: number; readonly grant: Grant; readonly key: string },
): void {
  if (state.grants.has(grant.id)) throw new StateFault(seq, `grant "${grant.id}" exists already`);
  state.grants.set(grant.id, { grant, key, revoked: false });
  state.active.set(grant.id, grant);
  for (const agent of grant.agents) {
    const grants = state.byAgent.get(agent) ?? new Map();
    state.byAgent.set(agent, grants.set(grant.id, grant));
  }
}

/**
 * An owner who signs for a pin anew, knowing that it is in quarantine, ends that; nothing else does. The same of an extension that
 * was in quarantine and was added anew: grants of before start it again too.
 */
export function releaseDrivers(state: State, grant: Grant): void {
  for (const { pin, source } of Object.values(grant.drivers)) {
    state.quarantined.delete(pin);
    if (source.kind === "ext") state.barred.delete(source.extension);
  }
}

/** The servers of a grant that are in quarantine. */
export function quarantinedServers(
  { quarantined }: Pick<State, "quarantined">,
  { drivers }: Pick<Grant, "drivers">,
): readonly QuarantinedServer[] {
  return Object.entries(drivers).flatMap(([driver, { pin, source }]) => {
    const found = quarantined.get(pin);
    const extension = source.kind === "ext" ? source.extension : null;
    return found === undefined ? [] : [{ driver, pin, ...found, extension }];
  });
}

/** Takes a grant out of force; its id stays used. Throws StateFault when it is not known. */
export function dropGrant(state: State, { seq, id }: { readonly seq: number; readonly id: string }): void {
  const entry = state.grants.get(id);
  if (entry === undefined) throw new StateFault(seq, `grant "${id}" is not known`);
  entry.revoked = true;
  state.active.delete(id);
  for (const agent of entry.grant.agents) state.byAgent.get(agent)?.delete(id);
}
