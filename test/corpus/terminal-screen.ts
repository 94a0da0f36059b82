import { spawn } from "node:child_process";
import { closeSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ReadStream } from "node:tty";
import xterm from "@xterm/headless";
import { openPty } from "../../src/platform/terminal/pty.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { ROOT } from "../source-modules.ts";
import type { Entry, Place } from "./corpus.ts";

/** What a person sees at a terminal after an entry was shown there. */
export interface Shown {
  /** The rows of the screen, spaces at their ends left out. */
  readonly rows: readonly string[];
  /** What the terminal was made to do beyond showing text in AIOS's own styles. */
  readonly faults: readonly string[];
}

const ROWS = 260;
const PATIENCE = 60_000;
/** Select Graphic Rendition with the parameters that AIOS uses, and nothing else. */
// oxlint-disable-next-line no-control-regex -- controls are what is looked for
const OWN_STYLES = /\u001b\[(?:0|1|2|31|32|33)m/g;
// oxlint-disable-next-line no-control-regex -- controls are what is looked for
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;

/** The bytes of each entry, as the command line wrote them to a real pseudo-terminal. */
export async function bytesAtTerminal(
  entries: readonly Pick<Entry, "stands" | "text">[],
  { columns, blind }: { readonly columns: number; readonly blind: boolean },
): Promise<readonly string[]> {
  const file = join(makeTemporaryFolder(), "entries.json");
  writeFileSync(file, JSON.stringify(entries));
  const mark = "3c1d0a4e9b72";
  const came = await readPty([file, mark], { columns, blind });
  const parts = came.split(new RegExp(`${mark}:(?:\\d+|end)\r\n`, "u")).slice(1, -1);
  if (parts.length !== entries.length)
    throw new Error(`${parts.length} of ${entries.length} came: ${came.slice(-500)}`);
  return parts;
}

/**
 * Shows entries on a real pseudo-terminal, by the command line's own code, and reads what a terminal emulator makes of what came.
 * @param blind with the function off that makes texts visible.
 */
export async function showAtTerminal(
  entries: readonly Pick<Entry, "stands" | "text">[],
  { columns, blind }: { readonly columns: number; readonly blind: boolean },
): Promise<readonly Shown[]> {
  const parts = await bytesAtTerminal(entries, { columns, blind });
  return Promise.all(parts.map((part, index) => emulate(part, { columns, stands: entries[index]?.stands ?? "bytes" })));
}

async function readPty(
  args: readonly string[],
  { columns, blind }: { readonly columns: number; readonly blind: boolean },
): Promise<string> {
  const pty = openPty();
  pty.resize(columns, ROWS);
  const hook = blind ? ["--import", join(ROOT, "test/corpus/blinding.ts")] : [];
  const program = join(ROOT, "test/corpus/at-terminal.ts");
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...hook, program, ...args], {
    env: { PATH: process.env["PATH"] },
    stdio: [pty.slave, pty.slave, pty.slave],
    timeout: PATIENCE,
    killSignal: "SIGKILL",
  });
  closeSync(pty.slave);
  const screen = new ReadStream(pty.master);
  let came = "";
  screen.setEncoding("utf8").on("data", (text: string) => void (came += text));
  // The last writer is gone: read(2) on the master says EIO (pty(7)).
  const over = new Promise<void>((resolve) => {
    screen.on("error", () => resolve());
    screen.on("end", () => resolve());
  });
  await new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await over;
  screen.destroy();
  return came;
}

/** Gives bytes to a fresh terminal and reads its screen. */
async function emulate(
  bytes: string,
  { columns, stands }: { readonly columns: number; readonly stands: Place },
): Promise<Shown> {
  const terminal = new xterm.Terminal({ cols: columns, rows: ROWS, scrollback: 0, allowProposedApi: true });
  const faults: string[] = [];
  terminal.onTitleChange(() => faults.push("a title was set"));
  terminal.onBell(() => faults.push("it rang"));
  terminal.onData(() => faults.push("the terminal answered"));
  await new Promise<void>((resolve) => terminal.write(bytes, resolve));
  const buffer = terminal.buffer.active;
  if (buffer.type === "alternate") faults.push("another screen was shown");
  if (buffer.cursorX !== 0) faults.push("the cursor is not where a line begins");
  // Whatever the emulator knows nothing of: no control came but AIOS's own.
  const left = CONTROLS.exec(bytes.replaceAll("\r\n", "\n").replaceAll(OWN_STYLES, ""));
  if (left !== null) faults.push(`U+${left[0].charCodeAt(0).toString(16)} reached the terminal`);
  const rows: string[] = [];
  for (let at = 0; at < buffer.cursorY; at += 1) {
    const line = buffer.getLine(at);
    const text = line?.translateToString(true) ?? "";
    if (line?.isWrapped !== true) rows.push(text);
    // What is shown of an action is never longer than the screen is wide; a list and an error may be.
    else if (stands === "list" || stands === "error") rows.push((rows.pop() ?? "") + text);
    else faults.push(`row ${at} has no room for what it says`);
  }
  terminal.dispose();
  return { rows: stands === "list" || stands === "error" ? [withoutOurs(stands, rows)] : rows, faults };
}

/** What stands between AIOS's own words in the one row of a list or of an error; everything, where it is not one row. */
function withoutOurs(stands: "list" | "error", rows: readonly string[]): string {
  const pattern =
    stands === "list"
      ? /^REQUEST .*\n[0-9a-f]{8} {2}notes {2}(.*?) {2,}recipient-not-endorsed {2}10 min {6}text: "[^\n]*"$/u
      : /^aios: (.*) \(failed\)$/u;
  return pattern.exec(rows.join("\n"))?.[1] ?? rows.join("\n");
}
