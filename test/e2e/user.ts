import { readFileSync } from "node:fs";

/** The ids of a user of this machine; throws when the set-up did not make it. */
export function readUser(name: string): { uid: number; gid: number } {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((each) => each.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`there is no user "${name}": run the set-up first`);
  return { uid: Number(uid), gid: Number(gid) };
}
