import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";

const WINDOW = 4 * 1024 * 1024;
/** Of the next window, so that nothing is missed that lies across two. */
const OVERLAP = 64;

/** Processes below a monitor that run one of our programs; others of this machine are not looked at. */
export function pidsOf(program: string, monitor: number): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        // Not the bubblewrap around it, which has the same words among its own.
        const runs = words[0] === "/aios/node" && words.includes(`/aios/src/main/${program}.ts`);
        return runs && isBelow(pid, monitor);
      } catch {
        return false;
      }
    });
}

/** Whether a process was started by another, by however many in between. */
function isBelow(pid: number, ancestor: number): boolean {
  for (let at = pid; at > 1;) {
    if (at === ancestor) return true;
    const status = readFileSync(`/proc/${at}/status`, "utf8");
    at = Number(/^PPid:\t([0-9]+)$/m.exec(status)?.[1] ?? 0);
  }
  return false;
}

/** Whether the memory of a process holds one of some texts, in UTF-8 or UTF-16. */
export function memoryHolds(pid: number, texts: readonly string[]): boolean {
  const wanted = texts.flatMap((text) => [Buffer.from(text), Buffer.from(text, "utf16le")]);
  const mem = openSync(`/proc/${pid}/mem`, "r");
  try {
    for (const row of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
      const [, from = "", to = ""] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(row) ?? [];
      const size = Number(BigInt(`0x${to || 0}`) - BigInt(`0x${from || 0}`));
      for (let at = 0; at < size; at += WINDOW) {
        const bytes = Buffer.alloc(Math.min(WINDOW + OVERLAP, size - at));
        try {
          readSync(mem, bytes, 0, bytes.length, Number(BigInt(`0x${from}`)) + at);
        } catch {
          continue; // a page that cannot be read, of a device or gone
        }
        if (wanted.some((each) => bytes.includes(each))) return true;
      }
    }
    return false;
  } finally {
    closeSync(mem);
  }
}
