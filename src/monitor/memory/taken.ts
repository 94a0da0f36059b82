import type { PlaneOf } from "../../kernel/memory.ts";
import type { MemoryBook } from "../../kernel/memory-book.ts";
import { takesOut, type Quarantine } from "../../kernel/memory-quarantine.ts";
import type { Origin } from "../../kernel/memory-sources.ts";
import { entryRuns } from "../../kernel/source-entries.ts";
import type { TakenCount } from "../../protocol/memory-table.ts";
import type { LiveInstance } from "../live.ts";
import type { FrozenTexts } from "./frozen.ts";
import type { Recalled } from "./store.ts";

/** Number of no entry. */
const NO_ENTRY = -1;

/** An entry that a quarantine takes out, and runs of the entries that its writer had been given by then. */
interface Taken extends PlaneOf {
  readonly entry: number;
  readonly origin: Origin;
  readonly given: readonly (readonly [first: number, last: number])[];
}

/**
 * How much a quarantine takes out, and by what path: what names it among its sources and what has more sources than it names, how
 * many of each recalled another that goes, and from which planes. What cannot be read is none of them: nobody gets it anyway.
 * @param entries every entry that can be read, in any order.
 */
export async function countTaken(
  quarantine: Quarantine,
  {
    entries,
    book,
    frozen,
    running,
  }: {
    readonly entries: AsyncIterable<Recalled | null>;
    readonly book: Pick<MemoryBook, "snapshots">;
    readonly frozen: Pick<FrozenTexts, "whole">;
    readonly running: () => Iterable<Pick<LiveInstance, "state" | "seen">>;
  },
): Promise<TakenCount> {
  const taken: Taken[] = [];
  for await (const found of entries) {
    const origin = found === null ? null : takesOut(quarantine, found);
    if (found === null || origin === null) continue;
    const { entry, agent, plane, sources } = found;
    taken.push({ entry, agent, plane, origin, given: sources.flatMap((source) => entryRuns(source) ?? []) });
  }
  const texts = await countFrozen(quarantine, { book, frozen });
  return { ...sumUp(taken), frozen: texts, running: [...running()].flatMap((live) => holderOf(quarantine, live)) };
}

/** What an instance has read stays in its context, whatever memory gives it from now on. */
function holderOf(
  quarantine: Quarantine,
  { state: { agent, instance }, seen }: Pick<LiveInstance, "state" | "seen">,
): TakenCount["running"] {
  const how = takesOut(quarantine, { entry: NO_ENTRY, instance, sources: seen.names() });
  return how === null ? [] : [{ agent, instance, how }];
}

function sumUp(taken: readonly Taken[]): Omit<TakenCount, "frozen" | "running"> {
  const numbers = Float64Array.from(taken, ({ entry }) => entry).toSorted();
  const count = (origin: Origin, isRecalling: boolean): number =>
    taken.filter((each) => each.origin === origin && (!isRecalling || recalls(each, numbers))).length;
  const planes = new Map<string, { readonly agent: string; readonly plane: PlaneOf["plane"]; count: number }>();
  for (const { agent, plane } of taken) {
    const place = planes.get(`${agent}/${plane}`) ?? { agent, plane, count: 0 };
    place.count += 1;
    planes.set(`${agent}/${plane}`, place);
  }
  return {
    entries: count("named", false),
    perhaps: count("perhaps", false),
    recalling: { entries: count("named", true), perhaps: count("perhaps", true) },
    planes: [...planes.values()].toSorted((one, other) => other.count - one.count),
  };
}

/** Whether its writer had been given one of these, which ascend. */
function recalls({ given }: Taken, numbers: Float64Array): boolean {
  return given.some(([first, last]) => {
    let [low, high] = [0, numbers.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((numbers[middle] ?? 0) < first) low = middle + 1;
      else high = middle;
    }
    return (numbers[low] ?? Infinity) <= last;
  });
}

/** How many texts of snapshots, of those that agents get, were made of what a quarantine takes out. */
async function countFrozen(
  quarantine: Quarantine,
  { book, frozen }: { readonly book: Pick<MemoryBook, "snapshots">; readonly frozen: Pick<FrozenTexts, "whole"> },
): Promise<number> {
  let count = 0;
  for (const snapshot of book.snapshots.given(null)) {
    const { items } = await frozen.whole(snapshot).catch(() => ({ items: [] }));
    count += items.filter(({ from }) => from !== null && takesOut(quarantine, from) !== null).length;
  }
  return count;
}
