import { spawn } from "node:child_process";
import { Duplex } from "node:stream";
import type { Channel } from "./powers.ts";
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
  const lines = openLines(pipeChannel(child.stdout, child.stdin), {
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

function pipeChannel(readable: NodeJS.ReadableStream, writable: NodeJS.WritableStream): Channel {
  const pipe = Duplex.from({ readable, writable });
  let closed = false;
  pipe.on("error", () => pipe.destroy());
  pipe.on("end", () => pipe.destroy());
  pipe.on("close", () => {
    closed = true;
  });
  return Object.freeze({
    onData: (listener: (chunk: Uint8Array) => void) => void pipe.on("data", listener),
    onClose: (listener: () => void) => {
      if (closed) queueMicrotask(listener);
      else pipe.once("close", listener);
    },
    write: (bytes: Uint8Array) => !closed && !pipe.destroyed && pipe.write(bytes),
    onDrain: (listener: () => void) => void pipe.on("drain", listener),
    destroy: () => void pipe.destroy(),
  });
}
