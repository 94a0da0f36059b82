import { spawn } from "node:child_process";
import { closeSync, readlinkSync } from "node:fs";
import { ReadStream } from "node:tty";
import { openPty } from "../../src/platform/terminal/pty.ts";

/** A person's interactive shell, with job control, on a terminal of its own. */
export interface ShellSession {
  /** Everything that was shown since the last `clear`. */
  shown(): string;
  /** When these words came to be shown, milliseconds since 1970 UTC; NaN when they were not. */
  seenAt(words: string): number;
  clear(): void;
  type(keys: string): void;
  /** Resolves with the first of these words that were shown; fails after half a minute. */
  see(...words: readonly string[]): Promise<string>;
  resize(columns: number, rows: number): void;
  close(): void;
}

const PATIENCE = 60_000;

/** @param variables of the shell's environment. */
export function openShell(folder: string, variables: { readonly [name: string]: string }): ShellSession {
  const pty = openPty();
  pty.resize(100, 30);
  const name = readlinkSync(`/proc/self/fd/${pty.slave}`);
  // The first terminal that the leader of a session opens becomes the one that controls it.
  const become = `require("node:fs").openSync(${JSON.stringify(name)}, "r+");
    process.execve("/bin/bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], process.env);`;
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "-e", become], {
    cwd: folder,
    detached: true,
    env: { PATH: process.env["PATH"], TERM: "xterm-256color", PS1: "shell> ", HISTFILE: "/dev/null", ...variables },
    stdio: [pty.slave, pty.slave, pty.slave],
  });
  closeSync(pty.slave);
  const screen = new ReadStream(pty.master);
  let shown = "";
  /** How much was shown by when. */
  const came: { readonly length: number; readonly at: number }[] = [];
  screen.setEncoding("latin1").on("data", (text: string) => {
    shown += text;
    came.push({ length: shown.length, at: Date.now() });
  });
  screen.on("error", () => screen.destroy());
  return {
    shown: () => shown,
    seenAt(words) {
      const end = shown.indexOf(words) + words.length;
      return shown.includes(words) ? (came.find(({ length }) => length >= end)?.at ?? Number.NaN) : Number.NaN;
    },
    clear() {
      shown = "";
      came.length = 0;
    },
    type: (keys) => void screen.write(Buffer.from(keys, "latin1")),
    async see(...words) {
      const end = performance.now() + PATIENCE;
      for (;;) {
        const found = words.find((each) => shown.includes(each));
        if (found !== undefined) return found;
        if (performance.now() > end) throw new Error(`never seen: ${words.join()}; seen: ${JSON.stringify(shown)}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    resize: (columns, rows) => pty.resize(columns, rows),
    close() {
      child.kill("SIGKILL");
      screen.destroy();
    },
  };
}
