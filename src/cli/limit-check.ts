import type { Check } from "./powers.ts";

/** What stands behind the limits of sandboxes, and what that means; `why`: why there is no cgroup. */
export function describeLimits(held: "cgroup" | "watch", why: string | null): Check {
  const always = "processes, files and file sizes by the kernel";
  if (held === "cgroup") {
    const found = `${always}; memory and processes in all by cgroups; cpu by their count and disk by a look every 100 ms`;
    return { name: "limits", state: "ok", found, hint: null };
  }
  return {
    name: "limits",
    state: "note",
    found: `${always}; memory, cpu and disk by a look every 100 ms${why === null ? "" : `: ${why}`}`,
    hint: "between two looks an instance can go over, and memory in sockets (0.2 MiB each, of TCP some MiB) and pipes is not seen; a monitor with a cgroup of its own (Delegate=yes, packaging/aiosd.service) bounds both",
  };
}
