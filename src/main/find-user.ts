import { readFileSync } from "node:fs";

/** User and group ids of an account of this machine, or null. */
export function findUser(name: string): { readonly uid: number; readonly gid: number } | null {
  const [, , uid, gid] = (
    readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .find((row) => row.startsWith(`${name}:`)) ?? ""
  ).split(":");
  return uid === undefined || gid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
}
