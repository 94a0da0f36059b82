/**
 * What a hostile program would try, one attack a run: `node sandbox-attacker.ts ATTACK [VALUE…]`. Prints one line of
 * JSON, `{"done": true or false, "detail": …}`. Run outside a sandbox each attack succeeds, which is the proof that
 * what stops it inside is the sandbox. What is searched for is passed backwards, so that the search does not find itself.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { dirname, join } from "node:path";
import koffi from "koffi";

interface Outcome {
  readonly done: boolean;
  readonly detail: unknown;
}

const libc = koffi.load(null);
const syscall = libc.func("long syscall(long number, long one, long two, long three, long four, long five)");

const addWatch = libc.func("int inotify_add_watch(int, const char *, uint32_t)");
const timerCreate = libc.func("int timer_create(int, void *, void *)");
const socketpair = libc.func("int socketpair(int, int, int, void *)");
const sendmsg = libc.func("long sendmsg(int, void *, int)");

/** One message with a byte and a descriptor so many times; false when it did not go. */
function sendDescriptors(socket: number, fd: number, times: number): boolean {
  const control = Buffer.alloc(16 + times * 4 + ((times * 4) % 8)); // struct cmsghdr { len, SOL_SOCKET, SCM_RIGHTS }
  control.writeBigUInt64LE(BigInt(16 + times * 4), 0);
  control.writeInt32LE(1, 8);
  control.writeInt32LE(1, 12);
  for (let place = 0; place < times; place++) control.writeInt32LE(fd, 16 + place * 4);
  const byte = Buffer.from("x");
  const vector = Buffer.alloc(16); // struct iovec { base, len }
  vector.writeBigUInt64LE(koffi.address(byte), 0);
  vector.writeBigUInt64LE(1n, 8);
  const header = Buffer.alloc(56); // struct msghdr { name, namelen, iov, iovlen, control, controllen, flags }
  header.writeBigUInt64LE(koffi.address(vector), 16);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(koffi.address(control), 32);
  header.writeBigUInt64LE(BigInt(control.length), 40);
  return sendmsg(socket, header, 0x4040) >= 0 && byte.length > 0 && control.length > 0; // MSG_NOSIGNAL | MSG_DONTWAIT
}

function call(number: number, ...values: readonly number[]): Outcome {
  const padded = [0, 1, 2, 3, 4].map((index) => values[index] ?? 0);
  const result = Number(syscall(number, ...padded));
  return { done: result >= 0, detail: result >= 0 ? result : koffi.errno() };
}

/** The error number that a plain file operation leaves, or 0. */
function attempt(action: () => void): string {
  try {
    action();
    return "ok";
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

function forwards(backwards: string): string {
  return Buffer.from(Buffer.from(backwards).toReversed()).toString();
}

function pids(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

/** Searches stack and heap of every other process that can be opened. */
function searchMemory(canary: string): Outcome {
  const opened: number[] = [];
  for (const pid of pids()) {
    let fd: number;
    let maps: string;
    try {
      maps = readFileSync(`/proc/${pid}/maps`, "utf8");
      fd = openSync(`/proc/${pid}/mem`, "r");
    } catch {
      continue;
    }
    opened.push(pid);
    for (const [, from = "", to = ""] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw.*\[(?:stack|heap)\]$/gm)) {
      const start = Number.parseInt(from, 16);
      const bytes = Buffer.alloc(Math.min(Number.parseInt(to, 16) - start, 4 << 20));
      attempt(() => void readSync(fd, bytes, 0, bytes.length, start));
      if (bytes.includes(canary)) return { done: true, detail: pid };
    }
    closeSync(fd);
  }
  return { done: false, detail: opened.length };
}

function connectTo(target: { path: string } | { port: number; host: string }): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect(target);
    socket.on("connect", () => {
      socket.destroy();
      resolve({ done: true, detail: null });
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve({ done: false, detail: error.code }));
  });
}

function sendDatagram(host: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.send("x", 53, host, (error) => {
      socket.close();
      resolve({ done: error === null, detail: error === null ? null : codeOf(error) });
    });
  });
}

/** Types into a terminal of its own, which needs neither a person's terminal nor a privilege. */
function typeIntoTerminal(): Outcome {
  const O_RDWR_NOCTTY = 0x102;
  const open = libc.func("int open(const char *path, int flags)");
  const ioctl = libc.func("int ioctl(int fd, unsigned long request, void *value)");
  const main = open("/dev/ptmx", O_RDWR_NOCTTY);
  const unlock = Buffer.alloc(4);
  ioctl(main, 0x4004_5431, unlock); // TIOCSPTLCK
  const number = Buffer.alloc(4);
  ioctl(main, 0x8004_5430, number); // TIOCGPTN
  libc.func("int setsid()")();
  const terminal = open(`/dev/pts/${number.readInt32LE()}`, O_RDWR_NOCTTY);
  if (ioctl(terminal, 0x540e, null) !== 0) return { done: false, detail: `no terminal: ${koffi.errno()}` }; // TIOCSCTTY
  const result: unknown = ioctl(terminal, 0x5412, Buffer.from("x")); // TIOCSTI
  return { done: result === 0, detail: result === 0 ? 0 : koffi.errno() };
}

function traceChild(): Outcome {
  const child = spawn("/usr/bin/sleep", ["5"]);
  const traced = call(101, 16, child.pid ?? 0); // PTRACE_ATTACH, x64
  child.kill("SIGKILL");
  return traced;
}

/** `getpid` through the 32-bit door of an x64 kernel, in machine code made at run time. */
function callThroughInt80(): Outcome {
  const code = Buffer.from([0x53, 0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0x5b, 0xc3]); // push rbx; mov eax, 20; int 0x80; pop rbx; ret
  const mmap = libc.func("void *mmap(void *at, size_t size, int protection, int flags, int fd, long offset)");
  const page: unknown = mmap(null, 4096, 7, 0x22, -1, 0);
  libc.func("void *memcpy(void *to, const void *from, size_t size)")(page, code, code.length);
  return { done: true, detail: koffi.call(page, koffi.proto("int getpid32()")) };
}

/** A program of the 32 bits of ARM: `getpid`, then an end with 0. */
function programOf32Bits(): Buffer {
  const [place, headers] = [0x1_0000, 84];
  const code = [0xe3a0_7014, 0xef00_0000, 0xe3a0_7001, 0xe3a0_0000, 0xef00_0000]; // mov r7, #20; svc 0; mov r7, #1; mov r0, #0; svc 0
  const file = Buffer.alloc(headers + 4 * code.length);
  file.write("\x7fELF\x01\x01\x01", 0, "latin1");
  // ELF32: type, machine and version; entry, program headers, flags (EABI 5); sizes
  for (const [at, value] of Object.entries({ 16: 2, 18: 40, 40: 52, 42: 32, 44: 1 }))
    file.writeUInt16LE(value, Number(at));
  for (const [at, value] of Object.entries({ 20: 1, 24: place + headers, 28: 52, 36: 0x500_0000 })) {
    file.writeUInt32LE(value, Number(at));
  }
  // One segment, read and executed: PT_LOAD, offset, two addresses, two sizes, flags, alignment
  const segment = [1, 0, place, place, file.length, file.length, 5, place];
  for (const [index, value] of [...segment, ...code].entries()) file.writeUInt32LE(value, 52 + 4 * index);
  return file;
}

/** Leaves standard output to the program that this one becomes; Node has marked it to be closed. */
function keepOutput(): void {
  libc.func("int fcntl(int fd, int command, long value)")(1, 2, 0);
}

/** Becomes another program by addresses with a tag, as arm64 has them for whoever asks (PR_SET_TAGGED_ADDR_CTRL). */
function becomeByTags(words: readonly string[]): Outcome {
  const tagged = (bytes: Buffer): bigint => BigInt.asIntN(64, koffi.address(bytes) | (0xb4n << 56n));
  libc.func("int prctl(int, long, long, long, long)")(55, 1, 0, 0, 0);
  keepOutput();
  const texts = words.map((word) => Buffer.from(`${word}\0`));
  const list = Buffer.alloc(8 * (texts.length + 1));
  for (const [index, text] of texts.entries()) list.writeBigInt64LE(tagged(text), 8 * index);
  syscall(221, tagged(texts[0] ?? list), tagged(list), 0, 0, 0);
  return { done: false, detail: koffi.errno() };
}

/** Writes into the stack of another process what stands there already. */
function overwrite(pid: string): Outcome {
  try {
    const maps = readFileSync(`/proc/${pid}/maps`, "utf8");
    const [, from = "0"] = /^([0-9a-f]+)-[0-9a-f]+ rw.*\[stack\]$/m.exec(maps) ?? [];
    const fd = openSync(`/proc/${pid}/mem`, "r+");
    const at = Number.parseInt(from, 16);
    const bytes = Buffer.alloc(64);
    readSync(fd, bytes, 0, bytes.length, at);
    return { done: writeSync(fd, bytes, 0, bytes.length, at) > 0, detail: null };
  } catch (error) {
    return { done: false, detail: codeOf(error) };
  }
}

/** A descriptor of a file in memory that holds a copy of a program. */
function memoryCopy(path: string): number {
  const fd = Number(libc.func("int memfd_create(const char *name, unsigned int flags)")("copy", 0));
  writeSync(fd, readFileSync(path));
  return fd;
}

/** Takes memory and touches it until refused. */
function fillPrivate(step: number, most: number): Outcome {
  const kept: Buffer[] = [];
  for (let taken = 0; taken < most; taken += step) kept.push(Buffer.alloc(step, 1));
  return { done: true, detail: kept.length * step };
}

/** The same with segments that no limit on private memory counts. */
function fillShared(step: number, most: number): Outcome {
  const mmap = libc.func("void *mmap(void *at, size_t size, int protection, int flags, int fd, long offset)");
  const memset = libc.func("void *memset(void *at, int byte, size_t size)");
  let taken = 0;
  for (; taken < most; taken += step) memset(mmap(null, step, 3, 0x21, -1, 0), 1, step);
  return { done: true, detail: taken };
}

/** Closes this process to whoever looks from outside; it cannot trace it or open its memory any more. */
function closeToLooks(): void {
  const PR_SET_DUMPABLE = 4;
  if (libc.func("int prctl(int, unsigned long)")(PR_SET_DUMPABLE, 0) !== 0) throw new Error("it stays open");
}

/** Files in memory that nothing maps. */
function fillFiles(step: number, most: number): Outcome {
  const block = Buffer.alloc(step, 1);
  const create = libc.func("int memfd_create(const char *name, unsigned int flags)");
  let taken = 0;
  for (; taken < most; taken += step) writeSync(Number(create("kept", 0)), block);
  return { done: true, detail: taken };
}

/** Holds what was filled until somebody has looked. */
function held(outcome: Outcome): Outcome {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
  return outcome;
}

function fillFolder(folder: string, most: number): Outcome {
  const block = Buffer.alloc(1 << 20, 1);
  for (let taken = 0; taken < most; taken += block.length) {
    const result = attempt(() => writeFileSync(`${folder}/fill-${taken}`, block));
    if (result !== "ok") return { done: false, detail: { result, taken } };
  }
  return { done: true, detail: most };
}

const FILLS: { readonly [kind: string]: (step: number, most: number) => Outcome } = {
  private: fillPrivate,
  shared: fillShared,
  files: fillFiles,
};

const ATTACKS: { readonly [name: string]: (...values: readonly string[]) => Outcome | Promise<Outcome> } = {
  nothing: () => ({ done: true, detail: process.getuid?.() }),
  read: (path = "") => {
    const detail = attempt(() => void readFileSync(path));
    return { done: detail === "ok", detail };
  },
  write: (...paths) => {
    const detail = paths.map((path) => [path, attempt(() => writeFileSync(path, "x"))]);
    return { done: detail.some(([, result]) => result === "ok"), detail };
  },
  environment: (backwards = "", canary = forwards(backwards)) => ({
    done: JSON.stringify(process.env).includes(canary),
    detail: Object.keys(process.env).toSorted(),
  }),
  environs: (backwards = "", canary = forwards(backwards)) => {
    const found = pids().filter((pid) => {
      let text = "";
      attempt(() => void (text = readFileSync(`/proc/${pid}/environ`, "latin1")));
      return text.includes(canary);
    });
    return { done: found.length > 0, detail: pids().length };
  },
  "command-lines": (backwards = "", canary = forwards(backwards)) => {
    const lines = [process.pid, ...pids()].map((pid) => {
      let text = "";
      attempt(() => void (text = readFileSync(`/proc/${pid}/cmdline`, "latin1")));
      return text;
    });
    return { done: lines.some((line) => line.includes(canary)), detail: lines.length };
  },
  memory: (backwards = "", canary = forwards(backwards)) => searchMemory(canary),
  descriptors: (canary = "") => {
    const links = readdirSync("/proc/self/fd").map((fd) => {
      let link = "";
      attempt(() => void (link = readlinkSync(`/proc/self/fd/${fd}`)));
      return link;
    });
    return { done: links.some((link) => link.includes(canary)), detail: links };
  },
  "unix-socket": (path = "") => connectTo({ path }),
  "abstract-socket": (name = "") => connectTo({ path: `\0${name}` }),
  tcp: (port = "") => connectTo({ host: "127.0.0.1", port: Number(port) }),
  udp: (host = "") => sendDatagram(host),
  interfaces: () => {
    const names = Object.keys(networkInterfaces());
    return { done: names.some((name) => name !== "lo"), detail: names };
  },
  tiocsti: () => typeIntoTerminal(),
  "terminal-device": () => {
    const detail = attempt(() => closeSync(openSync("/dev/tty", "r+")));
    return { done: detail === "ok", detail };
  },
  namespaces: () => {
    const result = spawnSync("/usr/bin/unshare", ["-Ur", "/usr/bin/id", "-u"], { encoding: "utf8" });
    return { done: result.stdout.trim() === "0", detail: result.stderr };
  },
  "namespace-mount": (folder = "") => {
    const script = `mount -t tmpfs none ${folder} && echo mounted`;
    const result = spawnSync("/usr/bin/unshare", ["-Urm", "/bin/sh", "-c", script], { encoding: "utf8" });
    return { done: result.stdout.includes("mounted"), detail: result.stderr };
  },
  mount: () => call(165, 0, 0, 0, 0, 0),
  ptrace: () => traceChild(),
  call: (...values) => call(Number(values[0]), ...values.slice(1).map(Number)),
  /** Many calls one after another, each with nonsense for arguments; the error number of each. */
  calls: (...numbers) => {
    const detail = numbers.map((number) => call(Number(number), -1, 0, 0, -1, -1).detail);
    return { done: true, detail };
  },
  flood: (number = "", times = "") => {
    for (let at = 0; at < Number(times); at++) syscall(Number(number), -1, 0, 0, 0, 0);
    return { done: true, detail: Number(times) };
  },
  overwrite: (pid = "") => overwrite(pid),
  "overwrite-child": () => {
    const child = spawn("/usr/bin/sleep", ["5"]);
    const result = overwrite(String(child.pid));
    child.kill("SIGKILL");
    return result;
  },
  /** Every way to start another program. */
  programs: () => {
    const folder = mkdtempSync("/tmp/programs-");
    const script = `${folder}/script`;
    writeFileSync(script, "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    const copy = `${folder}/true`;
    writeFileSync(copy, readFileSync("/usr/bin/true"), { mode: 0o644 });
    const loader = ["/lib64", "/lib"] // the first is not everywhere
      .flatMap((place) => (existsSync(place) ? readdirSync(place).map((name) => `${place}/${name}`) : []))
      .find((path) => /\/ld-linux[^/]*\.so/.test(path));
    const tries = {
      plain: ["/usr/bin/true"],
      shell: ["/bin/sh", "-c", "exit 0"],
      script: [script],
      loader: [loader ?? "no loader", copy],
      memory: [`/proc/${process.pid}/fd/${memoryCopy("/usr/bin/true")}`],
      self: [process.execPath, "--version"],
    };
    const detail = Object.entries(tries).map(([way, [program = "", ...rest]]) => {
      const result = spawnSync(program, rest);
      return [way, result.error === undefined ? (result.status ?? result.signal) : codeOf(result.error)];
    });
    return { done: detail.some(([, result]) => result === 0), detail };
  },
  /** Becomes another program that has no name, through its descriptor; the shell reports when it worked. */
  fexecve: () => {
    const fd = memoryCopy("/bin/sh");
    const execveat = libc.func(
      "long syscall(long number, int fd, const char *path, const char **words, const char **environment, int flags)",
    );
    keepOutput();
    const words = ["sh", "-c", 'echo "{\\"done\\":true,\\"detail\\":0}"', null];
    execveat(process.arch === "arm64" ? 281 : 322, fd, "", words, [null], 0x1000);
    return { done: false, detail: koffi.errno() };
  },
  int80: () => callThroughInt80(),
  arm32: (folder = "/tmp") => {
    const program = join(folder, "arm32");
    writeFileSync(program, programOf32Bits(), { mode: 0o755 });
    const { error, status, signal } = spawnSync(program);
    return { done: status === 0, detail: error === undefined ? (status ?? signal) : codeOf(error) };
  },
  "tagged-start": (...words) => becomeByTags(words),
  "set-id": (path = "") => {
    writeFileSync(path, "#!/bin/sh\n");
    const detail = [0o755, 0o4755, 0o2755].map((mode) => attempt(() => chmodSync(path, mode)));
    return { done: detail.slice(1).includes("ok"), detail };
  },
  /** Watches a folder for everything, reads a file of it, and makes one: `detail` is what it heard of. */
  spy: (folder = "", file = "", fresh = "") => {
    const queue = Number(syscall(process.arch === "arm64" ? 26 : 294, 0o4000, 0, 0, 0, 0));
    const watched = [folder, dirname(fresh)].map((path) => addWatch(queue, path, 0xfff));
    if (watched.some((watch) => watch < 0)) return { done: false, detail: koffi.errno() };
    readFileSync(join(folder, file));
    writeFileSync(fresh, "");
    const bytes = Buffer.alloc(1 << 16);
    const length = readSync(queue, bytes, 0, bytes.length, null);
    const heard: string[] = [];
    for (let at = 0; at < length; at += 16 + bytes.readUInt32LE(at + 12)) {
      const name = bytes.toString("latin1", at + 16, at + 16 + bytes.readUInt32LE(at + 12)).replaceAll("\0", "");
      const mask = bytes.readUInt32LE(at + 4) & 0xfff;
      heard.push(`${mask === 0x100 ? "made" : (mask & 0x31) !== 0 ? "read" : "changed"} ${name}`);
    }
    return { done: heard.some((each) => each.startsWith("read")), detail: [...new Set(heard)] };
  },
  /** Asks to be asked before anybody else opens a file of its own, and to be told who reads in a folder. */
  lease: (path = "") => {
    writeFileSync(path, "");
    const [file, folder] = [openSync(path, "r+"), openSync(dirname(path), "r")];
    const fcntl = process.arch === "arm64" ? 25 : 72;
    const asked = [
      [file, 1024, 1], // F_SETLEASE, F_WRLCK
      [folder, 1026, 0x21], // F_NOTIFY, DN_ACCESS | DN_ATTRIB
    ] as const;
    const detail = asked.map((values) => call(fcntl, ...values).detail);
    return { done: detail.includes(0), detail };
  },
  /** Makes timers until there is no more of them, for all processes of the user; `detail`: how many. */
  timers: (most = "") => {
    const made = Buffer.alloc(8);
    let count = 0;
    while (count < Number(most) && timerCreate(1, null, made) === 0) count++;
    return { done: count === Number(most), detail: count };
  },
  limits: () => ({ done: true, detail: readFileSync("/proc/self/limits", "utf8") }),
  status: (pid = "self") => ({ done: true, detail: readFileSync(`/proc/${pid}/status`, "utf8") }),
  "fill-private": (most = "") => fillPrivate(16 << 20, Number(most)),
  "fill-shared": (most = "") => fillShared(16 << 20, Number(most)),
  "fill-files": (most = "") => held(fillFiles(16 << 20, Number(most))),
  "place-in-line": () => ({ done: true, detail: readFileSync("/proc/self/oom_score_adj", "utf8") }),
  "system-v": (bytes = "", count = "") => {
    const flags = 0o1600; // IPC_CREAT, for its owner only
    const segment = Number(libc.func("int shmget(int, size_t, int)")(0, Number(bytes), flags));
    const set = Number(libc.func("int semget(int, int, int)")(0, Number(count), flags));
    return { done: segment >= 0 && set >= 0, detail: [segment >= 0, set >= 0] };
  },
  "fill-closed": (kind = "", most = "") => {
    closeToLooks();
    return held(FILLS[kind]?.(16 << 20, Number(most)) ?? { done: false, detail: "unknown" });
  },
  "fill-folder": (folder = "", most = "") => fillFolder(folder, Number(most)),
  "large-file": (path = "", size = "") => {
    const detail = attempt(() => writeFileSync(path, Buffer.alloc(Number(size), 1)));
    return { done: detail === "ok", detail };
  },
  /** Sends descriptors to itself that nobody takes, as many as the kernel lets, and stays. `detail`: how many went. */
  "in-flight": async (stay = "") => {
    const [pair, nulls] = [Buffer.alloc(8), openSync("/dev/null", "r")];
    let sent = 0;
    while (socketpair(1, 1, 0, pair) === 0) {
      let went = 0;
      while (sendDescriptors(pair.readInt32LE(0), nulls, 253)) went += 253;
      sent += went;
      if (went === 0) break;
    }
    console.log(JSON.stringify({ done: sent > 0, detail: sent }));
    await new Promise((resolve) => setTimeout(resolve, Number(stay)));
    return { done: sent > 0, detail: sent };
  },
  forks: (count = "") => {
    const script = `i=0; while [ $i -lt ${Number(count)} ]; do sleep 3 >/dev/null 2>&1 & i=$((i+1)); done; echo all; kill $(jobs -p)`;
    const result = spawnSync("/bin/sh", ["-c", script], { encoding: "utf8" });
    return { done: result.stdout.includes("all"), detail: result.stderr };
  },
  "set-time": () => {
    const detail = attempt(() => void execFileSync("/usr/bin/date", ["-s", "2001-01-01"], { stdio: "ignore" }));
    return { done: detail === "ok", detail };
  },
};

const [name = "", ...values] = process.argv.slice(2);
const attack = ATTACKS[name];
if (attack === undefined) throw new Error(`Cannot run attack "${name}": there is none of this name`);
console.log(JSON.stringify(await attack(...values)));
