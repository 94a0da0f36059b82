/** Begins a source that is entries of memory, as runs of their numbers, ascending: `entries:3,5-9`. */
const ENTRIES = "entries:";
const RUN = "(?:0|[1-9][0-9]{0,15})(?:-[1-9][0-9]{0,15})?";
const RUNS = new RegExp(`^${ENTRIES}(?<runs>${RUN}(?:,${RUN})*)$`);
type Run = readonly [first: number, last: number];

/** Runs of entries that a source is; null: it is something else. */
export function entryRuns(source: string): readonly Run[] | null {
  const runs = RUNS.exec(source)
    ?.groups?.["runs"]?.split(",")
    .map((run): Run => {
      const [first, last] = run.split("-").map(Number);
      return [first ?? 0, last ?? first ?? 0];
    });
  return runs ?? null;
}

/** Runs as one: ascending, none touching another. */
export function joinRuns(runs: readonly Run[]): readonly Run[] {
  const joined: [number, number][] = [];
  for (const [first, last] of runs.toSorted(([one], [other]) => one - other)) {
    const before = joined.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

/** The source that these entries are. */
export function runsSource(runs: readonly Run[]): string {
  return `${ENTRIES}${runs.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(",")}`;
}
