import { closeSync, constants, openSync, writeSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";
import { readTerminalSize } from "./pty.ts";

/** What a person did: a key by name, or the character of one; `resize`, and `quit` also for a signal and a hang-up. */
export type ScreenKey = string;

/** The person's terminal, taken over as a whole. What it showed before comes back when it is left. */
export interface FullScreen {
  size(): { readonly columns: number; readonly rows: number };
  /**
   * Shows these rows from the top, and nothing below. Rows are visible text and our own styles, no wider than the screen. A terminal
   * that is slow to take the last ones is not given these.
   */
  show(rows: readonly string[]): void;
  /** Gives the terminal back as it was, for a prompt of ours. */
  leave(): void;
  enter(): void;
  /** Stops like a job of the person's shell, and comes back when that lets it go on. */
  suspend(): Promise<void>;
  close(): void;
}

// The alternate screen, without cursor and without wrapping: a row that is wider than was thought breaks no other.
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const LEAVE = "\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l";
/** How long a stop may take to take hold, of the time that passes for this program, milliseconds. */
const STOP_MS = 200;

const KEYS: ReadonlyMap<string, ScreenKey> = new Map([
  ["\u001b[A", "up"],
  ["\u001bOA", "up"],
  ["\u001b[B", "down"],
  ["\u001bOB", "down"],
  ["\u001b[5~", "page-up"],
  ["\u001b[6~", "page-down"],
  ["\u001b[H", "home"],
  ["\u001b[1~", "home"],
  ["\u001b[F", "end"],
  ["\u001b[4~", "end"],
  ["\u001b", "escape"],
  ["\r", "enter"],
  ["\n", "enter"],
  ["\t", "tab"],
  ["\u0003", "quit"],
  ["\u0004", "quit"],
  ["\u001a", "suspend"],
]);

/** The keys in what was typed; sequences that are no key of ours are left out. */
export function readKeys(typed: string): readonly ScreenKey[] {
  // oxlint-disable-next-line no-control-regex -- the escape that begins a key's sequence
  const pieces = typed.match(/\u001b(?:\[[0-?]*[ -/]*[@-~]|O[A-Z])?|[^\u001b]/gu) ?? [];
  return pieces.flatMap((piece) => {
    const named = KEYS.get(piece);
    if (named !== undefined) return [named];
    return /^[!-~]$/u.test(piece) ? [piece] : [];
  });
}

/**
 * Takes over the controlling terminal until `close`, and gives it back also when this program is ended by a signal that it can
 * hear, by a fault or by its own exit. Throws when there is none.
 */
export function openFullScreen(onKey: (key: ScreenKey) => void): FullScreen {
  const direct = openTerminal();
  const keys = new ReadStream(openTerminal());
  const screen = new WriteStream(openTerminal());
  let shown = false;

  const leave = (): void => {
    if (!shown) return;
    shown = false;
    keys.pause();
    keys.setRawMode(false);
    // At once, since the program may be about to end.
    writeSync(direct, LEAVE);
  };
  const enter = (): void => {
    if (shown) return;
    shown = true;
    writeSync(direct, ENTER);
    keys.setRawMode(true);
    keys.resume();
    onKey("resize");
  };
  const onQuit = (): void => onKey("quit");
  const onResize = (): void => onKey("resize");
  const onStop = (): void => onKey("suspend");
  const signals = [
    ["SIGINT", onQuit],
    ["SIGTERM", onQuit],
    ["SIGHUP", onQuit],
    ["SIGWINCH", onResize],
    ["SIGTSTP", onStop],
  ] as const;

  keys.on("data", (bytes: Buffer) => {
    for (const key of readKeys(bytes.toString("latin1"))) {
      // What was typed after a key that led to a prompt was typed unread.
      if (!shown) return;
      onKey(key);
    }
  });
  for (const stream of [keys, screen]) stream.on("error", onQuit);
  keys.on("end", onQuit);
  for (const [signal, heard] of signals) process.on(signal, heard);
  process.on("exit", leave);

  return {
    size() {
      const [columns, rows] = readTerminalSize(direct);
      return { columns: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 };
    },
    show(rows) {
      if (!shown || screen.writableLength > 0) return;
      screen.write(`\u001b[H${rows.map((row) => `${row}\u001b[0m\u001b[K`).join("\r\n")}\u001b[J`);
    },
    leave,
    enter,
    async suspend() {
      leave();
      process.off("SIGTSTP", onStop);
      await new Promise<void>((done) => {
        const on = (): void => {
          clearTimeout(timer);
          process.off("SIGCONT", on);
          done();
        };
        process.once("SIGCONT", on);
        process.kill(0, "SIGTSTP");
        // Where there is no shell to come back from the kernel stops nobody.
        const timer = setTimeout(on, STOP_MS);
      });
      process.on("SIGTSTP", onStop);
      enter();
    },
    close() {
      leave();
      for (const [signal, heard] of signals) process.off(signal, heard);
      process.off("exit", leave);
      keys.destroy();
      screen.destroy();
      closeSync(direct);
    },
  };
}

function openTerminal(): number {
  return openSync("/dev/tty", constants.O_RDWR | constants.O_NOCTTY);
}
