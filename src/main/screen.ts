import type { Screen } from "../cli/powers.ts";

/** A standard stream as the command line sees it. A reader that goes away (EPIPE) is no fault; every other error is. */
export function createScreen(stream: NodeJS.WriteStream, env: { readonly [name: string]: string | undefined }): Screen {
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
    columns: stream.isTTY && stream.columns > 0 ? stream.columns : 80,
    // no-color.org: any value that is not empty.
    colour: stream.isTTY && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb",
    terminal: stream.isTTY,
  };
}
