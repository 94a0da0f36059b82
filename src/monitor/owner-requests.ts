import type { OwnerRequests } from "../protocol/owner-requests.ts";
import type { PasskeyDesk } from "./passkey-desk.ts";
import { viewRecovery } from "./recovery.ts";
import type { State } from "./state.ts";

export type OwnerHandlers = {
  readonly [K in keyof OwnerRequests]: (body: OwnerRequests[K]["body"]) => Promise<OwnerRequests[K]["ok"]>;
};

/** Answers requests about owners. */
export function createOwnerHandlers(state: State, desk: PasskeyDesk): OwnerHandlers {
  const grantsOf = (id: string): string[] =>
    [...state.grants].filter(([, { key, revoked }]) => key === id && !revoked).map(([grant]) => grant);
  return {
    ...desk.handlers,
    async owners() {
      return {
        recovery: viewRecovery(state),
        second: state.secondScreen,
        owners: [...state.owners].map(([id, { name, roles, key, since }]) => ({
          id,
          name,
          roles,
          key,
          since,
          grants: grantsOf(id),
        })),
      };
    },
  };
}
