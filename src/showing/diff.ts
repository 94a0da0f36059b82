/** One row of a unified diff: a line that stays, goes or comes; or how many lines are left out between two places. */
export interface DiffRow {
  readonly mark: " " | "-" | "+" | "@";
  readonly text: string;
}

/** Lines around a change that are shown with it. */
const CONTEXT = 3;
/** Above this many comparisons the changed stretch is shown as gone and come as a whole. */
const MOST_COMPARED = 1_000_000;
const NO_NEWLINE = "no newline at its end";

/** A unified diff of two texts, by lines: empty when they are equal, complete otherwise. Pure. */
export function diffTexts(before: string, after: string): readonly DiffRow[] {
  if (before === after) return [];
  return hunksOf(compare(linesOf(before), linesOf(after)));
}

/** Lines with the newline that ends them, so that one that lacks it differs from one that has it. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/gu) ?? [];
}

function compare(before: readonly string[], after: readonly string[]): readonly DiffRow[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  const most = Math.min(before.length, after.length) - head;
  while (tail < most && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  return [
    ...rows(" ", before.slice(0, head)),
    ...changed(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...rows(" ", before.slice(before.length - tail)),
  ];
}

/** By the longest common subsequence (Hunt and McIlroy, 1976). */
function changed(before: readonly string[], after: readonly string[]): readonly DiffRow[] {
  const width = after.length + 1;
  if ((before.length + 1) * width > MOST_COMPARED) return [...rows("-", before), ...rows("+", after)];
  const common = new Uint32Array((before.length + 1) * width);
  const at = (row: number, column: number): number => common[row * width + column] ?? 0;
  for (let row = before.length - 1; row >= 0; row -= 1) {
    for (let column = after.length - 1; column >= 0; column -= 1) {
      common[row * width + column] =
        before[row] === after[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const found: DiffRow[] = [];
  let [row, column] = [0, 0];
  while (row < before.length || column < after.length) {
    const [gone, come] = [before[row], after[column]];
    if (gone !== undefined && gone === come) {
      found.push(...rows(" ", [gone]));
      [row, column] = [row + 1, column + 1];
    } else if (come === undefined || (gone !== undefined && at(row + 1, column) >= at(row, column + 1))) {
      found.push(...rows("-", [gone ?? ""]));
      row += 1;
    } else {
      found.push(...rows("+", [come]));
      column += 1;
    }
  }
  return found;
}

function rows(mark: DiffRow["mark"], lines: readonly string[]): readonly DiffRow[] {
  return lines.flatMap((line) =>
    line.endsWith("\n")
      ? [{ mark, text: line.slice(0, -1) }]
      : [
          { mark, text: line },
          { mark: "@" as const, text: NO_NEWLINE },
        ],
  );
}

/** Leaves out what is far from every change, and says how much. */
function hunksOf(all: readonly DiffRow[]): readonly DiffRow[] {
  const near = new Uint8Array(all.length);
  all.forEach(({ mark }, at) => {
    if (mark === "-" || mark === "+") near.fill(1, Math.max(0, at - CONTEXT), at + CONTEXT + 1);
  });
  const shown: DiffRow[] = [];
  let left = 0;
  const skip = (): void => {
    if (left > 0) shown.push({ mark: "@", text: left === 1 ? "1 line as it is" : `${left} lines as they are` });
    left = 0;
  };
  for (const [at, row] of all.entries()) {
    if (near[at] === 1) {
      skip();
      shown.push(row);
    } else left += row.mark === " " ? 1 : 0;
  }
  skip();
  return shown;
}
