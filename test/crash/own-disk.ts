import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { basename, join } from "node:path";

/** The memory that it lies in, and its own size, bytes. */
const MEMORY = 80 * 1024 * 1024;
const DISK = 56 * 1024 * 1024;

/**
 * A disk in memory, in a mount namespace of its own, gone with it. `ext4`: a file system on a loop device, which can be
 * slow, stall and fail; `tmpfs`, where no loop device can be had, can be full and no more.
 */
export interface OwnDisk {
  readonly kind: "ext4" | "tmpfs";
  readonly path: string;
  /** To the last byte. */
  fill(): void;
  /** Makes room again. */
  empty(): void;
  /** Whatever is written or synced waits up to 200 ms from now on. */
  slow(): Promise<Held>;
  /** Nothing is written or synced from now on. */
  stall(): Promise<Held>;
  /** Finds a fault in itself and takes no more writes. */
  fail(): void;
  /** False when somebody still has a file of it open. */
  takeOut(): boolean;
  /** Mends one that was taken out, and puts it back. */
  mend(): void;
}

/** What holds a disk up. */
export interface Held {
  /** Whether it still does. */
  holds(): boolean;
  end(): Promise<void>;
}

/**
 * Makes one in a folder, at `path` or in that folder too. Throws unless this process has left the mount namespace `outer`, as `/proc/self/ns/mnt` names it:
 * nothing here may come near what the machine has mounted.
 */
export function makeOwnDisk(folder: string, outer: string, path: string = join(folder, "disk")): OwnDisk {
  if (readlinkSync("/proc/self/ns/mnt") === outer) throw new Error("there is no mount namespace of its own");
  const image = join(folder, "image");
  mount("-t", "tmpfs", "-o", `size=${MEMORY}`, "tmpfs", folder);
  mkdirSync(path, { recursive: true });
  const kind = mountImage(image, path) ? "ext4" : "tmpfs";
  if (kind === "tmpfs") mount("-t", "tmpfs", "-o", `size=${DISK}`, "tmpfs", path);
  const ballast = join(path, "ballast");

  /** Only a loop device of this namespace is ever held still. */
  function device(): string {
    const [type = "", source = ""] = mountOf(path).trim().split(/\s+/u);
    if (type !== "ext4" || !/^\/dev\/loop[0-9]+$/u.test(source)) throw new Error(`not a disk of its own: ${source}`);
    return basename(source);
  }

  async function hold(script: string): Promise<Held> {
    device();
    const holder = spawn("bash", ["-c", script, "bash", path], { stdio: ["pipe", "pipe", "inherit"] });
    await new Promise((held) => holder.stdout.once("data", held));
    return { holds: () => holder.exitCode === null, end: () => ended(holder) };
  }

  return {
    kind,
    path,
    fill() {
      for (let bytes = 1024 * 1024; bytes >= 1;) {
        try {
          appendFileSync(ballast, Buffer.alloc(bytes));
        } catch {
          bytes = Math.floor(bytes / 2);
        }
      }
    },
    empty: () => rmSync(ballast),
    slow: () => hold(SLOW),
    stall: () => hold(STALL),
    fail() {
      // What ext4 said was synced in the last milliseconds before such a fault it may lose itself: plain appends show that too.
      execFileSync("sync", ["--file-system", path]);
      appendFileSync(`/sys/fs/ext4/${device()}/trigger_fs_error`, "1");
    },
    takeOut() {
      if (kind === "tmpfs") return true; // gone with the namespace
      if (/ext4/u.test(mountOf(path))) spawnSync("umount", [path], { stdio: "ignore" });
      return execFileSync("losetup", ["-j", image], { encoding: "utf8" }) === "";
    },
    mend() {
      // 1: its faults were mended.
      execFileSync("sh", ["-c", 'e2fsck -fy "$1" >/dev/null 2>&1; [ $? -le 1 ]', "sh", image]);
      mount("-o", MOUNTED, image, path);
    },
  };
}

const MOUNTED = "loop,errors=remount-ro";

function mountImage(image: string, path: string): boolean {
  try {
    execFileSync("truncate", ["-s", String(DISK), image]);
    execFileSync("mkfs.ext4", ["-q", "-m", "0", image], { stdio: "ignore" });
    execFileSync("mount", ["-o", MOUNTED, image, path], { stdio: "ignore" });
    return /ext4/u.test(readFileSync("/proc/self/mounts", "utf8"));
  } catch {
    rmSync(image, { force: true });
    return false;
  }
}

function mountOf(path: string): string {
  return spawnSync("findmnt", ["-no", "FSTYPE,SOURCE", path], { encoding: "utf8" }).stdout;
}

function mount(...words: readonly string[]): void {
  execFileSync("mount", words);
}

/** Both let go when their input ends, which it does with the test, and after a minute in any case. */
const STALL = `
trap 'fsfreeze -u "$1"' EXIT
fsfreeze -f "$1" && echo held
read -t 60 word
`;
const SLOW = `
trap 'fsfreeze -u "$1" 2>/dev/null' EXIT
for step in {1..300}; do
  fsfreeze -f "$1"
  [ $step -eq 1 ] && echo held
  read -t 0.2 word
  [ $? -gt 128 ] || exit
  fsfreeze -u "$1"
done
`;

async function ended(holder: ChildProcess): Promise<void> {
  holder.stdin?.end();
  await new Promise((done) => holder.once("close", done));
}
