import type { AgentVolumes } from "../platform/workspace/agent-volumes.ts";
import type { ExtensionStore } from "../platform/files/extension-store.ts";
import type { FoundBytes } from "../platform/files/found-file.ts";
import type { Clock, Crypto, Random, SandboxedProcess, Timer } from "../platform/powers.ts";
import type { Stops } from "../platform/sandbox/sandbox-stop.ts";
import type { Reached } from "../platform/sandbox/sandbox-use.ts";
import type { SocketEnd } from "../platform/channels/socket-end.ts";
import type { WardNews } from "../platform/sandbox/supervisor-link.ts";
import type { UndoFolder } from "../platform/workspace/undo-shelf.ts";
import type { WorkspaceUse } from "../platform/workspace/workspace.ts";
import type { SandboxSpec } from "../sandbox/spec.ts";
import type { StorageJoin } from "../sandbox/storage-wire.ts";

/** Descriptors of a person's terminal or pipes, handed over by the CLI; whoever takes them closes them. */
export interface Streams {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  /** Whether standard input is a terminal: the agent gets it as the one that controls it. */
  readonly terminal: boolean;
  /** Closes the monitor's copies, once the sandbox has its own. */
  release(): void;
}

/** The console's pages. */
export interface Pages {
  /** Paths of the code that they are part of. */
  readonly code: readonly string[];
  /** Digest of the pages as they lie there now (platform/serving/page-files.ts). */
  digest(): string;
}

/** Everything the monitor can do to the world, made in `main/aiosd.ts`. */
export interface MonitorPowers {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly random: Random;
  readonly crypto: Crypto;
  /** What bounds the memory of agents here. */
  readonly limits: "cgroup" | "watch";
  /** CONFINED-OR-NOT-AT-ALL: rejects with a code and a hint when any part of the sandbox cannot be set up. */
  startSandbox(
    spec: SandboxSpec,
    streams: Streams | "capture" | "ignore",
    ends?: readonly SocketEnd[],
  ): Promise<SandboxedProcess>;
  /** An agent starts soon: begins what its start needs and takes time. Never throws; the start itself says what failed. */
  expectAgent(): void;
  /**
   * The same for an agent, whose calls the supervisor answers; `hear` is told what happens inside. TERMINAL: after a
   * terminal call, or when nobody supervises it any more, it is killed before `hear` is called.
   */
  startAgent(
    spec: SandboxSpec,
    parts: {
      readonly streams: Streams;
      readonly hear: (news: WardNews) => void;
      /** Its program begins when this has resolved; everything else of its start is done meanwhile. */
      readonly after: Promise<unknown>;
      /** Bounds that are watched from outside; over one it is killed before `reached` is called, which is also told of those at which calls fail. */
      readonly bounds: { readonly cpuSeconds: number | null; readonly writtenBytes: number | null };
      readonly reached: (reached: Reached) => void;
      /** Its channel, if it has one. */
      readonly ends: readonly SocketEnd[];
      /** The supervisor's end of the socket to its storage device, if it has guarded roots. */
      readonly device: SocketEnd | null;
    },
  ): Promise<SandboxedProcess>;
  /** Sandboxes as they stand: all of them looked at together, so that fifty cost what one does. */
  readonly stops: Stops;
  /** Two ends for two sandboxes to speak through; the last channels of a sandbox are made of the ends it is given. */
  makeSocketEnds(): readonly [SocketEnd, SocketEnd];
  /** Listens on a port of 127.0.0.1 of this machine, for a sandbox that is to accept from it. Throws when it is taken. */
  listenOnLoopback(port: number): SocketEnd;
  /** The same on every loopback address of this machine, 127.0.0.1 first. */
  holdLoopback(port: number): readonly SocketEnd[];
  /** What the console serves. */
  readonly pages: Pages;
  /** `sha256:` over names, modes and contents of everything below these paths, links not followed. */
  codeDigest(paths: readonly string[]): Promise<string>;
  /** Makes the folder in which one face listens, readable by its sandbox only; absolute host path. */
  makeSocketFolder(instance: string): Promise<string>;
  removeSocketFolder(instance: string): Promise<void>;
  /** Homes of agents that last. */
  readonly volumes: AgentVolumes;
  /** What extensions are, read-only. */
  readonly extensions: ExtensionStore;
  /** Throws when this machine cannot guard a folder that an agent writes in. */
  requireGuard(): void;
  /** Paths below a workspace that git obeys by its configuration (platform/workspace/git-obeyed.ts). Rejects when they cannot be known. */
  findGitObeyed(workspace: string): Promise<readonly string[]>;
  /** Objects that the references of the repository at a folder's top name (platform/git/git-tips.ts). Never rejects. */
  readGitTips(folder: string): Promise<readonly string[]>;
  /** Has a storage device act for one more sandbox (platform/workspace/storage-joining.ts). Throws when the device is gone. */
  joinStorage(control: SocketEnd, join: StorageJoin): SocketEnd;
  /** Makes an empty folder in which is kept what an instance changes, and the file by which devices take turns; host paths. */
  makeUndoFolder(instance: string): Promise<{ readonly folder: string; readonly turns: string }>;
  /** Those folders, the newest first, without those in which all was undone. */
  findUndoFolders(instance: string): Promise<readonly UndoFolder[]>;
  removeUndoFolder(found: UndoFolder): Promise<void>;
  /** Starts a program of ours in a sandbox and gives what it wrote to standard output. Rejects when it did not end well. */
  readOutput(spec: SandboxSpec): Promise<string>;
  /** A function that takes these values out of a text, however they are written in it (platform/network/scrub.ts). */
  scrubber(values: readonly string[]): (text: string) => string;
  /** Whether the home is still where it was opened: nothing that is named by its path can be trusted when it is not. */
  homeStands(): boolean;
  /** Why this folder cannot be an agent's workspace, or null. `path` is absolute; a link anywhere in it is a reason. */
  workspaceProblem(path: string, mode: WorkspaceUse): Promise<{ message: string; hint: string } | null>;
  /** Looks at a file below a folder and follows no link (platform/files/found-file.ts). Never throws. */
  findFile(folder: string, place: { readonly names: readonly string[]; readonly most: number }): Promise<FoundBytes>;
  /** Why this path cannot be shown to an agent as its program's code, or null: it is the home's, a system folder, a link. */
  codeProblem(path: string): Promise<{ message: string; hint: string } | null>;
  /** Streams that the CLI handed over under this ticket; null when none arrived within a second. */
  takeStreams(ticket: string): Promise<Streams | null>;
}
