import type { Screen } from "../cli/powers.ts";
import { readTerminalSize } from "../platform/terminal/pty.ts";

const USUAL = 80;

/** A standard stream as the command line sees it. A reader that goes away (EPIPE) is no fault; every other error is. */
export function createScreen(
  stream: NodeJS.WriteStream & { readonly fd: number },
  env: { readonly [name: string]: string | undefined },
): Screen {
  let closed = false;
  // Whoever reads may stop (`| head`): the rest of the command runs as it would, so that it cleans up, and says nothing.
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    closed = true;
  });
  return {
    write: (text) => {
      if (!closed) stream.write(text);
    },
    get columns() {
      return stream.isTTY ? readWidth(stream.fd) : USUAL;
    },
    // no-color.org: any value that is not empty.
    colour: stream.isTTY && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb",
    terminal: stream.isTTY,
  };
}

/** From the terminal itself each time: one that was made narrower would break the rows of what a person reads. */
function readWidth(fd: number): number {
  try {
    const [columns] = readTerminalSize(fd);
    return columns > 0 ? columns : USUAL;
  } catch {
    return USUAL;
  }
}
