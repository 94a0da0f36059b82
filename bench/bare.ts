import { spawn } from "node:child_process";

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
