import type { JsonObject } from "../kernel/json.ts";

/**
 * A contract value as JSON. Contract types are interfaces, and TypeScript takes no interface for an index signature.
 * For values that `canonicalize` is given next: it throws for whatever is not JSON after all.
 */
export function asJson(value: unknown): JsonObject {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked at run time by canonicalize, see above
  return value as JsonObject;
}
