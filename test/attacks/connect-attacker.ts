/**
 * Runs inside the sandbox: connects sockets in ways that a JavaScript program has no names for, by the C library. Takes one
 * JSON object and prints one JSON value.
 */
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { argv, execPath } from "node:process";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import koffi from "koffi";

const AF_UNIX = 1;
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;

const library = koffi.load(null);
type Call = (...values: readonly (number | Uint8Array | null)[]) => number;
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- koffi types every function as any
const bind = (prototype: string): Call => library.func(prototype) as Call;
const socket = bind("int socket(int, int, int)");
const socketpair = bind("int socketpair(int, int, int, void *)");
const connect = bind("int connect(int, const void *, unsigned int)");
const listen = bind("int listen(int, int)");
const bindTo = bind("int bind(int, const void *, unsigned int)");
const close = bind("int close(int)");
const write = bind("long write(int, const void *, unsigned long)");
const accept = bind("int accept(int, void *, void *)");
const chdir = bind("int chdir(const void *)");
const sendto = bind("long sendto(int, const void *, unsigned long, int, const void *, unsigned int)");

/** An address of a unix socket, in memory that another thread may share. */
function unix(path: string, into: Uint8Array = new Uint8Array(110)): Uint8Array {
  into.fill(0);
  into[0] = AF_UNIX;
  into.set(Buffer.from(path), 2);
  return into;
}

function internet(port: number): Uint8Array {
  return Buffer.from([AF_INET, 0, port >> 8, port & 0xff, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
}

/** Name of the error, or `ok`. */
function outcome(result: number): string {
  if (result >= 0) return "ok";
  const number = koffi.errno();
  return Object.entries(koffi.os.errno).find(([, value]) => value === number)?.[0] ?? String(number);
}

function connectTo(address: Uint8Array, kind = SOCK_STREAM, family = AF_UNIX): string {
  const fd = socket(family, kind, 0);
  if (fd < 0) return outcome(fd);
  const result = outcome(connect(fd, address, address.length));
  if (result === "ok") write(fd, Buffer.from("agent"), 5);
  close(fd);
  return result;
}

/** Every way to a socket at this path that a program has. */
function reach(path: string): object {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const name = path.slice(path.lastIndexOf("/") + 1);
  rmSync("/tmp/ways", { recursive: true, force: true });
  mkdirSync("/tmp/ways");
  symlinkSync(path, "/tmp/ways/link");
  symlinkSync(folder, "/tmp/ways/folder");
  const ways: { [way: string]: string } = {
    "its path": connectTo(unix(path)),
    "a path with dots": connectTo(unix(`/tmp/../${folder.slice(1)}/./../${folder.slice(1)}/${name}`)),
    "a link": connectTo(unix("/tmp/ways/link")),
    "a link to the folder": connectTo(unix(`/tmp/ways/folder/${name}`)),
    packets: connectTo(unix(path), SOCK_SEQPACKET),
    "without waiting": connectTo(unix(path), SOCK_STREAM | SOCK_NONBLOCK),
    "another root": connectTo(unix(`/proc/self/root${path}`)),
    datagrams: datagram(path),
    "a pair": paired(path, SOCK_STREAM),
    "a pair of packets": paired(path, SOCK_SEQPACKET),
  };
  chdir(Buffer.from(`${folder}\0`));
  ways["from the folder"] = connectTo(unix(name));
  chdir(Buffer.from("/\0"));
  return ways;
}

function datagram(path: string): string {
  const pair = Buffer.alloc(8);
  const made = socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
  const address = unix(path);
  const single = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (made < 0 && single < 0) return outcome(single);
  return outcome(
    sendto(single < 0 ? pair.readInt32LE(0) : single, Buffer.from("agent"), 5, 0, address, address.length),
  );
}

/** One end of a pair whose other end is gone. */
function paired(path: string, kind: number): string {
  const pair = Buffer.alloc(8);
  const made = socketpair(AF_UNIX, kind, 0, pair);
  if (made < 0) return outcome(made);
  close(pair.readInt32LE(4));
  const address = unix(path);
  const result = outcome(connect(pair.readInt32LE(0), address, address.length));
  close(pair.readInt32LE(0));
  return result;
}

interface Race {
  readonly own: string;
  readonly foreign: string;
  readonly ms: number;
  /** Results that there are to be; while the bytes are half changed there are others too. */
  readonly until: readonly string[];
}

/** The other thread: without the C library, so that it can end at any moment. */
const CHANGER = `
const { shared, stop, one, other } = require("node:worker_threads").workerData;
while (Atomics.load(stop, 0) === 0) {
  shared.set(other);
  shared.set(one);
}`;

/** Calls with one address while another thread changes it, from a socket of one's own to one of the host's. */
async function race({ own, foreign, ms, until }: Race): Promise<object> {
  const server = createServer((each) => each.on("error", () => {}).destroy());
  await new Promise<void>((resolve) => server.listen(own, resolve));
  const shared = new Uint8Array(new SharedArrayBuffer(110));
  unix(own, shared);
  const stop = new Uint8Array(new SharedArrayBuffer(1));
  const worker = new Worker(CHANGER, {
    eval: true,
    workerData: { shared, stop, one: unix(own), other: unix(foreign) },
  });
  const gone = new Promise((resolve) => worker.once("exit", resolve));
  await new Promise((resolve) => worker.once("online", resolve));
  const counts: { [result: string]: number } = {};
  // At least as long as was asked, and on a slow machine until both addresses were read once, as far as answers tell.
  const begun = Date.now();
  const isOver = (): boolean =>
    Date.now() > begun + ms && (until.every((result) => result in counts) || Date.now() > begun + 10 * ms);
  while (!isOver()) {
    const result = connectTo(shared);
    counts[result] = (counts[result] ?? 0) + 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  Atomics.store(stop, 0, 1);
  await gone;
  server.close();
  return counts;
}

/** What ordinary programs do, and how long it takes a connection to find no room. */
async function work(): Promise<object> {
  const answers: { [what: string]: unknown } = {};
  const server = createServer((each) => each.on("error", () => {}).end());
  await new Promise<void>((resolve) => server.listen("/tmp/own.sock", resolve));
  answers["a path of one's own"] = connectTo(unix("/tmp/own.sock"));
  answers["nobody there"] = connectTo(unix("/tmp/none.sock"));
  server.close();
  const abstract = createServer((each) => each.on("error", () => {}).end());
  await new Promise<void>((resolve) => abstract.listen("\0own", resolve));
  answers["an abstract name"] = connectTo(Buffer.from("\x01\0\0own", "latin1"));
  abstract.close();
  const tcp = createServer((each) => each.on("error", () => {}).end());
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
  const address = tcp.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  answers["loopback, waiting"] = connectTo(internet(port), SOCK_STREAM, AF_INET);
  answers["loopback, not waiting"] = connectTo(internet(port), SOCK_STREAM | SOCK_NONBLOCK, AF_INET);
  tcp.close();
  answers["loopback, nobody there"] = connectTo(internet(1), SOCK_STREAM, AF_INET);
  answers["outside"] = connectTo(
    Buffer.from([2, 0, 0, 80, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
    SOCK_STREAM,
    AF_INET,
  );
  answers["no socket"] = outcome(connect(0, internet(port), 16));
  answers["no descriptor"] = outcome(connect(4000, internet(port), 16));
  answers["too long"] = outcome(connect(0, new Uint8Array(200), 200));
  // A listener that takes nobody: room for one, and the next waits until it is told.
  const full = socket(AF_UNIX, SOCK_STREAM, 0);
  bindTo(full, unix("/tmp/full.sock"), 110);
  listen(full, 0);
  const kept = [0, 1, 2].map(() => socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  answers["no room, not waiting"] = kept.map((fd) => outcome(connect(fd, unix("/tmp/full.sock"), 110))).at(-1);
  const waiter = new Worker(new URL(import.meta.url), { workerData: { waitFor: "/tmp/full.sock" } });
  const told = new Promise<unknown>((resolve) => waiter.once("message", resolve));
  await new Promise((resolve) => setTimeout(resolve, 100));
  accept(full, null, null);
  answers["no room, waiting"] = await told;
  return answers;
}

/** What a server that has no unix sockets still does. */
async function speak(): Promise<object> {
  const server = createServer((each) => each.on("error", () => {}).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const loopback = connectTo(internet(port), SOCK_STREAM, AF_INET);
  server.close();
  const child = spawn(execPath, ["-e", "process.send('ok')"], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
  const said = await new Promise((resolve) => {
    child.once("message", resolve).once("error", resolve).once("disconnect", resolve);
  });
  return { "loopback, waiting": loopback, "a child over a pair": said };
}

interface Task {
  readonly reach?: string;
  readonly race?: Race;
  readonly loopback?: true;
}

function carryOut({ reach: path, race: raced, loopback }: Task): object | Promise<object> {
  if (path !== undefined) return reach(path);
  if (raced !== undefined) return race(raced);
  return loopback === true ? speak() : work();
}

if (isMainThread) {
  console.log(JSON.stringify(await carryOut(JSON.parse(argv[2] ?? "{}") as Task)));
  process.exit(0);
} else {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own main thread gave it
  const { waitFor } = workerData as { readonly waitFor: string };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(connectTo(unix(waitFor)));
}
