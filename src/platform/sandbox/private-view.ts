import { chmodSync, closeSync, constants, mkdirSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bindFunction, checkCall } from "../libc.ts";

// linux/sched.h, linux/mount.h
const CLONE_NEWNS = 0x20000;
const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_REMOUNT = 32;
const MS_BIND = 4096;
const MS_REC = 16384;
const MS_SLAVE = 1 << 19;

const unshare = bindFunction<[number]>("int unshare(int)");
const mount = bindFunction<[string | null, string, string | null, number, string | null]>(
  "int mount(const char *, const char *, const char *, unsigned long, const char *)",
);

/**
 * Shows the code at its own path to a user who could not get there, in a mount namespace of this thread alone.
 * `closed` is the topmost folder on the way that the user may not enter: an empty read-only folder takes its place, in
 * which only the code is, read-only. What else `closed` holds the user could not reach before and cannot reach now.
 * Only for root, on the main thread, before an execve. Throws `system-call`; the namespace is then half made and the
 * caller must end.
 */
export function showPrivately(code: string, closed: string): void {
  checkCall("make a private view of the files", unshare(CLONE_NEWNS));
  // What the host mounts later is seen here; what is mounted here is seen nowhere else.
  checkCall("keep mounts private", mount(null, "/", null, MS_REC | MS_SLAVE, null));
  // Opened here, since a descriptor from before belongs to the other namespace and cannot be bound.
  const source = openSync(code, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const options = "mode=0755,size=1m";
    checkCall(`cover ${closed}`, mount("aios", closed, "tmpfs", MS_NOSUID | MS_NODEV, options));
    makeFolders(closed, code);
    // Entry by entry, so that it works when the code's own folder is the closed one. History and settings stay out.
    for (const entry of readdirSync(`/proc/self/fd/${source}`, { withFileTypes: true })) {
      if (entry.name.startsWith(".")) continue;
      const target = join(code, entry.name);
      if (entry.isDirectory()) makeFolder(target);
      else if (entry.isFile()) writeFileSync(target, "");
      else continue;
      showReadOnly(`/proc/self/fd/${source}/${entry.name}`, target);
    }
    const flags = MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV;
    checkCall(`make ${closed} read-only`, mount("aios", closed, null, flags, options));
  } finally {
    closeSync(source);
  }
}

function showReadOnly(source: string, target: string): void {
  checkCall(`show ${target}`, mount(source, target, null, MS_BIND | MS_REC, null));
  const flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV;
  checkCall(`make ${target} read-only`, mount(null, target, null, flags, null));
}

function makeFolders(from: string, to: string): void {
  let path = from;
  for (const part of to.slice(from.length).split("/")) {
    if (part === "") continue;
    path = join(path, part);
    makeFolder(path);
  }
}

function makeFolder(path: string): void {
  mkdirSync(path);
  chmodSync(path, 0o755); // whatever the umask of who started us
}
