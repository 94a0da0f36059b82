import { readFileSync } from "node:fs";

/** What a person can do where root cannot become the monitor's user. */
export const ROOT_ALONE_HINT =
  "start it as an ordinary user there, or give the container or user namespace a range of ids and setgroups";

/**
 * Whether root may become this user here (user_namespaces(7)): in a namespace that maps root alone, or denies setgroups, as
 * `unshare -r` and some containers make, it may not.
 */
export function canBecome({ uid, gid }: { readonly uid: number; readonly gid: number }): boolean {
  return (
    readFileSync("/proc/self/setgroups", "utf8").trim() === "allow" &&
    maps("/proc/self/uid_map", uid) &&
    maps("/proc/self/gid_map", gid)
  );
}

function maps(file: string, id: number): boolean {
  return readFileSync(file, "utf8")
    .split("\n")
    .some((line) => {
      const [inside = Number.NaN, , count = 0] = line.trim().split(/\s+/u).map(Number);
      return id >= inside && id < inside + count;
    });
}
