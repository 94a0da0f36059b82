import { fileURLToPath } from "node:url";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { planFace } from "../../src/monitor/sandbox-plans.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

// The flags of Node and the environment that the product gives its own programs: what is measured is what runs.
const PLAN = planFace({ node: process.execPath, root: ROOT }, "/run/aios");
const MOST_MS = 60_000;

/**
 * Where Node keeps what it compiled, for all that one file of tests starts: half of what a start costs. What the set-up
 * keeps is that of paths inside a sandbox.
 */
let cache: string | undefined;
/** Programs that have ended by themselves once: one that is killed keeps nothing. */
const kept = new Set<string>();

/** One of our programs as a child, with its inherited channels as streams. No sandbox: that is tested elsewhere. */
export interface OwnProgram {
  readonly process: ChildProcess;
  /** Descriptors 3, 4, … in order. */
  readonly channels: readonly Duplex[];
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null; readonly errors: string }>;
  stop(): Promise<void>;
}

/** Starts `src/main/<name>.ts`. */
export function startProgram(
  name: string,
  options: { readonly args?: readonly string[]; readonly channels: number },
): OwnProgram {
  const child = spawn(
    process.execPath,
    [...PLAN.command.slice(1, -1), `${ROOT}src/main/${name}.ts`, ...(options.args ?? [])],
    {
      // Only what the sandbox would give it.
      env: {
        ...PLAN.environment,
        NODE_COMPILE_CACHE: (cache ??= makeTemporaryFolder()),
        PATH: process.env["PATH"] ?? "/usr/bin:/bin",
        HOME: "/tmp",
      },
      stdio: ["ignore", "ignore", "pipe", ...Array.from({ length: options.channels }, () => "pipe" as const)],
    },
  );
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-8192);
  });
  const ended = once(child, "close").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
    errors,
  }));
  return {
    process: child,
    // A pipe of Node's is a socketpair, and so a duplex stream.
    channels: child.stdio.slice(3) as unknown as Duplex[],
    ended,
    stop: async () => {
      // Without its channels it ends, and keeps what Node compiled; that is waited for once.
      const late = setTimeout(() => child.kill("SIGKILL"), MOST_MS);
      if (child.exitCode === null && child.signalCode === null) {
        if (kept.has(name)) child.kill("SIGKILL");
        kept.add(name);
      }
      // A pipe that was left with unread bytes never closes by itself, and the end waits for every pipe.
      for (const channel of child.stdio.slice(3)) channel?.destroy();
      await ended;
      clearTimeout(late);
    },
  };
}

/** Resident anonymous memory of a process in KiB, as the kernel counts it. */
export async function anonymousMemory(pid: number): Promise<number> {
  const { readFile } = await import("node:fs/promises");
  const match = /^Anonymous:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, "utf8"));
  return Number(match?.[1]);
}
