/** How much one plane of an agent may hold, or its context: bytes, and entries or estimated tokens. */
export interface MemoryBudget {
  readonly bytes: number;
  readonly count: number;
}

/**
 * What has a budget: two planes by entries; by tokens what one instance loads of memory (`working-set`), and what one of its
 * requests to a model holds in all (`context`).
 */
export const BUDGETED = ["append-only", "ephemeral", "working-set", "context"] as const;
export type Budgeted = (typeof BUDGETED)[number];

/** Budgets until an owner signs others. A context is as large as the inference device takes a body. */
export const DEFAULT_BUDGETS: { readonly [what in Budgeted]: MemoryBudget } = Object.freeze({
  "append-only": Object.freeze({ bytes: 8_388_608, count: 10_000 }),
  ephemeral: Object.freeze({ bytes: 8_388_608, count: 10_000 }),
  "working-set": Object.freeze({ bytes: 1_048_576, count: 349_526 }),
  context: Object.freeze({ bytes: 33_554_432, count: 11_184_811 }),
});

/** Budgets of what a model is shown. They count tokens by estimate, and nothing is kept there. */
export function isOfContext(what: Budgeted): what is "working-set" | "context" {
  return what === "working-set" || what === "context";
}

/** What an agent's requests to models may hold, and what an instance and everyone above it loaded of memory. */
export interface ContextFacts {
  readonly context: MemoryBudget;
  readonly workingSet: MemoryBudget;
  readonly loaded: MemoryBudget;
}

/**
 * Why a request to a model does not fit its agent's context, or null. What of it comes from memory cannot be told from its
 * words, so it counts as all that it can be: not more than was loaded, nor more than the request is long.
 */
export function contextExceeded(
  call: { readonly bytes: number; readonly inputTokens: number },
  { context, workingSet, loaded }: ContextFacts,
): string | null {
  const held = { bytes: call.bytes, count: call.inputTokens };
  if (!fits(held, context)) return `${tell(held)} in one request, of at most ${tell(context)} (context)`;
  const carried = { bytes: Math.min(held.bytes, loaded.bytes), count: Math.min(held.count, loaded.count) };
  if (fits(carried, workingSet)) return null;
  return `up to ${tell(carried)} of memory, of at most ${tell(workingSet)} (working-set)`;
}

function fits(held: MemoryBudget, most: MemoryBudget): boolean {
  return held.bytes <= most.bytes && held.count <= most.count;
}

function tell({ bytes, count }: MemoryBudget): string {
  return `${bytes} bytes or ${count} tokens`;
}
