import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readSync,
  utimesSync,
  writeFileSync,
  closeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { MadeUp } from "../../extensions/detonate/canaries.ts";
import { bindFunction, checkCall } from "../../platform/libc.ts";

// sys/inotify.h
const IN_ACCESS = 0x1;
const IN_OPEN = 0x20;
const IN_Q_OVERFLOW = 0x4000;
const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2_000_000;
const EVENT_BYTES = 16;

const inotifyInit = bindFunction<[number]>("int inotify_init1(int)");
const inotifyWatch = bindFunction<[number, string, number]>("int inotify_add_watch(int, const char *, uint32_t)");

/** Files that are looked at in one folder, and bytes that are read of one. */
const NAMES_MOST = 8_000;
const READ_MOST = 1024 * 1024;

/** A file that is new, other or gone. `bytes` null when it is gone, too large or no file. */
export interface Change {
  readonly place: string;
  readonly change: "made" | "changed" | "removed";
  readonly bytes: Uint8Array | null;
  /** Its length now, bytes. */
  readonly size: number;
}

/** The folders of a person that nobody is, while something runs in them. */
export interface Watched {
  /** Canary files that were opened since it was last asked; "?" when more happened than the kernel keeps. */
  opened(): readonly string[];
  /** What changed since it was last asked. */
  changes(): readonly Change[];
  /** Bytes and names that lie there now. */
  size(): { readonly bytes: number; readonly names: number };
  close(): void;
}

/** Writes a made-up home to a host folder. */
export function writeFiles(folder: string, files: { readonly [path: string]: string }): void {
  for (const [path, text] of Object.entries(files)) {
    const place = join(folder, path);
    mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
    writeFileSync(place, text, { mode: /\.ssh\/|credentials/u.test(path) ? 0o600 : 0o644 });
    utimesSync(place, 1_760_000_000, 1_760_000_000);
  }
}

/**
 * Watches folders by what they are called inside. Reads of canary files are events of the kernel (inotify), which come of
 * whoever opens the file, by whatever name; changes are differences between two looks.
 */
export function watchFolders(folders: { readonly [inside: string]: string }, home: string, made: MadeUp): Watched {
  const fd = checkCall("watch files", inotifyInit(IN_NONBLOCK | IN_CLOEXEC));
  const watched = new Map<number, string>();
  for (const { at } of made.canaries)
    if ("file" in at)
      watched.set(checkCall(`watch ${at.file}`, inotifyWatch(fd, join(home, at.file), IN_OPEN | IN_ACCESS)), at.file);
  let before = lookAt(folders);
  const buffer = Buffer.alloc(64 * 1024);

  function drain(): readonly string[] {
    const found = new Set<string>();
    for (;;) {
      let bytes: number;
      try {
        bytes = readSync(fd, buffer);
      } catch {
        return [...found]; // EAGAIN: there is no more
      }
      for (let at = 0; at + EVENT_BYTES <= bytes; at += EVENT_BYTES + buffer.readUInt32LE(at + 12)) {
        const mask = buffer.readUInt32LE(at + 4);
        const file = watched.get(buffer.readInt32LE(at));
        if ((mask & IN_Q_OVERFLOW) !== 0) found.add("?");
        else if (file !== undefined && (mask & (IN_OPEN | IN_ACCESS)) !== 0) found.add(file);
      }
    }
  }

  let noticed: readonly string[] = [];
  return {
    opened() {
      const all = [...new Set([...noticed, ...drain()])];
      noticed = [];
      return all;
    },
    changes() {
      // Reading what changed makes events of our own.
      noticed = [...noticed, ...drain()];
      const now = lookAt(folders);
      const changes: Change[] = [];
      for (const [place, { stamp, host, bytes: size }] of now) {
        const old = before.get(place);
        if (old?.stamp === stamp) continue;
        changes.push({ place, change: old === undefined ? "made" : "changed", bytes: readSmall(host), size });
      }
      for (const place of before.keys())
        if (!now.has(place)) changes.push({ place, change: "removed", bytes: null, size: 0 });
      before = now;
      drain();
      return changes;
    },
    size() {
      const now = lookAt(folders);
      return { bytes: [...now.values()].reduce((sum, { bytes }) => sum + bytes, 0), names: now.size };
    },
    close: () => closeSync(fd),
  };
}

type Look = Map<string, { readonly stamp: string; readonly host: string; readonly bytes: number }>;

function lookAt(folders: { readonly [inside: string]: string }): Look {
  const found: Look = new Map();
  const walk = (host: string, inside: string): void => {
    let names: string[];
    try {
      names = readdirSync(host);
    } catch {
      return; // closed, or gone meanwhile
    }
    for (const name of names) {
      if (found.size >= NAMES_MOST) return;
      const [path, place] = [join(host, name), `${inside}/${name}`];
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat === undefined) continue;
      if (stat.isDirectory()) walk(path, place);
      else
        found.set(place, {
          stamp: [stat.ino, stat.size, stat.mtimeMs, stat.mode].join(" "),
          host: path,
          bytes: stat.size,
        });
    }
  };
  for (const [inside, host] of Object.entries(folders)) walk(host, inside);
  return found;
}

function readSmall(path: string): Uint8Array | null {
  try {
    const stat = lstatSync(path);
    return stat.isFile() && stat.size <= READ_MOST ? readFileSync(path) : null;
  } catch {
    return null; // gone meanwhile, or closed to us
  }
}
