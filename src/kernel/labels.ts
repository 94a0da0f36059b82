import { LABELS, type Label } from "./grant.ts";

/** All labels of the given lists, each once, in the order of `LABELS`. Labels are only ever added. */
export function mergeLabels(...lists: readonly (readonly Label[])[]): readonly Label[] {
  return LABELS.filter((label) => lists.some((list) => list.includes(label)));
}

/**
 * The flow rule of DESIGN 5: an instance that took in both words from outside and its user's data may have been told to
 * carry the one to the other, so what leaves the machine needs a human. Nothing switches this off (FLOOR).
 */
export function isTainted(labels: readonly Label[]): boolean {
  return labels.includes("untrusted") && labels.includes("private");
}
