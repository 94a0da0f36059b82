import type { JsonObject } from "../kernel/json.ts";

/**
 * A typed value that came out of a strict decoder, seen as the JSON that it is.
 * TypeScript gives interfaces no index signature; `canonicalize` refuses at run time what is not JSON.
 */
export function jsonView(value: object): JsonObject {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return value as JsonObject;
}
