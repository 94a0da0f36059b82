import { EXTENSION_PLACE, workspaceOf, type DriverSource } from "../kernel/grant.ts";
import type { SandboxedProcess } from "../platform/powers.ts";
import type { SocketEnd } from "../platform/channels/socket-end.ts";
import type { WardNews } from "../platform/sandbox/supervisor-link.ts";
import type { Mount, SandboxSpec } from "../sandbox/spec.ts";
import type { ReachedLimit } from "./limits.ts";
import type { Storage } from "./live.ts";
import type { MonitorPowers } from "./powers.ts";
import { BASE_ENVIRONMENT, type CodeLayout, INSIDE, WORKSPACE } from "./sandbox-plans.ts";

const MEBIBYTE = 1024 * 1024;

/** What a server finds of a folder: what a grant says, guarded where that is to write in it, or never more than to read. */
export interface ServerFolder {
  readonly host: string;
  readonly mode: "read" | "write";
}

/**
 * What is to be mounted of a workspace for a server. Before an owner signed for it, while it is only asked what it offers, a
 * server writes nothing of theirs (NO-AMBIENT).
 */
export function folderOf(
  source: DriverSource,
  { workspace, signed }: { readonly workspace: string | null; readonly signed: boolean },
): ServerFolder | null {
  const sees = workspaceOf(source);
  if (workspace === null || sees === "none") return null;
  return { host: workspace, mode: signed ? sees : "read" };
}

/**
 * An MCP server on standard streams: somebody's program, which is supervised as an agent is. `tree`: of an extension,
 * checked. `node` as its first word is our own Node.
 */
export function planServer(
  code: CodeLayout,
  source: Extract<DriverSource, { kind: "stdio" | "ext" }>,
  { folder, tree }: { readonly folder: ServerFolder | null; readonly tree: string | null },
): SandboxSpec {
  const mounts: Mount[] = [{ kind: "read", host: code.node, inside: `${INSIDE}/node` }];
  if (source.kind === "stdio") for (const path of source.code) mounts.push({ kind: "read", host: path, inside: path });
  if (tree !== null) mounts.push({ kind: "read", host: tree, inside: EXTENSION_PLACE });
  if (folder !== null) mounts.push({ kind: folder.mode, host: folder.host, inside: WORKSPACE });
  const [program = "", ...rest] = source.command;
  return {
    role: "agent",
    // As in an agent's: what it may write in is changed on its behalf. Nor is a socket or a pipe made there, through which two
    // servers could talk, and which would keep the next instance from starting.
    ...(folder?.mode === "write" ? { guarded: [WORKSPACE] } : {}),
    command: [program === "node" ? `${INSIDE}/node` : program, ...rest],
    cwd: "/tmp",
    environment: BASE_ENVIRONMENT,
    mounts,
    channels: 0,
    published: false,
    programs: "any",
    terminal: false,
    network: "none",
    limits: { processes: 128, openFiles: 1024, fileBytes: 256 * MEBIBYTE, memoryBytes: 2048 * MEBIBYTE },
  };
}

/** The standard streams between a driver and its server; this process holds its copies until both have theirs. */
export interface ServerStreams {
  /** The driver's ends, in the order of its descriptors: the server's standard input, output and error. */
  readonly ours: readonly SocketEnd[];
  readonly theirs: { readonly stdin: number; readonly stdout: number; readonly stderr: number };
  close(): void;
}

export function serverStreams({ makeSocketEnds }: Pick<MonitorPowers, "makeSocketEnds">): ServerStreams {
  const [input, output, errors] = [makeSocketEnds(), makeSocketEnds(), makeSocketEnds()] as const;
  const pairs = [input, output, errors];
  return {
    ours: pairs.map(([near]) => near),
    theirs: { stdin: input[1].fd, stdout: output[1].fd, stderr: errors[1].fd },
    close() {
      for (const end of pairs.flat()) end.close();
    },
  };
}

/**
 * Starts an MCP server in a sandbox of its own, in which the supervisor answers its calls as an agent's; `hear` is told
 * what happens inside, `reached` of each limit of its sandbox once. `storage`: of its instance, for a server that may write in its folder. Rejects when any part of its
 * confinement cannot be set up (CONFINED-OR-NOT-AT-ALL).
 */
export async function startServer(
  powers: Pick<MonitorPowers, "startAgent">,
  {
    code,
    source,
    folder,
    storage,
    tree,
    streams,
    hear,
    reached,
  }: {
    readonly code: CodeLayout;
    readonly source: Extract<DriverSource, { kind: "stdio" | "ext" }>;
    readonly folder: ServerFolder | null;
    readonly storage: Pick<Storage, "join" | "stands"> | null;
    readonly tree: string | null;
    readonly streams: Pick<ServerStreams, "theirs">;
    readonly hear: (news: WardNews) => void;
    readonly reached: (reached: ReachedLimit) => void;
  },
): Promise<SandboxedProcess> {
  const device = storage?.join("server") ?? null;
  try {
    return await powers.startAgent(planServer(code, source, { folder, tree }), {
      streams: { ...streams.theirs, terminal: false, release() {} },
      hear,
      after: storage?.stands ?? Promise.resolve(),
      bounds: { cpuSeconds: null, writtenBytes: null },
      reached,
      ends: [],
      device,
    });
  } finally {
    device?.close();
  }
}
