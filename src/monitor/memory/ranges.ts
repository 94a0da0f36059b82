import type { JsonValue } from "../../kernel/json.ts";

/** Ascending numbers as runs, first and last of each: what ends together was mostly kept together. */
export function rangesOf(numbers: readonly number[]): readonly (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}

/** The numbers again; null for anything that `rangesOf` does not write. */
export function numbersOf(ranges: JsonValue | undefined): readonly number[] | null {
  if (!Array.isArray(ranges)) return null;
  const numbers: number[] = [];
  for (const run of ranges) {
    if (!Array.isArray(run) || run.length !== 2) return null;
    const [first, last]: readonly unknown[] = run;
    if (typeof first !== "number" || typeof last !== "number" || !Number.isSafeInteger(first)) return null;
    if (first <= (numbers.at(-1) ?? -1) || last < first || last - first > 10_000_000) return null;
    for (let number = first; number <= last; number += 1) numbers.push(number);
  }
  return numbers;
}
