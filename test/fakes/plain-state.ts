import type { MemoryBook } from "../../src/kernel/memory-book.ts";
import { BUDGETED } from "../../src/kernel/memory-budget.ts";
import type { Folded } from "../../src/monitor/kept-state/folded.ts";

/** What was folded as plain values, in which the order of maps and sets shows; of memory everything that it says. */
export function plainState({ state, asked, signed }: Folded): unknown {
  return plain({ state: { ...state, memory: plainBook(state.memory) }, asked, signed });
}

function plainBook(book: MemoryBook): unknown {
  const agents = new Set([...book.places().map(({ agent }) => agent), "worker", "helper", "third"]);
  return {
    entries: [...book.pack(0, book.next)],
    next: book.next,
    places: book.places().map((place) => ({ place, used: book.used(place), entries: [...book.entries(place)] })),
    budgets: [...agents].flatMap((agent) => BUDGETED.map((what) => [agent, what, book.budget(agent, what)])),
    snapshots: book.snapshots.all().map((each) => [each, book.snapshots.standing(each)]),
    frozen: book.snapshots.kept(),
    quarantines: book.quarantines,
    unsettled: book.unsettled,
    due: book.due(Number.MAX_SAFE_INTEGER, 1000),
  };
}

function plain(value: unknown): unknown {
  if (value instanceof Map) return { map: [...value].map(([key, each]) => [key, plain(each)]) };
  if (value instanceof Set) return { set: [...value] };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
