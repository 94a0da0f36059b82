import { accessSync, constants, readFileSync, statSync } from "node:fs";

/** What is mounted where a path lies. */
export interface Mount {
  /** Where, and of what device or source. */
  readonly at: string;
  readonly source: string;
  /** Whether it takes no writes. */
  readonly readOnly: boolean;
}

/**
 * What of the options of a mount and of its file system says that nothing is written: `emergency_ro` is what ext4 shows since Linux
 * 6.15 for one that found a fault in itself, which no longer shows as `ro` and refuses no access(2).
 */
const NO_WRITES: ReadonlySet<string> = new Set(["ro", "emergency_ro", "shutdown"]);

/**
 * The mount of a path, as /proc/self/mountinfo lists it; null where that cannot be told, as on file systems that give their
 * files other devices than their own. Nothing is written, and no disk is woken.
 */
export function mountOf(path: string): Mount | null {
  try {
    const dev = statSync(path, { bigint: true }).dev;
    const device = `${((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn)}:${(dev & 0xffn) | ((dev >> 12n) & ~0xffn)}`;
    // The last that covers the path: what is mounted over another is listed behind it.
    return (
      readFileSync("/proc/self/mountinfo", "utf8")
        .split("\n")
        .map(readMount)
        .findLast((mount) => mount?.device === device && isBelow(path, mount.at)) ?? null
    );
  } catch {
    return null;
  }
}

/** Whether a folder takes no writes any more, as far as that shows without a write. */
export function isReadOnly(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EROFS") return true;
  }
  return mountOf(folder)?.readOnly === true;
}

function readMount(line: string): (Mount & { readonly device: string }) | null {
  const [own = "", rest = ""] = line.split(" - ");
  const [, , device = "", , at = "", options = ""] = own.split(" ");
  const [, source = "", superOptions = ""] = rest.split(" ");
  if (at === "") return null;
  const readOnly = [...options.split(","), ...superOptions.split(",")].some((option) => NO_WRITES.has(option));
  return { device, at: unescape(at), source: unescape(source), readOnly };
}

/** Spaces and their like are written as three octal digits (proc(5)). */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/gu, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function isBelow(path: string, folder: string): boolean {
  return folder === "/" || path === folder || path.startsWith(`${folder}/`);
}
