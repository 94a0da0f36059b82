/** What owners can be trusted with, in the order in which they are written; an owner has one or more. */
export const ROLES = ["approve", "grant", "administer"] as const;
export type Role = (typeof ROLES)[number];

/**
 * Who may sign for a purpose: an owner with a role, `any` owner, or whoever holds a recovery code (`recovery`), which is no
 * owner's to sign.
 */
export type Standing = Role | "any" | "recovery";

/** What a statement can be for. */
export const PURPOSES = [
  "enrol-owner",
  "remove-owner",
  "set-recovery",
  "recover-owner",
  "stop-recovery",
  "approve-action",
  "sign-grant",
  "revoke-grant",
  "set-policy",
  "thaw-instance",
  "thaw-all",
  "lift-hold",
  "go-away",
  "restart-agent",
  "set-clock",
  "put-home-file",
  "wipe-home",
  "set-secret",
  "rotate-secret",
  "bind-secret",
  "remove-secret",
  "set-provider",
  "set-witnesses",
  "set-telemetry",
  "set-second-screen",
  "set-publishers",
  "set-retention",
  "erase-payload",
  "remove-provider",
  "freeze-memory",
  "erase-memory",
  "set-memory-budget",
  "release-memory",
  "import-memory",
] as const;
export type Purpose = (typeof PURPOSES)[number];

/**
 * For every purpose of a statement who may sign it, the only such table. It is looked at when a statement is taken in and
 * again at every start, when the log is replayed (NO-SELF-WIDENING).
 */
export const SIGNED_BY: { readonly [P in Purpose]: Standing } = {
  "enrol-owner": "administer",
  "remove-owner": "administer",
  "set-recovery": "administer",
  "recover-owner": "recovery",
  // Whoever sees that somebody recovers a key must be able to stop it, whatever else they may do.
  "stop-recovery": "any",
  "approve-action": "approve",
  "sign-grant": "grant",
  "revoke-grant": "grant",
  "set-policy": "administer",
  "thaw-instance": "approve",
  "thaw-all": "approve",
  "lift-hold": "approve",
  // Leases come with it.
  "go-away": "grant",
  // Puts all grants of an agent in force again.
  "restart-agent": "grant",
  "set-clock": "administer",
  // What stands in an agent's own instructions steers it as its grants do.
  "put-home-file": "grant",
  "wipe-home": "administer",
  "set-secret": "grant",
  "rotate-secret": "grant",
  "bind-secret": "grant",
  "remove-secret": "grant",
  "set-provider": "administer",
  "set-witnesses": "administer",
  "set-telemetry": "administer",
  // At a terminal only: a browser is what it is about (`monitor/signers.ts`).
  "set-second-screen": "administer",
  // Whose code may run at all.
  "set-publishers": "administer",
  "set-retention": "administer",
  "erase-payload": "administer",
  "remove-provider": "administer",
  // What is frozen steers an agent, and so does what comes back from quarantine; a budget is what it may keep.
  "freeze-memory": "grant",
  "erase-memory": "administer",
  "set-memory-budget": "grant",
  "release-memory": "grant",
  // It brings what another home trusted, with the labels that it had there.
  "import-memory": "grant",
};

/** Whether an owner with these roles may sign for a purpose. */
export function maySign(roles: readonly Role[], purpose: Purpose): boolean {
  const standing = SIGNED_BY[purpose];
  if (standing === "recovery") return false;
  return standing === "any" ? roles.length > 0 : roles.includes(standing);
}
