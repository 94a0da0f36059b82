import { closeSync, readlinkSync } from "node:fs";
import { connectionError, EAGAIN, EALREADY, EINPROGRESS, familyOf, tryConnect } from "./connect-calls.ts";
import type { Diversion } from "./diverting.ts";
import { closeAll } from "../channels/fd-passing.ts";
import { readForeign } from "./foreign-memory.ts";
import { errnoOf } from "../libc.ts";
import type { Polled, PollEntry } from "../channels/poll-set.ts";
import { answerCall, isPending, type PendingCall } from "./seccomp-notice.ts";
import { descriptorOf, toInt } from "./foreign-descriptor.ts";
import { isSocket, keepOwnMounts, mountOf, openBeneath } from "../channels/socket-path.ts";

const AF_UNIX = 1;
/** sizeof(struct sockaddr_storage). */
const ADDRESS_MOST = 128;
const FAMILY_BYTES = 2;
/** Connections of one sandbox that are waited for; the next is told to try again. */
const WAITING_MOST = 64;
/** How long a listener with no room is asked again, and at which pace. Milliseconds. */
const ROOM_MS = 10_000;
const AGAIN_MS = 20;

/** Where a socket is to be connected to; `place` is the descriptor that the address names. */
interface Target {
  readonly address: Buffer;
  readonly place: number | null;
}

/** One connection that its caller waits for: until the kernel has made it, or until its listener has room. */
interface Waiting {
  readonly listener: number;
  readonly call: PendingCall;
  readonly fd: number;
  readonly target: Target;
  /** When it is tried again, and until when; null when the kernel is at it. */
  readonly again: { readonly until: number; next: number } | null;
}

/** Connects sockets on behalf of one sandbox. */
export interface Connecting {
  /** Answers a call to connect, now or later. False: it leads to a socket that is not the sandbox's, and is not answered. */
  take(listener: number, call: PendingCall): boolean;
  /** Whether any is waited for: nearly always none is, and this is asked for every sandbox at every call of one. */
  readonly waits: boolean;
  /** Those that poll is to wait for. */
  servers(): readonly { readonly entry: PollEntry; serve(polled: Polled): void }[];
  /** When one is to be tried again, on the clock of `now`; null when none is. */
  due(): number | null;
  /** Tries those again that are due. */
  tryAgain(): void;
  close(): void;
}

/**
 * A name in a folder that the host shares with a sandbox may be a socket on which something outside listens, and neither
 * mounts nor Landlock keep an agent from connecting to it. So its calls to connect are made here, on a copy of the caller's
 * descriptor, with an address that is read once and a path that is resolved once: to sockets on mounts of the sandbox's own.
 * Nothing waits in here: a connection that takes time is answered when it stands. `diversion` leads those to the internet
 * elsewhere; null leaves them to the kernel.
 */
export function createConnecting(now: () => number, diversion: Diversion | null = null): Connecting {
  const ownMounts = keepOwnMounts();
  const waiting = new Set<Waiting>();

  /** The target of a path, or the number of an error. */
  function resolve(listener: number, call: PendingCall, path: string): Target | number | "foreign" {
    const { pid } = call;
    const from = path.startsWith("/") ? path : `${readlinkSync(`/proc/${pid}/cwd`, "latin1")}/${path}`;
    const opened = openBeneath(pid, from);
    if ("errno" in opened) return opened.errno;
    const place = opened.fd;
    const mount = mountOf(place);
    const mounts = ownMounts(pid, () => isPending(listener, call));
    const isForeign = mount === null || mounts === null || !mounts.has(mount);
    const found = !isSocket(place) ? errnoOf("ECONNREFUSED") : isForeign ? "foreign" : null;
    if (found === null) return { address: unixAddress(`/proc/self/fd/${place}`), place };
    closeSync(place);
    return found;
  }

  /** True when it is waited for, and descriptors are kept. */
  function attempt(each: Omit<Waiting, "again">): boolean {
    const { listener, call, fd, target } = each;
    // Only now is it certain that what was read and copied was the caller's, and of no process that has its id since.
    if (!isPending(listener, call)) return false;
    const { errno, waits } = tryConnect(fd, target.address);
    const isSlow = errno === EINPROGRESS || errno === EALREADY;
    if (waits && (isSlow || errno === EAGAIN) && waiting.size < WAITING_MOST) {
      waiting.add({ ...each, again: isSlow ? null : { until: now() + ROOM_MS, next: now() + AGAIN_MS } });
      return true;
    }
    answerCall(listener, call, errno === 0 ? "done" : { errno: waits && isSlow ? EAGAIN : errno });
    return false;
  }

  function finish(each: Waiting, errno: number): void {
    waiting.delete(each);
    release(each);
    answerCall(each.listener, each.call, errno === 0 ? "done" : { errno });
  }

  return Object.freeze({
    take(listener, call) {
      const fail = (errno: number): true => {
        answerCall(listener, call, { errno });
        return true;
      };
      const [descriptor, at, length] = call.arguments;
      const bytes = toInt(length);
      if (bytes < 0 || bytes > ADDRESS_MOST) return fail(errnoOf("EINVAL"));
      const given = Buffer.from(readForeign(call.pid, { address: at, most: bytes }));
      if (given.length < bytes) return fail(errnoOf("EFAULT"));
      const fd = descriptorOf(call.pid, toInt(descriptor));
      if (fd < 0) return fail(-fd);
      let target: Target | null = null;
      let isKept = false;
      try {
        const family = familyOf(fd);
        if (family < 0) return fail(-family);
        const path = family === AF_UNIX ? pathIn(given) : null;
        const found =
          path === null ? { address: diversion?.lead(fd, given) ?? given, place: null } : resolve(listener, call, path);
        if (found === "foreign") return false;
        if (typeof found === "number") return fail(found);
        target = found;
        isKept = attempt({ listener, call, fd, target });
        if (path === null) diversion?.tell(call.pid, fd, given);
        return true;
      } catch {
        return fail(errnoOf("EACCES")); // it is gone, or closed to us
      } finally {
        if (!isKept) release({ fd, target });
      }
    },
    get waits() {
      return waiting.size > 0;
    },
    servers: () =>
      [...waiting]
        .filter(({ again }) => again === null)
        .map((each) => ({
          entry: { fd: each.fd, input: false, output: true },
          serve: () => finish(each, connectionError(each.fd)),
        })),
    due: () =>
      [...waiting].reduce<number | null>((least, { again }) => {
        if (again === null) return least;
        return least === null ? again.next : Math.min(least, again.next);
      }, null),
    tryAgain() {
      for (const each of waiting) {
        const { again } = each;
        if (again === null || again.next > now()) continue;
        again.next = now() + AGAIN_MS;
        const { errno } = tryConnect(each.fd, each.target.address);
        if (errno !== EAGAIN || now() > again.until) finish(each, errno);
      }
    },
    close() {
      for (const each of waiting) release(each);
      waiting.clear();
    },
  } satisfies Connecting);
}

function release({ fd, target }: { readonly fd: number; readonly target: Target | null }): void {
  closeAll(target === null || target.place === null ? [fd] : [fd, target.place]);
}

/** The path in an address of a unix socket; null for one without a name and for an abstract one, which crosses no namespace. */
function pathIn(address: Buffer): string | null {
  if (address.length <= FAMILY_BYTES || address.readUInt16LE(0) !== AF_UNIX || address[FAMILY_BYTES] === 0) return null;
  const end = address.indexOf(0, FAMILY_BYTES);
  return address.toString("latin1", FAMILY_BYTES, end < 0 ? address.length : end);
}

function unixAddress(path: string): Buffer {
  const address = Buffer.alloc(FAMILY_BYTES + path.length + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(path, FAMILY_BYTES, "latin1");
  return address;
}
