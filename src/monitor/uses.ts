import type { Spent } from "../kernel/infer.ts";
import { addUse, NO_USAGE } from "../kernel/limits.ts";
import type { State } from "./state.ts";

/** Counts one use of every grant that decided; called before the intent is written, so that no two share the last one. */
export function countUse(
  state: State,
  use: { readonly grants: readonly string[]; readonly at: number; readonly bytes: number; readonly spent?: Spent },
): void {
  for (const id of use.grants) {
    const grant = state.grants.get(id)?.grant;
    if (grant === undefined) continue;
    state.usage.set(id, addUse(state.usage.get(id) ?? NO_USAGE, { ...use, now: use.at, grant }));
  }
}
