import { expect } from "vitest";
import type { AppendFile, LogFiles, WholeFile } from "../../src/platform/log/log-powers.ts";

/** What may happen to a call: nothing, a failure with nothing done, with a part done, or with all of it done. */
export type Trouble = "none" | "before" | "halfway" | "after";
/** What a disk says that takes no more: there is no room, or it has to be taken out. */
export type DiskFault = "ENOSPC" | "EROFS";

/** A call as the trouble-maker sees it. */
export interface DiskCall {
  readonly name: "write" | "writeRange" | "append" | "remove" | "hold";
  readonly path: string;
  /** Number of this call on this disk, from 0. */
  readonly number: number;
}

/** A disk in memory that keeps what was made durable apart from what only running processes see, and checks its callers. */
export interface MemoryDisk {
  /** The folder as a new process sees it. */
  open(): LogFiles;
  /** The machine loses power: what was not durable is gone, locks too. */
  losePower(): void;
  /** Everything stays as processes saw it: the process was killed. */
  kill(): void;
  /** Decides what happens to the calls from now on. */
  trouble: (call: DiskCall) => Trouble;
  /** What a failing call says from now on. */
  fault: DiskFault;
  /** Whether somebody has the folder, or a file of it open. */
  inUse(): boolean;
  /** Bytes of a file as processes see them. */
  bytes(path: string): Uint8Array | null;
  put(path: string, bytes: Uint8Array): void;
  erase(path: string): void;
  paths(): readonly string[];
  /** Calls so far. */
  readonly calls: DiskCall[];
}

/** Makes an empty disk. */
export function createMemoryDisk(): MemoryDisk {
  let seen = new Map<string, Uint8Array>();
  let durable = new Map<string, Uint8Array>();
  let holder: object | null = null;
  /** Files that are open for appending. */
  let appending = 0;
  const calls: DiskCall[] = [];

  const disk: MemoryDisk = {
    open,
    losePower() {
      seen = new Map(durable);
      holder = null;
    },
    kill() {
      holder = null;
    },
    trouble: () => "none",
    fault: "ENOSPC",
    inUse: () => holder !== null || appending > 0,
    bytes: (path) => seen.get(path) ?? null,
    put(path, bytes) {
      seen.set(path, bytes);
      durable.set(path, bytes);
    },
    erase(path) {
      for (const files of [seen, durable]) for (const name of files.keys()) if (isIn(name, path)) files.delete(name);
    },
    paths: () => [...seen.keys()].toSorted(),
    calls,
  };
  return disk;

  function open(): LogFiles {
    const self = {};
    const requireHold = (): void => expect(holder, "a log must hold its folder while it writes").toBe(self);
    return {
      hold: () =>
        perform({ name: "hold", path: "lock" }, () => {
          if (holder !== null) return false;
          holder = self;
          return true;
        }),
      async release() {
        if (holder === self) holder = null;
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
      async write(files, options) {
        requireHold();
        for (const file of files) await writeFile(file, options);
      },
      writeRange: (path, { offset, bytes }) =>
        perform({ name: "writeRange", path }, (part) => {
          const old = seen.get(path) ?? new Uint8Array(0);
          const written = bytes.subarray(0, Math.floor(bytes.length * part));
          const whole = new Uint8Array(Math.max(old.length, offset + written.length));
          whole.set(old);
          whole.set(written, offset);
          seen.set(path, whole);
          durable.set(path, whole);
        }),
      append: async (path) => {
        requireHold();
        await turn();
        return appendTo(path, requireHold);
      },
      remove: async (paths, options) => {
        requireHold();
        for (const path of paths) {
          await perform({ name: "remove", path }, () => {
            for (const name of seen.keys()) if (isIn(name, path)) seen.delete(name);
            if (options.durable) for (const name of durable.keys()) if (isIn(name, path)) durable.delete(name);
          });
        }
      },
    };
  }

  function writeFile({ path, bytes }: WholeFile, options: { readonly durable: boolean }): Promise<void> {
    return perform({ name: "write", path }, (part) => {
      if (part < 1) return; // replacing is all or nothing
      seen.set(path, bytes.slice());
      if (options.durable) durable.set(path, bytes.slice());
    });
  }

  function appendTo(path: string, requireHold: () => void): AppendFile {
    expect(seen.has(path), `${path} must exist before it is appended to`).toBe(true);
    let state: "idle" | "busy" | "broken" | "closed" = "idle";
    appending += 1;
    return {
      async append(bytes) {
        requireHold();
        expect(state, `one append at a time, and none after a failure, on ${path}`).toBe("idle");
        state = "busy";
        try {
          await perform({ name: "append", path }, (part) => {
            const old = seen.get(path) ?? new Uint8Array(0);
            const written = bytes.subarray(0, Math.floor(bytes.length * part));
            const whole = new Uint8Array(old.length + written.length);
            whole.set(old);
            whole.set(written, old.length);
            seen.set(path, whole);
            durable.set(path, whole);
          });
          state = "idle";
        } catch (error) {
          state = "broken";
          throw error;
        }
      },
      async close() {
        if (state !== "closed") appending -= 1;
        state = "closed";
      },
    };
  }

  async function perform<T>(call: Omit<DiskCall, "number">, work: (part: number) => T): Promise<T> {
    await turn();
    const numbered = { ...call, number: calls.length };
    calls.push(numbered);
    const trouble = disk.trouble(numbered);
    if (trouble === "before") throw faultOf(disk.fault);
    const result = work(trouble === "halfway" ? 0.5 : 1);
    if (trouble !== "none") throw faultOf(disk.fault);
    return result;
  }
}

function faultOf(code: DiskFault): Error {
  return Object.assign(new Error(`${code}: the disk takes no more`), { code });
}

/** A call on a disk ends in a later turn, as a real one does. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isIn(name: string, path: string): boolean {
  return name === path || name.startsWith(`${path}/`);
}
