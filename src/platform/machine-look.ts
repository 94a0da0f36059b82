import { constants } from "node:fs";
import { access, open, readdir, readFile, readlink, stat, type FileHandle } from "node:fs/promises";
import type { Found, Listener, Look } from "./look.ts";

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
    // Without waiting: a pipe in the place of a configuration must not hold the scan.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const found = await handle.stat();
    if (!found.isFile()) return null;
    const length = Math.min(found.size, most);
    const bytes = new Uint8Array(length);
    const { bytesRead } = await handle.read(bytes, 0, length, end ? found.size - length : 0);
    return new TextDecoder().decode(bytes.subarray(0, bytesRead));
  } catch {
    return null;
  } finally {
    await handle?.close().catch(() => {}); // it was only read
  }
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
