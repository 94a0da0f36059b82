import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { INSIDE_USER } from "../../sandbox/layout.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../files/file-calls.ts";
import { closeAll } from "./fd-passing.ts";
import { errnoOf } from "../libc.ts";

/** MAXSYMLINKS, and more names than any path that is no trap has. */
const LINKS_MOST = 40;
const NAMES_MOST = 512;

/** Folders of every sandbox in which nothing of the host's is but what was put there for it. */
const OWN_FOLDERS = ["/", "/tmp", "/run", "/run/aios", "/dev", "/dev/shm", INSIDE_USER.home];

type Opened = { readonly fd: number } | { readonly errno: number };

/**
 * Opens what a path leads to for a process, without opening it (O_PATH), and follows links from that process's root. It is
 * walked name by name, as openat2 has its flags in memory and the supervisor, who must not write, may not call it. Where a
 * name is exchanged meanwhile it leads elsewhere: whoever decides, decides about the descriptor. With `itself` a link at
 * the end is what is opened.
 */
export function openBeneath(pid: number, path: string, itself: boolean = false): Opened {
  const folders: number[] = [];
  try {
    folders.push(openSync(`/proc/${pid}/root`, O_PATH | O_DIRECTORY));
    const names = path.split("/").toReversed();
    let [links, walked] = [0, 0];
    while (names.length > 0) {
      const name = names.pop() ?? "";
      if (++walked > NAMES_MOST) return { errno: errnoOf("ELOOP") };
      if (name === "" || name === ".") continue;
      const above = folders.at(-1) ?? -1;
      if (name === "..") {
        if (folders.length > 1) closeSync(folders.pop() ?? -1);
        continue;
      }
      const at = Buffer.from(`/proc/self/fd/${above}/${name}`, "latin1");
      const fd = openSync(at, O_PATH | O_NOFOLLOW);
      if (!fstatSync(fd).isSymbolicLink() || (itself && names.length === 0)) {
        folders.push(fd);
        continue;
      }
      closeSync(fd);
      if (++links > LINKS_MOST) return { errno: errnoOf("ELOOP") };
      const text = readlinkSync(at, "latin1");
      if (text.startsWith("/")) closeAll(folders.splice(1));
      names.push(...text.split("/").toReversed());
    }
    return { fd: folders.pop() ?? -1 };
  } catch (error) {
    return { errno: numberOf(error) };
  } finally {
    closeAll(folders);
  }
}

/** Numbers of the mounts in a process's namespace that are its sandbox's own; what the host has shown it is on others. */
function ownMounts(pid: number): ReadonlySet<string> {
  const mounts = new Set<string>();
  for (const folder of OWN_FOLDERS) {
    const opened = openBeneath(pid, folder);
    if ("errno" in opened) continue;
    const mount = mountOf(opened.fd);
    if (mount !== null) mounts.add(mount);
    closeSync(opened.fd);
  }
  return mounts;
}

/**
 * The own mounts of one sandbox, read from the first caller and kept. `isCaller` is asked after they were read: a process that
 * ended meanwhile may have left its id to another, whose mounts these are. Null then, and nothing is kept.
 */
export function keepOwnMounts(): (pid: number, isCaller: () => boolean) => ReadonlySet<string> | null {
  let kept: ReadonlySet<string> | null = null;
  return (pid, isCaller) => {
    if (kept !== null) return kept;
    const read = ownMounts(pid);
    if (!isCaller()) return null;
    return (kept = read);
  };
}

/** Whether a descriptor stands for a socket. */
export function isSocket(fd: number): boolean {
  return (fstatSync(fd).mode & constants.S_IFMT) === constants.S_IFSOCK;
}

/** Number of the mount on which a descriptor was found (proc(5), fdinfo); null when nobody says. */
export function mountOf(fd: number): string | null {
  try {
    return /^mnt_id:\s*([0-9]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1] ?? null;
  } catch {
    return null;
  }
}

function numberOf(error: unknown): number {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "EACCES";
  try {
    return errnoOf(code);
  } catch {
    return errnoOf("EACCES");
  }
}
