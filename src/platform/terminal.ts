import { closeSync, constants, openSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";
import { PlatformError } from "./platform-error.ts";

const TERMINAL = "/dev/tty";
const LONGEST_LINE_BYTES = 1024;

const INTERRUPT = 0x03;
const END_OF_INPUT = 0x04;
const BACKSPACE = 0x08;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const ERASE_LINE = 0x15;
const DELETE = 0x7f;
/** Letters that questions offer as answers. */
const CHOICES: ReadonlySet<number> = new Set(Array.from("ynYNdD", (letter) => letter.charCodeAt(0)));

/**
 * Asks for a passphrase on the controlling terminal and reads it without showing it. There is no other way to give
 * one: not standard input, which an agent could hold, not a flag, not the environment.
 * Throws `no-terminal`, `cancelled` (Ctrl-C, or Ctrl-D and hang-up before the end of the line) or `too-long` (over
 * 1024 bytes of UTF-8); the terminal is as before in every case.
 */
export function readPassphrase(prompt: string): Promise<string> {
  return readLine(prompt, { shown: false });
}

/**
 * Asks a question on the controlling terminal whose answer is a letter or a short word, and reads one line. A passphrase
 * that is typed there by mistake is not shown: of the line only its first character is, and only when it is a letter that
 * a question offers. Throws as `readPassphrase` does.
 */
export function askChoice(prompt: string): Promise<string> {
  return readLine(prompt, { shown: true });
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

async function readLine(prompt: string, options: { readonly shown: boolean }): Promise<string> {
  const keys = new ReadStream(openTerminal());
  const screen = new WriteStream(openTerminal());
  const editor = new LineEditor(options.shown ? screen : null);
  try {
    // Raw also where something is shown: keys of the terminal driver (Ctrl-Z, Ctrl-\) would leave it half set.
    // Node gives a terminal its old mode back when a signal or an exit ends the process meanwhile.
    keys.setRawMode(true);
    screen.write(prompt);
    return await new Promise<string>((resolve, reject) => {
      const cancel = (): void => reject(new PlatformError("cancelled", "Cancelled at the terminal"));
      keys.on("data", (bytes: Buffer) => {
        for (const byte of bytes) {
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
    });
  } finally {
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
