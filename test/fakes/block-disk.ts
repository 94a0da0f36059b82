import { appendAhead } from "../../src/platform/log/append-ahead.ts";
import type { AppendFile, LogFiles, WholeFile } from "../../src/platform/log/log-powers.ts";

/*
 * A disk that loses power as a real one does. What nobody has waited for may be there or not, in part, and in any order: writes as single
 * sectors, names apart from what they name. What was waited for is there.
 */

const SECTOR = 512;
/** So few zeros ahead of what is appended that losses of power meet their ends too. */
const AHEAD = 16 * SECTOR;

/** Draws a whole number from 0 up to but excluding a bound. */
export type Draw = (bound: number) => number;

/** Bytes of files by path. */
export type DiskImage = ReadonlyMap<string, Uint8Array>;

export interface BlockDisk {
  /** The folder as a new process sees it. */
  open(): LogFiles;
  /** What is on the disk after a loss of power in this moment. Of calls under way anything may have happened. */
  losePower(draw: Draw): DiskImage;
  /** From now on no call ever ends: nobody is there any more. */
  stop(): void;
  /** Writes and removals so far. */
  readonly calls: number;
}

/** A change that the disk may have made already, in part or not. */
type Pending =
  | { readonly kind: "replace"; readonly path: string; readonly bytes: Uint8Array; readonly synced: boolean }
  | { readonly kind: "sectors"; readonly path: string; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "remove"; readonly path: string };

/** A disk with what is in an image. */
export function createBlockDisk(image: DiskImage = new Map()): BlockDisk {
  const durable = new Map(image);
  const seen = new Map(image);
  const pending = new Set<Pending>();
  let held = false;
  let stopped = false;
  let calls = 0;

  function change(kept: Map<string, Uint8Array>, what: Pending): void {
    if (what.kind === "replace") kept.set(what.path, what.bytes.slice());
    else if (what.kind === "remove") {
      for (const path of kept.keys()) if (path === what.path || path.startsWith(`${what.path}/`)) kept.delete(path);
    } else kept.set(what.path, overwrite(kept.get(what.path) ?? new Uint8Array(0), what));
  }

  /** What is not durable stays pending when the call has ended. */
  async function perform(changes: readonly Pending[], isDurable: boolean): Promise<void> {
    calls += 1;
    for (const what of changes) pending.add(what);
    await turn();
    for (const what of changes) change(seen, what);
    await turn();
    if (stopped) await new Promise(() => {});
    if (!isDurable) return;
    for (const what of changes) {
      // Replacing or removing makes what was pending on that name the past.
      if (what.kind !== "sectors") for (const older of pending) if (older.path === what.path) pending.delete(older);
      pending.delete(what);
      change(durable, what);
    }
  }

  function open(): LogFiles {
    return {
      hold: () => {
        const got = !held;
        held = true;
        return Promise.resolve(got);
      },
      release: () => {
        held = false;
        return Promise.resolve();
      },
      async read(path) {
        await turn();
        return seen.get(path)?.slice() ?? null;
      },
      async list(folder) {
        await turn();
        const names = [...seen.keys()].filter((path) => path.startsWith(`${folder}/`));
        return [...new Set(names.map((path) => path.slice(folder.length + 1).split("/")[0] ?? ""))].toSorted();
      },
      async readRange(path, { offset, length }) {
        await turn();
        return seen.get(path)?.slice(offset, offset + length) ?? null;
      },
      write: (files, options) =>
        perform(
          files.map((file: WholeFile) => ({
            kind: "replace",
            path: file.path,
            bytes: file.bytes.slice(),
            synced: options.durable,
          })),
          options.durable,
        ),
      writeRange: (path, { offset, bytes }) => perform([{ kind: "sectors", path, offset, bytes: bytes.slice() }], true),
      append: (path) => Promise.resolve(appendTo(path)),
      remove: (paths, options) =>
        perform(
          paths.map((path) => ({ kind: "remove", path })),
          options.durable,
        ),
    };
  }

  function appendTo(path: string): AppendFile {
    const file = {
      size: seen.get(path)?.length ?? 0,
      write: (bytes: Uint8Array, offset: number) =>
        perform([{ kind: "sectors", path, offset, bytes: bytes.slice() }], true),
      close: () => Promise.resolve(),
    };
    return appendAhead(file, AHEAD);
  }

  return {
    open,
    losePower(draw) {
      const left = new Map(durable);
      for (const what of pending) {
        if (what.kind === "remove" || (what.kind === "replace" && what.synced)) {
          if (draw(2) === 0) change(left, what);
        } else if (what.kind === "replace") {
          // The name may have reached the disk before the bytes did.
          const fate = draw(3);
          if (fate === 1) change(left, what);
          if (fate === 2) left.set(what.path, tear(new Uint8Array(0), { ...what, offset: 0 }, draw));
        } else left.set(what.path, tear(left.get(what.path) ?? new Uint8Array(0), what, draw));
      }
      return left;
    },
    stop() {
      stopped = true;
    },
    get calls() {
      return calls;
    },
  };
}

function overwrite(
  old: Uint8Array,
  { offset, bytes }: { readonly offset: number; readonly bytes: Uint8Array },
): Uint8Array {
  const whole = new Uint8Array(Math.max(old.length, offset + bytes.length));
  whole.set(old);
  whole.set(bytes, offset);
  return whole;
}

/** Some of the sectors of a write; a file that grew may be as long as it was, or end anywhere up to its new end, with zeros in it. */
function tear(old: Uint8Array, write: { readonly offset: number; readonly bytes: Uint8Array }, draw: Draw): Uint8Array {
  const whole = overwrite(old, { offset: write.offset, bytes: new Uint8Array(write.bytes.length) });
  whole.set(old);
  const end = write.offset + write.bytes.length;
  let last = old.length;
  const mode = draw(4); // nothing, everything, a beginning, any sectors
  const upTo = draw(Math.ceil(write.bytes.length / SECTOR) + 1);
  for (let at = write.offset, number = 0; at < end; number += 1) {
    const next = Math.min(end, (Math.floor(at / SECTOR) + 1) * SECTOR);
    const kept = mode === 1 || (mode === 2 && number < upTo) || (mode === 3 && draw(2) === 0);
    if (kept) {
      whole.set(write.bytes.subarray(at - write.offset, next - write.offset), at);
      last = Math.max(last, next);
    }
    at = next;
  }
  return whole.slice(0, draw(2) === 0 ? last : last + draw(whole.length - last + 1));
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
