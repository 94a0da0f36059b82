import { spawn } from "node:child_process";
import { Socket } from "node:net";
import { pairChannel } from "./channel.ts";
import { openLines, type Lines } from "./line-channel.ts";

/** An MCP server as a child of the driver, in the driver's sandbox. */
export interface ChildServer {
  readonly lines: Lines;
  /** Resolves when the child has ended, with how. Never rejects. */
  readonly ended: Promise<string>;
  /** Ends the child and what it started. */
  kill(): void;
}

/** Longest message of a server, in bytes: a result of that size still fits into a frame to the monitor. */
export const SERVER_MESSAGE_BYTES: number = 4 * 1024 * 1024 - 64 * 1024;
const QUEUED_BYTES = 16 * 1024 * 1024;
const SKIPPED_BYTES = 64 * 1024 * 1024;

/**
 * Starts a server from its argv, never through a shell; `node` as argv[0] is this process's own Node. The environment is
 * exactly the one given. What the server writes to standard error is read and dropped: it is a server's words without a
 * reader, and a pipe that nobody reads would stop it.
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
  child.stderr.resume();
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`it could not be started: ${error.message}`));
    child.once("exit", (code, signal) =>
      resolve(signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`),
    );
  });
  const lines = openLines(pairChannel(asSocket(child.stdout), asSocket(child.stdin)), {
    lineBytes: SERVER_MESSAGE_BYTES,
    queuedBytes: QUEUED_BYTES,
    skippedBytes: SKIPPED_BYTES,
  });
  return Object.freeze({
    lines,
    ended,
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

function asSocket(stream: unknown): Socket {
  if (stream instanceof Socket) return stream;
  throw new TypeError("Cannot talk to a child: one of its streams is not a pipe");
}
