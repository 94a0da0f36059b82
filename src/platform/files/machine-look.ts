import { constants } from "node:fs";
import { access, lstat, open, readdir, readFile, readlink, stat, type FileHandle } from "node:fs/promises";
import type { Found, Listener, Look, Reading } from "./look.ts";

const LISTEN = "0A";
const LOOPBACK_4 = /^[0-9A-F]{6}7F$/u;
const LOOPBACK_6 = "00000000000000000000000001000000";
const MAPPED_LOOPBACK_6 = /^0000000000000000FFFF0000[0-9A-F]{6}7F$/u;
const MOST_PROCESSES = 4000;

/** Looks at this machine with this person's rights. Opens for reading only; special files are never opened. */
export function createLook(place: Pick<Look, "home" | "folder" | "now" | "variables">): Look {
  return Object.freeze({
    ...place,
    inspect,
    list: async (folder: string, most: number) => {
      const names: readonly string[] = await readdir(folder).catch(() => []);
      return names.toSorted().slice(0, most);
    },
    read: (path: string, most: number) => readPart(path, { most, end: false }),
    readWhole,
    readEnd: (path: string, most: number) => readPart(path, { most, end: true }),
    listeners: listListeners,
  });
}

async function inspect(path: string): Promise<Found | null> {
  try {
    const found = await stat(path);
    const kind = found.isFile() ? "file" : found.isDirectory() ? "folder" : found.isSocket() ? "socket" : "other";
    const mode = kind === "socket" ? constants.W_OK : constants.R_OK;
    const reachable = await access(path, mode).then(
      () => true,
      () => false,
    );
    return { kind, size: found.size, changed: found.mtimeMs, open: reachable, shared: (found.mode & 0o004) !== 0 };
  } catch {
    return null;
  }
}

async function readPart(
  path: string,
  { most, end }: { readonly most: number; readonly end: boolean },
): Promise<string | null> {
  let handle: FileHandle | null = null;
  try {
    if (!(await stat(path)).isFile()) return null;
    handle = await openQuietly(path);
    const found = await handle.stat();
    if (!found.isFile()) return null;
    const length = Math.min(found.size, most);
    return await readBytes(handle, { from: end ? found.size - length : 0, length });
  } catch {
    return null;
  } finally {
    await handle?.close().catch(() => {}); // it was only read
  }
}

/** Without waiting, should a pipe take the place of the file that was seen there. */
function openQuietly(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
}

async function readBytes(
  handle: FileHandle,
  { from, length }: { readonly from: number; readonly length: number },
): Promise<string> {
  const bytes = new Uint8Array(length);
  let got = 0;
  while (got < length) {
    const { bytesRead } = await handle.read(bytes, got, length - got, from + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return new TextDecoder().decode(bytes.subarray(0, got));
}

async function readWhole(path: string, most: number): Promise<Reading> {
  let handle: FileHandle | null = null;
  try {
    const seen = await stat(path);
    if (!seen.isFile()) return { kind: "unread", why: `it is ${nameKind(seen)} and no file` };
    handle = await openQuietly(path);
    const found = await handle.stat();
    if (!found.isFile()) return { kind: "unread", why: `it is ${nameKind(found)} and no file` };
    if (found.size > most)
      return { kind: "unread", why: `it has ${found.size} bytes, and at most ${most} of one file are read` };
    return { kind: "text", text: await readBytes(handle, { from: 0, length: found.size }) };
  } catch (error) {
    return await explainUnread(path, error instanceof Error && "code" in error ? String(error.code) : "an error");
  } finally {
    await handle?.close().catch(() => {}); // it was only read
  }
}

async function explainUnread(path: string, code: string): Promise<Reading> {
  switch (code) {
    case "ENOENT": {
      const isThere = await lstat(path).then(
        () => true,
        () => false,
      );
      return isThere ? { kind: "unread", why: "it is a link to what is not there" } : { kind: "absent" };
    }
    // A file stands where its folder would be.
    case "ENOTDIR":
      return { kind: "absent" };
    case "EACCES":
    case "EPERM":
      return { kind: "unread", why: "you may not read it, or not enter its folder" };
    case "ELOOP":
      return { kind: "unread", why: "its links lead in a circle" };
    default:
      return { kind: "unread", why: `reading it failed with ${code}` };
  }
}

function nameKind(found: Pick<Awaited<ReturnType<typeof stat>>, "isDirectory" | "isFIFO" | "isSocket">): string {
  if (found.isDirectory()) return "a folder";
  if (found.isFIFO()) return "a pipe";
  return found.isSocket() ? "a socket" : "a device";
}

/** Listening TCP sockets of proc_net_tcp(5). */
async function listListeners(): Promise<readonly Listener[]> {
  const tables = await Promise.all(
    ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "utf8").catch(() => "")),
  );
  const sockets = tables.flatMap((table) => table.split("\n").slice(1).flatMap(readRow));
  const programs = await programsOf(new Set(sockets.map(({ inode }) => inode)));
  const byPort = new Map<string, Listener>();
  for (const { port, reach, inode } of sockets)
    byPort.set(`${port} ${reach}`, { port, reach, program: programs.get(inode) ?? null });
  return [...byPort.values()].toSorted((one, two) => one.port - two.port);
}

function readRow(
  row: string,
): readonly { readonly port: number; readonly reach: Listener["reach"]; readonly inode: string }[] {
  const fields = row.trim().split(/\s+/u);
  const [address = "", port = ""] = (fields[1] ?? "").split(":");
  const inode = fields[9];
  if (fields[3] !== LISTEN || inode === undefined) return [];
  const here = LOOPBACK_4.test(address) || address === LOOPBACK_6 || MAPPED_LOOPBACK_6.test(address);
  return [{ port: Number.parseInt(port, 16), reach: here ? "machine" : "network", inode }];
}

/** Which program has a socket: of processes that this person may look into. */
async function programsOf(inodes: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const programs = new Map<string, string>();
  if (inodes.size === 0) return programs;
  const processes = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/u.test(name));
  for (const pid of processes.slice(-MOST_PROCESSES)) {
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const inode = /^socket:\[(\d+)\]$/u.exec(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ""))?.[1];
      if (inode === undefined || !inodes.has(inode) || programs.has(inode)) continue;
      programs.set(inode, (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim());
    }
  }
  return programs;
}
