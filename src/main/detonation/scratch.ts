import { closeSync, constants, openSync, statfsSync } from "node:fs";
import type { StartedSandbox } from "../../platform/sandbox-process.ts";
import { listAllMembers } from "../../platform/sandbox-members.ts";

/** Folders of a sandbox that lie in memory and are nobody else's. */
const PLACES = ["/tmp", "/dev/shm"];

/** What a sandbox has for files that nobody keeps. */
export interface Scratch {
  /** The first of its folders in which nothing more has room; null: none. */
  full(): string | null;
  close(): void;
}

/** Holds the folders open, so that they can be looked at when what wrote there has ended. */
export function holdScratch(sandbox: Pick<StartedSandbox, "namespace">): Scratch {
  const [pid] = listAllMembers().get(sandbox.namespace) ?? [];
  const held = PLACES.flatMap((place) => {
    try {
      const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
      return pid === undefined ? [] : [{ place, fd: openSync(`/proc/${pid}/root${place}`, flags) }];
    } catch {
      return []; // it has ended already
    }
  });
  return {
    full: () => held.find(({ fd }) => statfsSync(`/proc/self/fd/${fd}`).bavail === 0)?.place ?? null,
    close() {
      for (const { fd } of held) closeSync(fd);
    },
  };
}
