import { fstatSync, readlinkSync } from "node:fs";
import { isatty } from "node:tty";
import { closeAll } from "../channels/fd-passing.ts";
import { receiveDescriptors, type Handover } from "../channels/stream-handover.ts";
import type { Timer } from "../powers.ts";
import type { UnixServer } from "../channels/unix-server.ts";

/** A person's streams, as descriptors of this process. */
export interface TakenStreams {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  /** Whether standard input is a terminal. */
  readonly terminal: boolean;
  /** Closes them here; what was started with them has its own copies. */
  release(): void;
}

/** Keeps streams that command lines handed over until the request that names their ticket arrives. */
export interface StreamDesk {
  /** Waits up to a second for streams under this ticket; null when none came. Each ticket is good once. */
  take(ticket: string): Promise<TakenStreams | null>;
  close(): Promise<void>;
}

/** Hand-overs that wait at one time; more are refused, so that nobody can use up our descriptors. */
const MOST_WAITING = 16;
/** A ticket that nobody asks for is closed after this. */
const KEPT_MS = 10_000;
const PATIENCE_MS = 1000;

// linux/major.h: the pseudo-terminals of Unix 98 have eight majors, and the high one of a device number is kept apart.
const FIRST_PTS_MAJOR = 136;
const LAST_PTS_MAJOR = 143;
const MAJOR_SHIFT = 256;

/**
 * Whether nothing else can be reached from a descriptor: an unnamed pipe, or a terminal. An agent can open again what it
 * holds, for writing too, and walk from a folder to all that its user can reach; the mount namespace is no hindrance
 * (NO-AMBIENT; THREATS: inherited descriptor, `/proc/self/fd`). The command line is not trusted with that.
 */
export function leadsNowhere(fd: number): boolean {
  const found = fstatSync(fd);
  if (found.isFIFO()) return readlinkSync(`/proc/self/fd/${fd}`).startsWith("pipe:[");
  const major = Math.floor(found.rdev / MAJOR_SHIFT) % 4096;
  return found.isCharacterDevice() && major >= FIRST_PTS_MAJOR && major <= LAST_PTS_MAJOR;
}

/** Listens at `path` for descriptors: exactly three, standard input, output and error; pipes or terminals. */
export async function openStreamDesk(path: string, timer: Timer): Promise<StreamDesk> {
  const waiting = new Map<string, { readonly fds: readonly number[]; readonly cancel: () => void }>();
  const asked = new Map<string, (streams: TakenStreams | null) => void>();

  function onHandover({ ticket, fds }: Handover): boolean {
    if (fds.length !== 3 || !fds.every(leadsNowhere) || waiting.has(ticket) || waiting.size >= MOST_WAITING)
      return false;
    const answer = asked.get(ticket);
    if (answer !== undefined) {
      asked.delete(ticket);
      answer(asStreams(fds));
      return true;
    }
    const cancel = timer.after(KEPT_MS, () => {
      waiting.delete(ticket);
      closeAll(fds);
    });
    waiting.set(ticket, { fds, cancel });
    return true;
  }

  const server: UnixServer = await receiveDescriptors(path, { stale: "replace", onHandover });
  return {
    async take(ticket) {
      const ready = waiting.get(ticket);
      if (ready !== undefined) {
        waiting.delete(ticket);
        ready.cancel();
        return asStreams(ready.fds);
      }
      if (asked.has(ticket)) return null;
      return new Promise((resolve) => {
        const cancel = timer.after(PATIENCE_MS, () => {
          asked.delete(ticket);
          resolve(null);
        });
        asked.set(ticket, (streams) => {
          cancel();
          resolve(streams);
        });
      });
    },
    async close() {
      server.close();
      for (const { fds, cancel } of waiting.values()) {
        cancel();
        closeAll(fds);
      }
      waiting.clear();
    },
  };
}

function asStreams(fds: readonly number[]): TakenStreams {
  const [stdin = -1, stdout = -1, stderr = -1] = fds;
  let open = true;
  return {
    stdin,
    stdout,
    stderr,
    terminal: isatty(stdin),
    release() {
      if (open) closeAll(fds);
      open = false;
    },
  };
}
