import { closeSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { makePipe } from "../channels/pipe.ts";

/** Streams that an agent's are to be joined to; null is one that somebody else takes care of. */
export interface RelayedStreams {
  readonly input: Readable | null;
  readonly output: Writable | null;
  /** `output`: joined to the same pipe, so that the order of both is kept. */
  readonly error: Writable | "output" | null;
  /** So many bytes of output came; how many of them are handed on. All when left out. */
  readonly take?: (bytes: number) => number;
  /** Output waits until `flow` is called. */
  readonly waits?: boolean;
}

/** Fresh pipes to an agent, and the carrying of bytes between them and somebody's streams. */
export interface StreamRelay {
  /** The agent's ends of standard input, output and error, where there are such. Handed over, then released. */
  readonly fds: readonly (number | null)[];
  /** Closes this process's copies of the agent's ends. */
  release(): void;
  /** Resolves when the agent's side has gone and all its output was handed on. */
  readonly ended: Promise<void>;
  /** Hands output on from now on. */
  flow(): void;
  /** Takes no more output; the agent waits when its pipe is full. */
  hold(): void;
  /** Stops reading input and output at once. */
  stop(): void;
}

/**
 * Joins streams to fresh pipes. NO-AMBIENT: an agent never gets a descriptor of a person's file, folder or socket. What a
 * process holds open it can open again, with other rights, and walk from there (`/proc/self/fd/0/..`), whatever its mount
 * namespace shows; from a pipe of ours there is nowhere to go.
 */
export function relayStreams({
  input,
  output,
  error,
  take = (bytes) => bytes,
  waits = false,
}: RelayedStreams): StreamRelay {
  const far: number[] = [];
  const near: Socket[] = [];
  const sources: Socket[] = [];
  let held = waits;
  const ends: Promise<void>[] = [];

  const toAgent = (source: Readable): number => {
    const [read, write] = makePipe();
    far.push(read);
    const sink = new Socket({ fd: write, readable: false, writable: true });
    near.push(sink);
    // The agent has closed its input, or is gone: nobody wants the rest.
    sink.on("error", () => sink.destroy());
    sink.on("close", () => {
      source.unpipe(sink);
      source.pause();
    });
    // What cannot be read is the end of it: a folder, for example.
    source.on("error", () => sink.end());
    source.pipe(sink);
    return read;
  };
  const fromAgent = (sink: Writable): number => {
    const [read, write] = makePipe();
    far.push(write);
    const source = new Socket({ fd: read, readable: true, writable: false });
    near.push(source);
    sources.push(source);
    ends.push(new Promise((resolve) => source.on("close", () => resolve())));
    source.on("error", () => source.destroy());
    // A reader that went away: the agent's next word fails, as it would on the reader's own pipe.
    sink.once("error", () => source.destroy());
    source.on("data", (bytes: Buffer) => {
      const passed = bytes.subarray(0, take(bytes.length));
      const full = passed.length > 0 && !sink.write(passed);
      if (full || held) source.pause();
      if (full) sink.once("drain", () => void (held || source.resume()));
    });
    if (held) source.pause();
    return write;
  };

  const stdin = input === null ? null : toAgent(input);
  const stdout = output === null ? null : fromAgent(output);
  const stderr = error === null ? null : error === "output" ? stdout : fromAgent(error);
  return Object.freeze({
    fds: Object.freeze([stdin, stdout, stderr]),
    release: () => {
      for (const fd of far.splice(0)) closeSync(fd);
    },
    ended: Promise.all(ends).then(() => undefined),
    flow: () => {
      held = false;
      for (const source of sources) source.resume();
    },
    hold: () => {
      held = true;
      for (const source of sources) source.pause();
    },
    stop: () => {
      for (const socket of near) socket.destroy();
      input?.pause();
    },
  });
}
