import type { Label } from "../kernel/grant.ts";
import type { JsonObject } from "../kernel/json.ts";
import { MOST_FROZEN_ITEMS } from "../kernel/memory.ts";
import { MOST_SOURCE, MOST_SOURCES } from "../kernel/memory-sources.ts";
import { asJson } from "./as-json.ts";
import { list, object, text, type Decoder } from "./decode.ts";
import { agentName, count, instanceId, labels } from "./fields.ts";

/** The entry of memory that a frozen text was, as recalling it told: whoever is given the text gets its labels and sources. */
export interface FrozenFrom {
  readonly entry: number;
  /** Who wrote it: an agent, and the instance of it. */
  readonly by: string;
  readonly instance: string;
  readonly labels: readonly Label[];
  readonly sources: readonly string[];
}

/** A text of a snapshot; `from` is null for a text of a person's own. */
export interface FrozenItem {
  readonly path: string;
  readonly text: string;
  readonly from: FrozenFrom | null;
}

export const FROZEN_FROM: Decoder<FrozenFrom> = object<FrozenFrom>({
  entry: count,
  by: agentName,
  instance: instanceId,
  labels,
  // Of an imported one also the log that it comes from.
  sources: list(text({ max: MOST_SOURCE }), { max: MOST_SOURCES + 1 }),
});

/** Entries that one snapshot is made of. */
export const FROZEN_ENTRIES: Decoder<readonly number[]> = list(count, {
  max: MOST_FROZEN_ITEMS,
  unique: (entry) => String(entry),
});

/** An item as it stands in what an owner signs: a text of a person's own says nothing of where it comes from. */
export function signedItem({ path, text: said, from }: FrozenItem): JsonObject {
  return from === null ? { path, text: said } : { path, text: said, from: asJson(from) };
}
