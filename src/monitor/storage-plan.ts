import type { SandboxSpec } from "../sandbox/spec.ts";
import { type CodeLayout, ownCode, ownEnvironment } from "./sandbox-plans.ts";

const MEBIBYTE = 1024 * 1024;
const INSIDE = "/aios";
/** Where a storage device finds the store of what it keeps. */
const UNDO = "/undo";
/** Where it finds the file by which devices take turns; nothing else sees it. */
const TURNS = "/turns";
/** Bytes of content and notes that are kept of one instance; what would need more is refused (EDQUOT). */
export const UNDO_BYTES: number = 1024 * MEBIBYTE;

/** A guarded root: the same place inside as in the sandboxes of the agent and its servers, so that paths mean the same. */
export interface GuardedRoot {
  readonly host: string;
  readonly inside: string;
}

/** What a storage device is told to serve by. */
export interface StorageTask {
  /** Bytes of content and notes that it may keep. */
  readonly most: number;
  /** Control files that the agent itself may change, by folded name. */
  readonly open: readonly string[];
  /** Paths below a root that git obeys by its configuration, and which are control files for that. */
  readonly obeyed: readonly string[];
}

/**
 * The storage device of one instance: the guarded roots and its own part of the undo store, nothing else of the machine. Its
 * channel leads to the monitor, which hands sockets over it.
 */
export function planStorage(
  code: CodeLayout,
  {
    undo,
    turns,
    roots,
    open,
    obeyed,
  }: Pick<StorageTask, "open" | "obeyed"> & {
    readonly undo: string;
    readonly turns: string;
    readonly roots: readonly GuardedRoot[];
  },
): SandboxSpec {
  const task: StorageTask = { most: UNDO_BYTES, open, obeyed };
  const words = ["serve", JSON.stringify(task), UNDO, ...roots.map(({ inside }) => inside)];
  const { mounts, ...rest } = base(code, { undo, roots });
  return {
    ...rest,
    mounts: [...mounts, { kind: "read", host: turns, inside: TURNS }],
    command: command(words),
    channels: 1,
  };
}

/** The same to undo what an agent did; it says in JSON on standard output what it did or, dry, would do. */
export function planUndo(
  code: CodeLayout,
  { undo, roots, how }: { readonly undo: string; readonly roots: readonly GuardedRoot[]; readonly how: "dry" | "do" },
): SandboxSpec {
  const words = ["undo", how, UNDO, ...roots.map(({ inside }) => inside)];
  return { ...base(code, { undo, roots }), command: command(words), channels: 0 };
}

/** The hard limit of the monitor's own, whatever it is, stays where it is lower. */
const MOST_FILES = 1_048_576;

function command(words: readonly string[]): readonly string[] {
  return [
    `${INSIDE}/node`,
    "--max-semi-space-size=1",
    "--disable-warning=ExperimentalWarning",
    `${INSIDE}/src/main/storage.ts`,
    ...words,
  ];
}

function base(
  code: CodeLayout,
  { undo, roots }: { readonly undo: string; readonly roots: readonly GuardedRoot[] },
): Omit<SandboxSpec, "command" | "channels"> {
  return {
    role: "driver",
    cwd: "/tmp",
    environment: ownEnvironment("storage"),
    mounts: [
      ...ownCode(code),
      { kind: "write", host: undo, inside: UNDO },
      ...roots.map(({ host, inside }) => ({ kind: "write", host, inside }) as const),
    ],
    published: false,
    programs: "any",
    terminal: false,
    network: "none",
    // It hands out descriptors, and an agent that leaves as many as it may under way must not keep it from that.
    limits: { processes: 64, openFiles: MOST_FILES, fileBytes: 1024 * MEBIBYTE, memoryBytes: 1024 * MEBIBYTE },
  };
}
