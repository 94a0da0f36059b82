import { closeSync, constants, openSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";
import { dropTyped } from "./pty.ts";
import { PlatformError } from "../platform-error.ts";

const TERMINAL = "/dev/tty";
const LONGEST_LINE_BYTES = 1024;

const INTERRUPT = 0x03;
const END_OF_INPUT = 0x04;
const BACKSPACE = 0x08;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const ERASE_LINE = 0x15;
const DELETE = 0x7f;
/** Keys that let a person go on from a question that is over. */
const ENDS: ReadonlySet<number> = new Set([INTERRUPT, END_OF_INPUT, NEWLINE, RETURN]);
/** What ends this program while it asks: the terminal is given back first. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** Letters that questions offer as answers. */
const CHOICES: ReadonlySet<number> = new Set(Array.from("ynYNdD", (letter) => letter.charCodeAt(0)));

/** Who asks something at the terminal, and hears of what becomes of the question. */
export interface Asker {
  /** The screen has another width: shows anew what the question is about. */
  redraw(): void;
  /** Gets the question when it stands on the screen, and null when it does not any more. */
  attach(question: StandingQuestion | null): void;
}

/** A question while it is read at the terminal. */
export interface StandingQuestion {
  /**
   * It is over, in these words of visible text: the answer is null. What is typed on is shown nowhere and dropped, as far as
   * Enter or Ctrl-C: whoever ends the question chooses the moment, and the rest of a passphrase must not go to a shell.
   */
  end(words: string): void;
  /** Shows it once more, below what was said meanwhile. */
  again(): void;
}

/**
 * Asks for a passphrase on the controlling terminal and reads it without showing it. There is no other way to give
 * one: not standard input, which an agent could hold, not a flag, not the environment.
 * What was typed before the question stood on the screen is dropped.
 * Null when the asker ended the question. Throws `no-terminal`, `cancelled` (Ctrl-C, or Ctrl-D and hang-up before the end of
 * the line), `signalled` (this program is to end) or `too-long` (over 1024 bytes of UTF-8); the terminal is as before in every
 * case.
 */
export function readPassphrase(prompt: string, asker: Asker | null = null): Promise<string | null> {
  return readLine(prompt, { shown: false, asker });
}

/**
 * Asks a question on the controlling terminal whose answer is a letter or a short word, and reads one line. A passphrase
 * that is typed there by mistake is not shown: of the line only its first character is, and only when it is a letter that
 * a question offers. Throws as `readPassphrase` does.
 */
export function askChoice(prompt: string, asker: Asker | null = null): Promise<string | null> {
  return readLine(prompt, { shown: true, asker });
}

/** True when this process has a controlling terminal, that is: somebody may be there to ask. */
export function hasTerminal(): boolean {
  try {
    closeSync(openTerminal());
    return true;
  } catch {
    return false;
  }
}

function openTerminal(): number {
  try {
    return openSync(TERMINAL, constants.O_RDWR | constants.O_NOCTTY);
  } catch {
    throw new PlatformError(
      "no-terminal",
      "Cannot ask: there is no terminal",
      "run the command in a terminal; a passphrase is read from nowhere else",
    );
  }
}

async function readLine(
  prompt: string,
  { shown, asker }: { readonly shown: boolean; readonly asker: Asker | null },
): Promise<string | null> {
  const terminal = openTerminal();
  const keys = new ReadStream(terminal);
  const screen = new WriteStream(openTerminal());
  const editor = new LineEditor(shown ? screen : null);
  let over = false;
  const draw = (before: string): void => void (over || screen.write(`${before}${prompt}${editor.shown()}`));
  const onResize = (): void => {
    if (over) return;
    asker?.redraw();
    draw(asker === null ? "\n" : "");
  };
  let onSignal: ((signal: string) => void) | null = null;
  try {
    // Raw also where something is shown: keys of the terminal driver (Ctrl-Z, Ctrl-\) would leave it half set.
    // Node gives a terminal its old mode back when a signal or an exit ends the process meanwhile.
    keys.setRawMode(true);
    // A `y` that was typed before anybody could read what it answers is no answer.
    dropTyped(terminal);
    draw("");
    process.on("SIGWINCH", onResize);
    return await new Promise<string | null>((resolve, reject) => {
      const cancel = (): void => reject(new PlatformError("cancelled", "Cancelled at the terminal"));
      onSignal = (signal) =>
        reject(new PlatformError("signalled", `Ended by ${signal} at a question without an answer`));
      for (const signal of SIGNALS) process.on(signal, onSignal);
      keys.on("data", (bytes: Buffer) => {
        for (const byte of bytes) {
          if (over && ENDS.has(byte)) return resolve(null);
          if (over) continue;
          const state = editor.take(byte);
          if (state === "done") return resolve(editor.finish());
          if (state === "cancelled") return cancel();
          if (state === "too-long") {
            return reject(
              new PlatformError("too-long", `Cannot take more than ${LONGEST_LINE_BYTES} bytes in one line`),
            );
          }
        }
      });
      keys.on("error", cancel);
      keys.on("close", cancel);
      asker?.attach({
        end: (words) => {
          if (over) return;
          over = true;
          editor.clear();
          screen.write(`\n${words}. Enter goes on.`);
        },
        again: () => draw("\n"),
      });
    });
  } finally {
    process.off("SIGWINCH", onResize);
    if (onSignal !== null) for (const signal of SIGNALS) process.off(signal, onSignal);
    asker?.attach(null);
    editor.clear();
    keys.setRawMode(false);
    screen.write("\n");
    keys.destroy();
    screen.destroy();
  }
}

/** One line as it is typed. Its bytes stay in one buffer, which is cleared afterwards. */
class LineEditor {
  readonly #bytes = Buffer.alloc(LONGEST_LINE_BYTES);
  readonly #screen: WriteStream | null;
  #length = 0;

  constructor(screen: WriteStream | null) {
    this.#screen = screen;
  }

  take(byte: number): "more" | "done" | "cancelled" | "too-long" {
    switch (byte) {
      case RETURN:
      case NEWLINE:
        return "done";
      case INTERRUPT:
        return "cancelled";
      case END_OF_INPUT:
        return "cancelled";
      case BACKSPACE:
      case DELETE:
        this.#erase();
        return "more";
      case ERASE_LINE:
        while (this.#length > 0) this.#erase();
        return "more";
      default:
        return this.#append(byte);
    }
  }

  finish(): string {
    return this.#bytes.toString("utf8", 0, this.#length);
  }

  /** What of it is on the screen. */
  shown(): string {
    const first = String.fromCharCode(this.#bytes[0] ?? 0);
    return this.#screen !== null && this.#length > 0 && CHOICES.has(first.charCodeAt(0)) ? first : "";
  }

  clear(): void {
    this.#bytes.fill(0);
    this.#length = 0;
  }

  #append(byte: number): "more" | "too-long" {
    if (byte < 0x20) return "more"; // other control characters: no part of a passphrase or an answer
    if (this.#length === LONGEST_LINE_BYTES) return "too-long";
    this.#bytes[this.#length++] = byte;
    if (this.#isShown(this.#length)) this.#screen?.write(Buffer.of(byte));
    return "more";
  }

  /** Takes back the last character: a byte and the UTF-8 continuation bytes after it. */
  #erase(): void {
    if (this.#length === 0) return;
    const wasShown = this.#isShown(this.#length);
    do this.#length--;
    while (this.#length > 0 && ((this.#bytes[this.#length] ?? 0) & 0xc0) === 0x80);
    if (wasShown) this.#screen?.write("\b \b");
  }

  /** Whether the character that ends here is on the screen: the first one, when it is an answer. */
  #isShown(length: number): boolean {
    return length === 1 && CHOICES.has(this.#bytes[0] ?? 0);
  }
}
