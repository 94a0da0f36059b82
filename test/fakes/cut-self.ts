/**
 * Loaded before a program with `--import`: kills it, as kill -9 would, at a chosen moment.
 *
 *     cut-self.ts?armed=FILE
 *
 * Moments are: before and after each durable write, after each message that it sent, and before it acts on one that came. While
 * FILE is there (a `Cut` as JSON) they are counted, and at the chosen one the process is gone.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { Socket } from "node:net";
import { Writable } from "node:stream";

/**
 * The moment number `at`, from 1, of those that are `what`, with these words in the message, or in the path or the bytes of what
 * is written; null is any. A record is in the journal as its text.
 */
export interface Cut {
  readonly at: number;
  readonly what: Moment | null;
  readonly words: string | null;
}
export type Moment = "before write" | "after write" | "said" | "heard";

const armed = new URL(import.meta.url).searchParams.get("armed") ?? "";
const { readFileSync } = fs;
const { O_DSYNC } = fs.constants;
let [plan, passed] = ["", 0];

/** `about`: bytes and texts that are looked through for the words. */
function pass(what: Moment, ...about: readonly unknown[]): void {
  let text: string;
  try {
    text = readFileSync(armed, "utf8");
  } catch {
    return;
  }
  if (text !== plan) [plan, passed] = [text, 0];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a test wrote it
  const cut = JSON.parse(text) as Cut;
  if (cut.what !== null && cut.what !== what) return;
  if (!about.some((each) => textOf(each).includes(cut.words ?? ""))) return;
  passed += 1;
  if (passed === cut.at) process.kill(process.pid, "SIGKILL");
}

function textOf(about: unknown): string {
  return about instanceof Uint8Array ? Buffer.from(about).toString("latin1") : String(about);
}

type Callback = (error: Error | null, ...more: unknown[]) => void;
type Call = (...all: unknown[]) => unknown;

/** Puts a function in the place of one of `fs`, with what `util.promisify` looks for. */
function replace(name: "open" | "write" | "fdatasync" | "fsync", by: (call: Call, all: unknown[]) => unknown): void {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its arguments are handed on as they came
  const call = fs[name] as unknown as Call;
  const instead: Call = (...all) => by(call, all);
  Object.defineProperties(instead, Object.getOwnPropertyDescriptors(call));
  Object.assign(fs, { [name]: instead });
}

/** Calls with a callback that sees the result first. */
function called(call: Call, all: readonly unknown[], done: (result: readonly unknown[]) => void): unknown {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the last of such a call
  const callback = all.at(-1) as Callback;
  return call(...all.slice(0, -1), (...result: Parameters<Callback>) => {
    done(result);
    callback(...result);
  });
}

/** Paths of what is open for durable writes, by descriptor. */
const durable = new Map<unknown, unknown>();
replace("open", (call, all) =>
  called(call, all, ([error, descriptor]) => {
    const [path, flags] = all;
    if (error !== null) return;
    if (typeof flags === "number" && (flags & O_DSYNC) !== 0) durable.set(descriptor, path);
    else durable.delete(descriptor);
  }),
);
replace("write", (call, all) => {
  const [descriptor, bytes] = all;
  const path = durable.get(descriptor);
  if (path === undefined) return call(...all);
  pass("before write", path, bytes);
  return called(call, all, () => pass("after write", path, bytes));
});
for (const name of ["fdatasync", "fsync"] as const)
  replace(name, (call, all) => {
    pass("before write", name);
    return called(call, all, () => pass("after write", name));
  });
syncBuiltinESMExports();

const { write } = Writable.prototype;
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of any event
const emit = Socket.prototype.emit as (this: Socket, ...all: unknown[]) => boolean;
Object.assign(Socket.prototype, {
  write(this: Socket, ...all: Parameters<typeof write>): boolean {
    const more = write.apply(this, all);
    pass("said", all[0]);
    return more;
  },
  emit(this: Socket, ...all: unknown[]): boolean {
    if (all[0] === "data") pass("heard", all[1]);
    return emit.apply(this, all);
  },
});
