import type { GrantView } from "../protocol/requests.ts";

/** An id is used once: the next one is numbered. */
export function freeId(wanted: string, grants: readonly Pick<GrantView, "id">[]): string {
  const taken = new Set(grants.map(({ id }) => id));
  if (!taken.has(wanted)) return wanted;
  for (let count = 2; ; count++) if (!taken.has(`${wanted}-${count}`)) return `${wanted}-${count}`;
}
