import type { Digest } from "./action.ts";
import { canonicalize } from "./canonical.ts";
import type { Allow } from "./grant.ts";
import type { JsonObject } from "./json.ts";

/** The digest of no further argument at all: SHA-256 of `{}`. */
export const NO_REST = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/** Most digests that one allowance may list. */
export const MOST_RESTS = 64;

/** The digest of the arguments of a call that no condition names, all together: of their canonical text as one object. */
export function restOf(where: Allow["where"], args: JsonObject, digest: Digest): string {
  return digest(canonicalize(Object.fromEntries(Object.entries(args).filter(([name]) => !Object.hasOwn(where, name)))));
}
