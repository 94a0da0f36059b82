import type { Allow, Grant } from "../kernel/grant.ts";

/** Arguments of one tool, `driver/tool`, that somebody asked with and that no condition can hold; names as visible text. */
export interface OpenArguments {
  readonly what: string;
  readonly names: readonly string[];
}

/**
 * What an allowance leaves open, in words that follow what becomes of it; empty when there is nothing to say. A grant holds no
 * list of a tool's arguments, so of every line of a lease that names values it is said that only what is declared is held.
 * Names are an agent's words, so they stand between quotes.
 */
export function describeOpen({ what, where }: Allow, { lease, open }: OpenIn): string {
  const names = open.filter((each) => each.what === what).flatMap((each) => each.names);
  if (names.length > 0)
    return `; ${names.map((name) => JSON.stringify(name)).join(", ")} and any other argument that is not declared may be anything`;
  return lease && Object.keys(where).length > 0 ? "; any argument that is not declared may be anything" : "";
}

interface OpenIn extends Pick<Grant, "lease"> {
  readonly open: readonly OpenArguments[];
}
