import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { SandboxedProcess } from "../powers.ts";
import { isStopping, isStopped, listAllMembers, signalMember } from "./sandbox-members.ts";
import { readLink } from "./sandbox-syscalls.ts";

const SIGSTOP = 19;
const SIGCONT = 18;
/** Rounds in a row that must find every process standing: in the first of them one may just have been continued. */
const ROUNDS_STILL = 2;
/** Longest pause between two rounds, milliseconds. */
const PAUSE = 10;
/** States of what is no connection: a listener, and one that is closed (tcp_states.h). */
const NO_CONNECTION: ReadonlySet<string> = new Set(["0A", "07"]);

/** Where all processes of one sandbox stand. */
export interface Standing {
  /** Processes that are left. */
  readonly processes: number;
  /** Whether what was asked for holds of all of them. */
  readonly reached: boolean;
  /** Milliseconds until that was seen, or until nobody looked any more. */
  readonly ms: number;
}

type Standings = ReadonlyMap<SandboxedProcess, Standing>;

/** Stopping many sandboxes at once, and seeing that they have: one pass over /proc serves all, so that fifty cost what one does. */
export interface Stops {
  /** Stops every process of them, from this turn on; resolves when all stand still or `ms` are over. */
  hold(sandboxes: readonly SandboxedProcess[], ms: number): Promise<Standings>;
  /** Of sandboxes that were killed: resolves when no process is left or `ms` are over. */
  seeGone(sandboxes: readonly SandboxedProcess[], ms: number): Promise<Standings>;
  letGo(sandboxes: readonly SandboxedProcess[]): void;
  /**
   * TCP connections that each holds in the network of this machine, as the kernel tells, those that are being made too; null
   * when one of its processes closed itself to such looks, so that nobody can say.
   */
  connections(sandboxes: readonly SandboxedProcess[]): ReadonlyMap<SandboxedProcess, number | null>;
}

export const STOPS: Stops = Object.freeze({
  hold(sandboxes, ms) {
    const rounds = new Map<SandboxedProcess, number>();
    return repeat(sandboxes, ms, (sandbox, members) => {
      // Looking costs more than a signal, and the processor may be theirs yet: nobody is looked at before all were told once,
      // and all threads only when nothing else runs.
      const before = rounds.get(sandbox);
      const running = before === undefined ? members : members.filter((pid) => !isStopping(pid));
      for (const pid of running) signalMember(sandbox.namespace, { pid, signal: SIGSTOP });
      const still = running.length === 0 && members.every(isStopped) ? (before ?? 0) + 1 : 0;
      rounds.set(sandbox, still);
      return still >= ROUNDS_STILL;
    });
  },
  async seeGone(sandboxes, ms) {
    const standings = new Map<SandboxedProcess, Standing>();
    const begun = performance.now();
    // To look through /proc while hundreds end takes the processor from their end: the first process of each says it alone.
    let open = sandboxes;
    for (let pause = 0; ; pause = Math.min(pause + 1, PAUSE)) {
      const now = performance.now() - begun;
      for (const sandbox of open)
        if (!sandbox.exists()) standings.set(sandbox, { processes: 0, reached: true, ms: now });
      open = open.filter((sandbox) => !standings.has(sandbox));
      if (open.length === 0) return standings;
      if (now > ms) break;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    const members = listAllMembers();
    const now = performance.now() - begun;
    for (const sandbox of open)
      standings.set(sandbox, { processes: membersOf(sandbox, members).length, reached: !sandbox.exists(), ms: now });
    return standings;
  },
  letGo(sandboxes) {
    const members = membersThisTurn();
    for (const sandbox of sandboxes)
      for (const pid of membersOf(sandbox, members)) signalMember(sandbox.namespace, { pid, signal: SIGCONT });
  },
  connections(sandboxes) {
    const members = listAllMembers();
    const rows = ["tcp", "tcp6"].flatMap((table) => connectedIn(`/proc/self/net/${table}`));
    return new Map(
      sandboxes.map((sandbox) => {
        const held = membersOf(sandbox, members).map(socketsOf);
        if (held.includes(null)) return [sandbox, null] as const;
        const sockets = new Set(held.flatMap((inodes) => inodes ?? []));
        return [sandbox, rows.filter((inode) => sockets.has(inode)).length] as const;
      }),
    );
  },
} satisfies Stops);

/** Looks at all of them at once until each is done or gone; what is done is looked at no more. */
async function repeat(
  sandboxes: readonly SandboxedProcess[],
  ms: number,
  look: (sandbox: SandboxedProcess, members: readonly number[]) => boolean,
): Promise<Standings> {
  const standings = new Map<SandboxedProcess, Standing>();
  const begun = performance.now();
  for (let pause = 0; ; pause = Math.min(pause + 1, PAUSE)) {
    const open = sandboxes.filter((sandbox) => standings.get(sandbox)?.reached !== true);
    if (open.length === 0 || performance.now() > begun + ms) return standings;
    const members = listAllMembers();
    for (const sandbox of open) {
      const found = membersOf(sandbox, members);
      const reached = !sandbox.exists() || look(sandbox, found);
      standings.set(sandbox, { processes: found.length, reached, ms: performance.now() - begun });
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

let thisTurn: ReturnType<typeof listAllMembers> | null = null;

/** One pass over /proc for all that are let go in the same turn, one by one: what stands still starts nothing meanwhile. */
function membersThisTurn(): ReturnType<typeof listAllMembers> {
  if (thisTurn === null) {
    thisTurn = listAllMembers();
    setImmediate(() => (thisTurn = null));
  }
  return thisTurn;
}

/** The number of a namespace that is gone may be another's already. */
function membersOf(sandbox: SandboxedProcess, all: ReturnType<typeof listAllMembers>): readonly number[] {
  return sandbox.exists() ? (all.get(sandbox.namespace) ?? []) : [];
}

/** Inodes of the sockets that a process holds; null when they cannot be seen. */
function socketsOf(pid: number): readonly string[] | null {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${fd}`) ?? "")?.[1];
      return inode === undefined ? [] : [inode];
    });
  } catch {
    return existsSync(`/proc/${pid}`) ? null : [];
  }
}

/** Inodes of the sockets of a table that are connections. proc(5), net/tcp: state is the fourth field, inode the tenth. */
function connectedIn(table: string): readonly string[] {
  const rows = existsSync(table) ? readFileSync(table, "utf8").split("\n").slice(1) : [];
  return rows.flatMap((row) => {
    const fields = row.trim().split(/\s+/);
    const [state, inode] = [fields[3], fields[9]];
    return state === undefined || inode === undefined || NO_CONNECTION.has(state) ? [] : [inode];
  });
}
