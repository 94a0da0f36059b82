import type { CliPowers } from "./powers.ts";
import { CliFailure } from "./failure.ts";
import { line, type Line } from "../showing/line.ts";
import { MAXIMUM_LINES } from "../showing/render-action.ts";
import { makeVisible } from "../showing/visible.ts";
import { cutRows } from "../showing/width.ts";

/** A text in full, with a bar before each row. SHOWN-SIGNED-RUN: throws `CliFailure` `cannot-show` for what is too long. */
export function showText(text: string, powers: Pick<CliPowers, "err">): readonly Line[] {
  const rows = text === "" ? ["(empty)"] : text.replace(/\n$/u, "").split("\n").map(makeVisible);
  const lines = rows.flatMap((row) => cutRows(row, powers.err.columns - 4)).map((row) => line(`  | ${row}`));
  if (lines.length <= MAXIMUM_LINES) return lines;
  throw CliFailure.of(
    "cannot-show",
    `Cannot show the file in full: it has over ${MAXIMUM_LINES} lines`,
    "put a shorter one, which may name others",
  );
}
