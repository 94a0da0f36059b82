import { closeSync, constants, openSync, readSync, statfsSync } from "node:fs";
import type { StartedSandbox } from "../../platform/sandbox/sandbox-process.ts";
import { listAllMembers } from "../../platform/sandbox/sandbox-members.ts";

/** Folders of a sandbox that lie in memory and are nobody else's. */
const PLACES = ["/tmp", "/dev/shm"];
/** Where the kernel counts what a network namespace had no way for: rows of IPv4 with their names above, IPv6 by name. */
const COUNTERS = ["snmp", "snmp6"];
const COUNTERS_MOST = 64 * 1024;

/** What the kernel knows of a sandbox, and a supervisor does not. */
export interface Inside {
  /** The first of its folders in memory in which nothing more has room; null: none. */
  full(): string | null;
  /**
   * How often it sent or connected to an address that is not its own loopback, where nothing leads to. Each datagram is one,
   * with or without a connect before it, and so is a stream that is opened by its first words (TCP Fast Open).
   */
  lost(): number;
  close(): void;
}

/** Holds folders and counters open, so that they can be looked at when what wrote and sent there has ended. */
export function holdInside(sandbox: Pick<StartedSandbox, "namespace">): Inside {
  const [pid] = listAllMembers().get(sandbox.namespace) ?? [];
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
  const folders = PLACES.flatMap((place) => hold(place, `root${place}`, flags | constants.O_DIRECTORY));
  const counters = COUNTERS.flatMap((name) => hold(name, `net/${name}`, flags));

  function hold(name: string, path: string, how: number): readonly { readonly name: string; readonly fd: number }[] {
    try {
      return pid === undefined ? [] : [{ name, fd: openSync(`/proc/${pid}/${path}`, how) }];
    } catch {
      return []; // it has ended already
    }
  }
  return {
    full: () => folders.find(({ fd }) => statfsSync(`/proc/self/fd/${fd}`).bavail === 0)?.name ?? null,
    lost: () => counters.reduce((sum, { fd }) => sum + countLost(fd), 0),
    close() {
      for (const { fd } of [...folders, ...counters]) closeSync(fd);
    },
  };
}

function countLost(fd: number): number {
  const bytes = Buffer.alloc(COUNTERS_MOST);
  const text = bytes.toString("latin1", 0, readSync(fd, bytes, 0, bytes.length, 0));
  const [names = [], values = []] = [...text.matchAll(/^Ip: (.*)$/gmu)].map(([, row = ""]) => row.split(" "));
  const four = values[names.indexOf("OutNoRoutes")] ?? 0;
  return Number(four) + Number(/^Ip6OutNoRoutes\s+(\d+)$/mu.exec(text)?.[1] ?? 0);
}
