import { join, type Line, type Tone } from "../showing/line.ts";
import { makeVisible } from "../showing/visible.ts";
import { measureText, padText } from "../showing/width.ts";

/** One cell; text from elsewhere is made visible here, unless it is visible text already. */
export type Cell = string | readonly [Tone, string] | { readonly visible: string };

/** Lays rows out under headings, two spaces between columns; the last column is not padded. */
export function layOutTable(headings: readonly string[], rows: readonly (readonly Cell[])[]): readonly Line[] {
  const shown = rows.map((row) => row.map(showCell));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...shown.map((row) => measureText(row[column]?.[1] ?? ""))),
  );
  const layOut = (cells: readonly (readonly [Tone, string])[]): Line =>
    join(
      ...cells.map(([tone, text], column) =>
        column === cells.length - 1
          ? ([tone, text] as const)
          : ([tone, padText(text, (widths[column] ?? 0) + 2)] as const),
      ),
    );
  return [layOut(headings.map((heading) => ["faint", heading] as const)), ...shown.map((row) => layOut(row))];
}

function showCell(cell: Cell): readonly [Tone, string] {
  if (typeof cell === "string") return ["plain", makeVisible(cell)];
  return "visible" in cell ? ["plain", cell.visible] : [cell[0], makeVisible(cell[1])];
}
