import type { Label } from "../../kernel/grant.ts";
import { mergeLabels } from "../../kernel/labels.ts";
import type { Provenance } from "../../kernel/memory-quarantine.ts";
import { entrySource, instanceSource } from "../../kernel/memory-sources.ts";
import type { Journal } from "../journal.ts";
import type { LiveInstance } from "../live.ts";

/** What something brings into an instance that recalls it. */
export interface Recollection {
  readonly labels: readonly Label[];
  readonly sources: readonly string[];
}

/** What an entry, or a text that was frozen of one, brings: what it comes from, and that it is where it comes from itself. */
export function recollectionOf({
  entry,
  instance,
  labels,
  sources,
}: Provenance & Pick<Recollection, "labels">): Recollection {
  return { labels, sources: [...sources, entrySource(entry), instanceSource(instance)] };
}

/** Takes the labels and sources of what is recalled into an instance; resolves when they are on record, before it has it. */
export async function takeInRecalled(
  { state, seen }: Pick<LiveInstance, "state" | "seen">,
  journal: Journal,
  { from, because }: { readonly from: readonly Recollection[]; readonly because: string },
): Promise<void> {
  for (const { sources } of from) for (const source of sources) seen.name(source);
  const added = mergeLabels(...from.map(({ labels }) => labels)).filter((label) => !state.labels.includes(label));
  if (added.length > 0) await journal.write({ kind: "labelled", instance: state.instance, labels: added, because });
}
