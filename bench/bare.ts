import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { Socket } from "node:net";
import { askUntilFound } from "../src/platform/terminal/asking.ts";
import { makeSocketPair } from "../src/platform/channels/socket-pair.ts";
import { spawnProcess } from "../src/platform/sandbox/spawn-process.ts";

/** bubblewrap with the namespaces and mounts that a sandbox has, and none of our filter, limits, gate or second lock. */
const BARE = (
  "--unshare-all --unshare-user --die-with-parent --new-session --clearenv --ro-bind /usr /usr " +
  "--symlink usr/lib /lib --symlink usr/lib64 /lib64 --symlink usr/bin /bin --proc /proc --dev /dev " +
  "--tmpfs /tmp --tmpfs /home/agent --cap-drop ALL --uid 1000 --gid 1000 /usr/bin/true"
).split(" ");

/** Runs it once, from its start until it is gone. */
export function runBare(): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("/usr/bin/bwrap", BARE, { stdio: ["ignore", "ignore", "pipe"], env: {} });
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`bubblewrap ended with ${code}`))));
  });
}

/** The same, started as a sandbox is: what is left over it is the confinement's own. */
export async function runBareSpawned(): Promise<void> {
  const nothing = openSync("/dev/null", "r+");
  const [ours, theirs] = makeSocketPair();
  const descriptors = [nothing, nothing, theirs];
  const child = spawnProcess({ file: "/usr/bin/bwrap", argv: ["bwrap", ...BARE], environment: [], descriptors });
  closeSync(nothing);
  closeSync(theirs);
  const errors = new Socket({ fd: ours, readable: true, writable: false });
  await new Promise((resolve) => errors.once("close", resolve).resume());
  const { code } = await askUntilFound(() => child.ending());
  if (code !== 0) throw new Error(`bubblewrap ended with ${code}`);
}
