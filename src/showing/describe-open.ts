import type { Allow, Grant } from "../kernel/grant.ts";
import { NO_REST } from "../kernel/rest.ts";

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
export function describeOpen({ what, where, rest }: Allow, { lease, open }: OpenIn): string {
  if (rest !== undefined) return "";
  const names = open.filter((each) => each.what === what).flatMap((each) => each.names);
  if (names.length > 0)
    return `; ${names.map((name) => JSON.stringify(name)).join(", ")} and any other argument that is not declared may be anything`;
  return lease && Object.keys(where).length > 0 ? "; any argument that is not declared may be anything" : "";
}

/** What an allowance binds the arguments to that it does not name, in words that follow the others; empty when it does not. */
export function describeRest({ rest }: Allow): string {
  if (rest === undefined) return "";
  const sums = rest.filter((each) => each !== NO_REST);
  const none = sums.length < rest.length ? ["there are none"] : [];
  const exact = sums.length === 0 ? [] : [`they are together exactly those of ${sums.join(" or ")}`];
  return `; of all other arguments ${[...none, ...exact].join(", or ")}`;
}

interface OpenIn extends Pick<Grant, "lease"> {
  readonly open: readonly OpenArguments[];
}
