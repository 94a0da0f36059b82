import { ReadStream, WriteStream } from "node:tty";
import { readTerminalSize, type Pty } from "./pty.ts";

/** Between a person's terminal and an agent's. */
export interface PumpOptions {
  /** The agent's terminal. The pump owns the master from now on; the slave is closed by the caller once handed over. */
  readonly pty: Pty;
  /** Descriptors of the person's terminal. */
  readonly input: number;
  readonly output: number;
  /** What of the person's keys goes on to the agent; keys of AIOS are taken out here. */
  readonly fromPerson: (bytes: Uint8Array) => Uint8Array;
  /** What of the agent's output is shown; sequences that could paint a prompt or write the clipboard end here. */
  readonly fromAgent: (bytes: Uint8Array) => Uint8Array;
  /** The agent's output waits until `flow` is called. */
  readonly waits?: boolean;
}

/** A running pump. */
export interface Pump {
  /** Resolves when the agent's side has gone, all its output shown and the terminal is as it was before. */
  readonly ended: Promise<void>;
  /** Stops showing and reading, and gives the terminal back its own mode, for a prompt of ours. */
  pause(): void;
  resume(): void;
  /** Shows the agent's output from now on. */
  flow(): void;
  /** Ends at once; what was not shown is lost. */
  stop(): void;
}

/**
 * Carries keys to the agent and its output to the person until the agent's side hangs up: raw mode, and the agent's
 * terminal always the size of the person's. What is paused waits in the kernel, so an agent cannot fill our memory.
 * Throws when `input` or `output` is no terminal.
 */
export function pumpTerminal(options: PumpOptions): Pump {
  const keys = new ReadStream(options.input);
  const screen = new WriteStream(options.output);
  const agent = new ReadStream(options.pty.master);
  const fit = (): void => options.pty.resize(...readTerminalSize(options.output));
  let state: "flowing" | "paused" | "over" = "flowing";
  let waits = options.waits ?? false;
  const listen = (): void => void (state === "flowing" && !waits && agent.resume());

  keys.on("data", (bytes) => {
    const passed = options.fromPerson(bytes);
    // An agent that does not read its keys stops being typed to, rather than growing a queue of ours.
    if (passed.length > 0 && !agent.write(passed)) keys.pause();
  });
  agent.on("drain", () => void (state === "flowing" && keys.resume()));
  agent.on("data", (bytes) => {
    const shown = options.fromAgent(bytes);
    if (shown.length > 0 && !screen.write(shown)) agent.pause();
  });
  if (waits) agent.pause();
  screen.on("drain", listen);

  const ended = new Promise<void>((resolve) => {
    agent.on("close", () => {
      state = "over";
      process.off("SIGWINCH", fit);
      keys.setRawMode(false);
      keys.pause();
      // The person's terminal is not ours to close: only the reading of it ends.
      screen.write("", () => resolve());
    });
  });
  // EIO is how a pseudo-terminal says that nobody holds its other end.
  agent.on("error", () => agent.destroy());
  agent.on("end", () => agent.destroy());
  for (const stream of [keys, screen]) stream.on("error", () => agent.destroy());

  fit();
  process.on("SIGWINCH", fit);
  keys.setRawMode(true);
  return Object.freeze({
    ended,
    pause: () => {
      if (state !== "flowing") return;
      state = "paused";
      agent.pause();
      keys.pause();
      keys.setRawMode(false);
    },
    resume: () => {
      if (state !== "paused") return;
      state = "flowing";
      keys.setRawMode(true);
      keys.resume();
      listen();
    },
    flow: () => {
      waits = false;
      listen();
    },
    stop: () => void agent.destroy(),
  });
}
