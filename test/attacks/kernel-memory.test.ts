import { spawnSync } from "node:child_process";
import { afterAll, describe, expect, it } from "vitest";
import { CALLS } from "../../src/sandbox/syscalls.ts";
import type { StartedSandbox } from "../../src/platform/sandbox/sandbox-process.ts";
import { harmlessSpec, setStage } from "./sandbox-stage.ts";

const stage = setStage();
const ARCH = process.arch === "arm64" ? "arm64" : "x64";
const MIB = 1024 * 1024;
const ENOSYS = "38";
/** More than it takes to see that a sandbox is over its bound. */
const STAY_SECONDS = 60;

afterAll(() => stage.remove());

/** A program whose first line has libc; a failed call says its number and ends it. */
const program = (...lines: readonly string[]): readonly string[] => [
  "python3",
  "-c",
  ["import ctypes, os, time", "libc = ctypes.CDLL(None, use_errno=True)", ...lines].join("\n"),
];

function start(words: readonly string[], memoryBytes = 512 * MIB): Promise<StartedSandbox> {
  return stage.start(words, { limits: { ...harmlessSpec(stage).limits, memoryBytes } });
}

async function say(words: readonly string[]): Promise<string> {
  const started = await start(words);
  await started.ended;
  return Buffer.from(started.output().bytes).toString().trim() + started.errors();
}

const outside = ([command = "", ...words]: readonly string[]): string =>
  spawnSync(command, words, { encoding: "utf8", timeout: 60_000 }).stdout.trim();

// 300 queues of empty messages held 336 MiB under a bound of 512, in no process; there can be 32,000.
describe("messages of System V", () => {
  const fill = program(
    "queue = libc.msgget(0, 0o1600)",
    "if queue < 0: print(ctypes.get_errno()); raise SystemExit",
    "message = ctypes.create_string_buffer(b'\\1' + bytes(15))",
    "count = 0",
    "while libc.msgsnd(queue, message, ctypes.c_size_t(0), 0o4000) == 0: count += 1",
    "libc.msgctl(queue, 0, None)",
    "print('sent', count)",
  );

  it("that say nothing wait by the thousand in one queue, and there is none inside", async () => {
    expect(outside(fill)).toMatch(/^sent [0-9]{4,}$/);
    expect(await say(fill)).toBe(ENOSYS);
  });
});

// One sandbox had 64,000 of the 65,536 that all programs of the machine have together.
describe("contexts of Linux AIO", () => {
  const take = program(
    "context = ctypes.c_ulong(0)",
    `made = libc.syscall(${CALLS.io_setup[ARCH]}, 64, ctypes.byref(context))`,
    "used = int(open('/proc/sys/fs/aio-nr').read())",
    "print('taken' if made == 0 and used >= 64 else ctypes.get_errno())",
  );

  it("are taken from the whole machine, and there is none inside", async () => {
    expect(outside(take)).toBe("taken");
    expect(await say(take)).toBe(ENOSYS);
  });
});

describe("memory that is only read", () => {
  /** One page of each two MiB of what nobody wrote: the page is the kernel's own zeros, its table of 4 KiB is not. */
  const touch = (tables: number): readonly string[] =>
    program(
      "libc.mmap.restype = ctypes.c_void_p",
      `size = ${tables} << 21`,
      "at = libc.mmap(None, ctypes.c_size_t(size), 1, 0x4022, -1, 0)", // PROT_READ, MAP_PRIVATE | ANONYMOUS | NORESERVE
      "libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(size), 15)", // MADV_NOHUGEPAGE
      "for place in range(at, at + size, 1 << 21): ctypes.c_char.from_address(place).value",
      "status = open('/proc/self/status').read()",
      "read = lambda name: int(status.split(name + ':')[1].split()[0]) // 1024",
      "print(read('RssAnon') < 64, read('VmPTE'), flush=True)",
      `time.sleep(${tables} > 65536 and ${STAY_SECONDS})`,
    );

  it("has page tables, which count", async () => {
    expect(outside(touch(65_536))).toMatch(/^True (?:25[6-9]|26[0-9])$/);
    const within = await start(touch(32_768), 256 * MIB);
    expect(await within.ended).toEqual({ code: 0, signal: null });
    const over = await start(touch(100_000), 256 * MIB);
    expect(await over.ended).toEqual({ code: null, signal: "SIGKILL" });
  });
});

describe("files without content", () => {
  const make = (count: number, stay: number): readonly string[] =>
    program(
      `for n in range(${count}): os.mknod(f'/tmp/{n}')`,
      "found = os.statvfs('/tmp')",
      "print(found.f_files - found.f_ffree, flush=True)",
      `time.sleep(${stay})`,
    );

  it("have names, which count", async () => {
    const within = await start(make(50_000, 1), 256 * MIB);
    expect(await within.ended).toEqual({ code: 0, signal: null });
    expect(Number(Buffer.from(within.output().bytes).toString())).toBeGreaterThanOrEqual(50_000);
    const over = await start(make(300_000, STAY_SECONDS), 256 * MIB);
    expect(await over.ended).toEqual({ code: null, signal: "SIGKILL" });
  });
});
