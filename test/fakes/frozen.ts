import type { JsonObject } from "../../src/kernel/json.ts";
import { freezeOf, type FreezeDocument } from "../../src/monitor/memory/frozen.ts";

/** A snapshot as it is read from what an owner signs. */
export function signedSnapshot(document: JsonObject): FreezeDocument {
  const read = freezeOf(document);
  if (read === null) throw new Error("it is no snapshot");
  return read;
}
