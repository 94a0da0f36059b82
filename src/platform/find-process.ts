import { readdirSync, readFileSync } from "node:fs";

/**
 * A process of one of these users whose command line ends with these words, as proc(5) shows it; null when there is none. What
 * a process says of itself is no proof: use it to say something, never to end or to trust one.
 */
export function findProcess(words: readonly string[], users: ReadonlySet<number>): number | null {
  const wanted = `\0${words.join("\0")}\0`;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/u.test(name) || Number(name) === process.pid) continue;
    try {
      if (!readFileSync(`/proc/${name}/cmdline`, "utf8").endsWith(wanted)) continue;
      const [, user = ""] = /^Uid:\s+\d+\s+(\d+)/mu.exec(readFileSync(`/proc/${name}/status`, "utf8")) ?? [];
      if (users.has(Number(user))) return Number(name);
    } catch {
      // It ended meanwhile, or is nobody's whom this user may look at.
    }
  }
  return null;
}
