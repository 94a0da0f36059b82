import xterm from "@xterm/headless";

/* A terminal's screen as a picture: what the emulator made of the bytes, cell by cell, in SVG. */

const CELL = { width: 8.4, height: 18 };
const EDGE = 14;
const PAPER = "#121516";
const INK = "#e6ecec";
/** The eight basic colours, of which AIOS uses three. */
const COLOURS = ["#2c3335", "#ff8f86", "#6fd39a", "#f0b95b", "#7fb3ff", "#d3a6ff", "#5ad1c3", "#e6ecec"];

/**
 * Draws the screen after these bytes. Only what is there is drawn: rows below the last one with text are left out.
 * @param label what the picture shows, for those who do not see it.
 */
export async function drawTerminal(
  bytes: string | Uint8Array,
  { columns, rows, label }: { readonly columns: number; readonly rows: number; readonly label: string },
): Promise<string> {
  const terminal = new xterm.Terminal({ cols: columns, rows, scrollback: 0, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(bytes, resolve));
  const buffer = terminal.buffer.active;
  const drawn: string[] = [];
  let last = 0;
  for (let y = 0; y < rows; y += 1) {
    const runs = runsOf(buffer.getLine(y), columns);
    if (runs.length > 0) last = y;
    drawn.push(...runs.map((run) => drawRun(run, y)));
  }
  terminal.dispose();
  const [width, height] = [EDGE * 2 + columns * CELL.width, EDGE * 2 + (last + 1) * CELL.height];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(label)}" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14">`,
    `<rect width="100%" height="100%" rx="8" fill="${PAPER}"/>`,
    ...drawn,
    "</svg>",
    "",
  ].join("\n");
}

interface Run {
  readonly from: number;
  readonly style: string;
  text: string;
  cells: number;
}

/** Stretches of a row in one style, spaces around them left out. */
function runsOf(line: xterm.IBufferLine | undefined, columns: number): readonly Run[] {
  const runs: Run[] = [];
  for (let x = 0; x < columns; x += 1) {
    const cell = line?.getCell(x);
    if (cell === undefined || cell.getWidth() === 0) continue;
    const text = cell.isInvisible() === 0 && cell.getChars() !== "" ? cell.getChars() : " ";
    const [style, run] = [styleOf(cell), runs.at(-1)];
    if (run !== undefined && run.style === style && run.from + run.cells === x) {
      run.text += text;
      run.cells += cell.getWidth();
    } else runs.push({ from: x, style, text, cells: cell.getWidth() });
  }
  return runs.flatMap((run) => {
    const text = run.text.trimEnd();
    return text === "" ? [] : [{ ...run, text, cells: run.cells - (run.text.length - text.length) }];
  });
}

function styleOf(cell: xterm.IBufferCell): string {
  const colour = cell.isFgPalette() ? (COLOURS[cell.getFgColor() % 8] ?? INK) : INK;
  return `fill="${colour}"${cell.isBold() === 0 ? "" : ' font-weight="700"'}${cell.isDim() === 0 ? "" : ' opacity="0.65"'}`;
}

function drawRun({ from, style, text, cells }: Run, y: number): string {
  const at = `x="${(EDGE + from * CELL.width).toFixed(1)}" y="${EDGE + y * CELL.height + 13}"`;
  return `<text ${at} ${style} xml:space="preserve" textLength="${(cells * CELL.width).toFixed(1)}">${escape(text)}</text>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
