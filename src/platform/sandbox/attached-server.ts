import { Socket } from "node:net";
import { pairChannel } from "../channels/channel.ts";
import { openLines, type Lines } from "../channels/line-channel.ts";
import { keepTail } from "./sandbox-output.ts";

/** The standard streams of an MCP server, which runs in a sandbox of its own. */
export interface AttachedServer {
  readonly lines: Lines;
  /** Resolves when its standard output is over, with its last words on standard error, or "". Never rejects. */
  readonly ended: Promise<string>;
  /** The end of what it wrote to standard error, at most 2 KiB. */
  errors(): string;
  /** Lets go of its streams. Whoever started it ends it. */
  leave(): void;
}

/** Longest message of a server, in bytes: a result of that size still fits into a frame to the monitor. */
export const SERVER_MESSAGE_BYTES: number = 4 * 1024 * 1024 - 64 * 1024;
const QUEUED_BYTES = 16 * 1024 * 1024;
const SKIPPED_BYTES = 64 * 1024 * 1024;
/** Most of what a server wrote to standard error that is told when it ends, in bytes. */
const LAST_WORDS_BYTES = 2048;
/** How long standard error may stay open after standard output, milliseconds; what it wrote is there by then. */
const LAST_WORDS_MS = 500;

/**
 * Takes the streams of a server by inherited descriptors, each the end of a socketpair. What it writes to standard error
 * is read, and dropped but for its last words: a stream that nobody reads would stop it, and a server that does not start
 * mostly says there why. Throws when a descriptor is not an open socket.
 */
export function attachServer(streams: {
  readonly input: number;
  readonly output: number;
  readonly errors: number;
}): AttachedServer {
  const errors = new Socket({ fd: streams.errors, readable: true, writable: false });
  const words = keepTail(errors, LAST_WORDS_BYTES);
  const output = new Socket({ fd: streams.output, readable: true, writable: false });
  const input = new Socket({ fd: streams.input, readable: false, writable: true });
  const lines = openLines(pairChannel(output, input), {
    lineBytes: SERVER_MESSAGE_BYTES,
    queuedBytes: QUEUED_BYTES,
    skippedBytes: SKIPPED_BYTES,
  });
  const ended = new Promise<string>((resolve) => {
    lines.onClose(() => {
      const tell = (): void => resolve(inOneLine(words.text()));
      void words.ended.then(tell);
      setTimeout(tell, LAST_WORDS_MS);
    });
  });
  return Object.freeze({ lines, ended, errors: () => words.text(), leave: () => lines.destroy() });
}

/** The lines of a stranger's last words in one, as they are; whoever shows them makes them visible. */
function inOneLine(words: string): string {
  return words
    .toWellFormed()
    .split(/\r?\n/u)
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join(" | ");
}
