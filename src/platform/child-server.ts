import { spawn } from "node:child_process";
import { Socket } from "node:net";
import { pairChannel } from "./channel.ts";
import { openLines, type Lines } from "./line-channel.ts";
import { keepTail } from "./sandbox-output.ts";

/** An MCP server as a child of the driver, in the driver's sandbox. */
export interface ChildServer {
  readonly lines: Lines;
  /** Resolves when the child has ended, with how, and with its last words on standard error. Never rejects. */
  readonly ended: Promise<string>;
  /** The end of what it wrote to standard error, at most 2 KiB. */
  errors(): string;
  /** Ends the child and what it started. */
  kill(): void;
}

/** Longest message of a server, in bytes: a result of that size still fits into a frame to the monitor. */
export const SERVER_MESSAGE_BYTES: number = 4 * 1024 * 1024 - 64 * 1024;
const QUEUED_BYTES = 16 * 1024 * 1024;
const SKIPPED_BYTES = 64 * 1024 * 1024;
/** Most of what a server wrote to standard error that is told when it ends, in bytes. */
const LAST_WORDS_BYTES = 2048;
/** How long what a server left behind may hold its standard error open, milliseconds; what it wrote is there by then. */
const LAST_WORDS_MS = 500;

/**
 * Starts a server from its argv, never through a shell; `node` as argv[0] is this process's own Node. The environment is
 * exactly the one given. What the server writes to standard error is read, and dropped but for its last words: a pipe that
 * nobody reads would stop it, and a server that does not start mostly says there why.
 */
export function startChildServer(
  command: readonly string[],
  options: { readonly environment: { readonly [name: string]: string } },
): ChildServer {
  const [program = "", ...rest] = command;
  const child = spawn(program === "node" ? process.execPath : program, rest, {
    env: { ...options.environment },
    stdio: ["pipe", "pipe", "pipe"],
    // A process group of its own, so that what the server starts can be ended with it.
    detached: true,
    shell: false,
  });
  const words = keepTail(child.stderr, LAST_WORDS_BYTES);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`it could not be started: ${error.message}`));
    child.once("exit", (code, signal) => {
      const how = signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`;
      const tell = (): void => resolve(withLastWords(how, words.text()));
      void words.ended.then(tell);
      setTimeout(tell, LAST_WORDS_MS);
    });
  });
  const lines = openLines(pairChannel(asSocket(child.stdout), asSocket(child.stdin)), {
    lineBytes: SERVER_MESSAGE_BYTES,
    queuedBytes: QUEUED_BYTES,
    skippedBytes: SKIPPED_BYTES,
  });
  return Object.freeze({
    lines,
    ended,
    errors: () => words.text(),
    kill: () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // ESRCH: it has ended already.
      }
    },
  });
}

/** The lines of a stranger's last words in one, as they are; whoever shows them makes them visible. */
function withLastWords(how: string, words: string): string {
  const lines = words
    .toWellFormed()
    .split(/\r?\n/u)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.length === 0 ? how : `${how}; its last words: ${lines.join(" | ")}`;
}

function asSocket(stream: unknown): Socket {
  if (stream instanceof Socket) return stream;
  throw new TypeError("Cannot talk to a child: one of its streams is not a pipe");
}
