/**
 * What a hostile program tries against the control files of its workspace: `workspace-attacker.ts PLAN`, PLAN in JSON. Prints
 * one line of JSON. Each attack cleans up after itself, so that the next begins from the same folder.
 */
import {
  appendFileSync,
  chmodSync,
  closeSync,
  constants,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Worker, isMainThread, workerData } from "node:worker_threads";
import koffi from "koffi";

interface Plan {
  readonly task: "plant" | "tamper" | "race-memory" | "race-link";
  /** Control files, below the folder. */
  readonly names: readonly string[];
  /** Folder below the workspace, with a slash at its end, or nothing. */
  readonly base: string;
  readonly ms: number;
}

const libc = koffi.load(null);
const openat = libc.func("int openat(int, const char *, int, int)");
const openMemory = libc.func("int open(void *, int, int)");

function attempt(action: () => void): string {
  try {
    action();
    return "ok";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

function makeAbove(path: string): void {
  if (dirname(path) !== ".") mkdirSync(dirname(path), { recursive: true });
}

/** Ways to bring about a name that does not exist. */
const PLANTS: { readonly [way: string]: (path: string, base: string) => void } = {
  open(path) {
    makeAbove(path);
    closeSync(openSync(path, constants.O_WRONLY | constants.O_CREAT));
  },
  "open and truncate"(path) {
    makeAbove(path);
    writeFileSync(path, "planted");
  },
  exclusively(path) {
    makeAbove(path);
    closeSync(openSync(path, "wx"));
  },
  append(path) {
    makeAbove(path);
    appendFileSync(path, "planted");
  },
  "by a descriptor of its folder"(path) {
    makeAbove(path);
    const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
    const made = Number(
      openat(folder, path.slice(path.lastIndexOf("/") + 1), constants.O_WRONLY | constants.O_CREAT, 0o644),
    );
    const errno = koffi.errno();
    closeSync(folder);
    if (made < 0) throw Object.assign(new Error("refused"), { code: errno === 13 ? "EACCES" : `errno ${errno}` });
    closeSync(made);
  },
  "by its absolute path"(path) {
    makeAbove(path);
    writeFileSync(join(process.cwd(), path), "planted");
  },
  "by a path with dots"(path, base) {
    makeAbove(path);
    mkdirSync(`${base}plain`);
    writeFileSync(`${base}plain/.././${path.slice(base.length)}`, "planted");
  },
  "as a folder"(path) {
    makeAbove(path);
    mkdirSync(path);
  },
  "by renaming a file"(path, base) {
    makeAbove(path);
    writeFileSync(`${base}plain`, "planted");
    renameSync(`${base}plain`, path);
  },
  "by renaming a folder that holds it"(path, base) {
    // All but the first name of what is to be planted; when it has only one, the folder takes that name itself.
    const below = path.slice(base.length).split("/").slice(1).join("/");
    mkdirSync(join(`${base}plain`, dirname(below === "" ? "x" : below)), { recursive: true });
    writeFileSync(join(`${base}plain`, below === "" ? "x" : below), "planted");
    renameSync(`${base}plain`, base + (path.slice(base.length).split("/")[0] ?? ""));
  },
  "by a link to a file"(path, base) {
    makeAbove(path);
    writeFileSync(`${base}plain`, "planted");
    linkSync(`${base}plain`, path);
  },
  "by a symbolic link"(path, base) {
    makeAbove(path);
    writeFileSync(`${base}plain`, "planted");
    symlinkSync(join(process.cwd(), `${base}plain`), path);
  },
  "through a symbolic link to its folder"(path, base) {
    makeAbove(path);
    symlinkSync(join(process.cwd(), dirname(path)), `${base}door`);
    writeFileSync(`${base}door/${path.slice(path.lastIndexOf("/") + 1)}`, "planted");
  },
  "in another case"(path, base) {
    const other = base + path.slice(base.length).toUpperCase();
    makeAbove(other);
    writeFileSync(other, "planted");
  },
};

function cleanUp(path: string, base: string): void {
  const first = path.slice(base.length).split("/")[0] ?? "";
  for (const left of [first, first.toUpperCase(), "plain", "door"]) {
    attempt(() => rmSync(`${base}${left}`, { recursive: true, force: true }));
  }
}

/** Ways to change one that is there. Those that succeed leave it changed or gone. */
const TAMPERS: { readonly [way: string]: (path: string, base: string) => void } = {
  open: (path) => closeSync(openSync(path, "r+")),
  append: (path) => appendFileSync(path, "tampered"),
  "open to read, and truncate": (path) => closeSync(openSync(path, constants.O_RDONLY | constants.O_TRUNC)),
  truncate: (path) => truncateSync(path, 0),
  chmod: (path) => chmodSync(path, 0o755),
  "through a link": (path, base) => {
    symlinkSync(join(process.cwd(), path), `${base}door`);
    writeFileSync(`${base}door`, "tampered");
  },
  "by another name": (path, base) => {
    linkSync(path, `${base}other`);
    writeFileSync(`${base}other`, "tampered");
  },
  "rename over": (path, base) => {
    writeFileSync(`${base}plain`, "tampered");
    renameSync(`${base}plain`, path);
  },
  "rename away": (path, base) => {
    renameSync(path, `${base}away`);
    renameSync(`${base}away`, path);
  },
  "rename a folder above": (path, base) => {
    const first = base + (path.slice(base.length).split("/")[0] ?? "");
    renameSync(first, `${base}away`);
    renameSync(`${base}away`, first);
  },
  remove: (path) => unlinkSync(path),
};

function eachWay(
  ways: { readonly [way: string]: (path: string, base: string) => void },
  { names, base }: Plan,
  after: (path: string) => void,
): readonly string[] {
  return names.flatMap((name) =>
    Object.entries(ways).map(([way, action]) => {
      const result = attempt(() => action(base + name, base));
      after(base + name);
      return `${result}: ${name} ${way}`;
    }),
  );
}

/** One path, two readings of the same length, changed by another thread all the time. */
const PLAIN = ["plain.txt", ".mcp.json"] as const;

async function raceMemory({ ms, names }: Plan): Promise<unknown> {
  const pair = names.length === 2 ? names : PLAIN;
  const [plain = ""] = pair;
  const shared = new SharedArrayBuffer(64);
  const bytes = Buffer.from(shared);
  bytes.write(`${plain}\0`);
  const worker = new Worker(new URL(import.meta.url), { workerData: { shared, pair } });
  await new Promise((resolve) => worker.once("online", resolve));
  let made = 0;
  let refused = 0;
  for (const end = performance.now() + ms; performance.now() < end;) {
    const fd = Number(openMemory(bytes, constants.O_WRONLY | constants.O_CREAT, 0o644));
    if (fd < 0) refused++;
    else {
      made++;
      closeSync(fd);
      attempt(() => unlinkSync(plain));
    }
  }
  await worker.terminate();
  return { made, refused };
}

/** One name that leads to a harmless folder and to the hooks, in turns. */
async function raceLink(ms: number): Promise<unknown> {
  mkdirSync("plain");
  const worker = new Worker(new URL(import.meta.url), { workerData: { link: true } });
  await new Promise((resolve) => worker.once("message", resolve));
  let made = 0;
  let refused = 0;
  for (const end = performance.now() + ms; performance.now() < end;) {
    if (attempt(() => writeFileSync("door/pre-commit", "planted")) === "ok") made++;
    else refused++;
  }
  await worker.terminate();
  return { made, refused };
}

async function runWorker(): Promise<void> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own data
  const { shared, pair = [] } = workerData as {
    readonly shared?: SharedArrayBuffer;
    readonly pair?: readonly string[];
  };
  if (shared !== undefined) {
    const bytes = Buffer.from(shared);
    for (;;) for (const name of pair) bytes.write(name);
  }
  const { parentPort } = await import("node:worker_threads");
  for (let turn = 0; ; turn++) {
    symlinkSync(turn % 2 === 0 ? "plain" : ".git/hooks", "next");
    renameSync("next", "door");
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's, not a window's
    if (turn === 0) parentPort?.postMessage("ready");
  }
}

async function main(): Promise<void> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the test wrote it
  const plan = JSON.parse(process.argv[2] ?? "") as Plan;
  const tasks: { readonly [task in Plan["task"]]: () => unknown } = {
    plant: () => eachWay(PLANTS, plan, (path) => cleanUp(path, plan.base)),
    tamper: () =>
      eachWay(TAMPERS, plan, () => {
        for (const left of ["door", "other", "plain"]) attempt(() => unlinkSync(plan.base + left));
      }),
    "race-memory": () => raceMemory(plan),
    "race-link": () => raceLink(plan.ms),
  };
  process.stdout.write(`${JSON.stringify(await tasks[plan.task]())}\n`);
}

await (isMainThread ? main() : runWorker());
