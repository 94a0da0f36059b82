// Keeps what Node compiled of our programs beside the code, so that each start is quick (docs/decisions/compile-cache.md).
// Nothing of it is needed: whatever goes wrong here costs time at later starts and nothing else.
"use strict";

const { spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} = require("node:fs");
const { dirname, join } = require("node:path");
const { pathToFileURL } = require("node:url");

const PATIENCE_MS = 400_000;
const MOST_BYTES = 256 * 1024 * 1024;
const PROGRAMS = [
  "monitor",
  "face",
  "driver",
  "connector",
  "broker",
  "injector",
  "storage",
  "supervisor",
  "port-gate",
  "console",
  "git-courier",
  "refresher",
  "cosigner",
  "telemetry",
  "alerter",
  "fetcher",
  "unpacker",
  "vetter",
];
const FILE = /^v[0-9A-Za-z.-]{1,100}\/[0-9a-f]{1,16}$/;

/** Fills `node_modules/.aios-cache` when the code is not that from which it was filled. */
function fillCodeCache({ root, node, say }) {
  const modules = join(root, "node_modules");
  const place = join(modules, ".aios-cache");
  if (!existsSync(join(root, "src", "main", "cache-filler.ts")) || !isWritable(modules)) return;
  const wanted = `${fingerprint(root)}\n`;
  if (readOrNull(join(place, "stamp")) === wanted) return;
  say("compiling our programs once, so that they start quickly from now on");
  const next = `${place}.${process.pid}`;
  try {
    mkdirSync(next);
    fillSealed({ root, node, next });
    fillFirstPart({ root, node, next });
    fillLauncher({ root, node, next });
    fillCommandLine({ root, node, next });
    writeFileSync(join(next, "stamp"), wanted);
    rmSync(place, { recursive: true, force: true });
    renameSync(next, place);
  } catch (error) {
    say(`that did not work, and they start more slowly: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    rmSync(next, { recursive: true, force: true });
  }
}

/** The monitor, and what runs in sandboxes: as the user that will run them, who hands over bytes and names no place. */
function fillSealed({ root, node, next }) {
  const filler = join(root, "src", "main", "cache-filler.ts");
  const run = spawnSync(node, ["--disable-warning=ExperimentalWarning", filler], options({}));
  if (run.status !== 0) throw new Error(wordsOf(run));
  const filled = JSON.parse(run.stdout.toString("utf8"));
  for (const program of PROGRAMS) {
    for (const [name, base64] of Object.entries(filled[program])) {
      if (!FILE.test(name)) throw new Error(`a cached file has the name ${JSON.stringify(name)}`);
      const file = join(next, program, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, Buffer.from(base64, "base64"));
    }
  }
}

/**
 * The monitor as root knows it: what runs before it becomes the own user, which Node keeps apart by user. Without a home it
 * ends there, and as anybody else it has kept that already.
 */
function fillFirstPart({ root, node, next }) {
  if (process.geteuid?.() !== 0) return;
  const main = join(root, "src", "main");
  const flags = pathToFileURL(join(main, "monitor-flags.ts")).href;
  const print = `import(${JSON.stringify(flags)}).then((all) => console.log(JSON.stringify(all.MONITOR_FLAGS)))`;
  const asked = spawnSync(node, ["--eval", print], options({}));
  if (asked.status !== 0) throw new Error(wordsOf(asked));
  const words = [...JSON.parse(asked.stdout.toString("utf8")), join(main, "aiosd.ts")];
  const run = spawnSync(node, words, options({ NODE_COMPILE_CACHE: join(next, "monitor") }));
  if (!run.stderr?.toString().startsWith("aiosd: usage: ")) throw new Error(wordsOf(run));
}

/** The modules that the monitor hands to each agent's launcher, without their types. */
function fillLauncher({ root, node, next }) {
  const files = pathToFileURL(join(root, "src", "platform", "sandbox", "launcher-files.ts")).href;
  const folder = join(next, "launcher");
  mkdirSync(folder);
  const words = [root, folder].map((word) => JSON.stringify(word)).join(", ");
  const run = spawnSync(
    node,
    ["--eval", `import(${JSON.stringify(files)}).then((all) => all.keepLauncherModules(${words}))`],
    options({}),
  );
  if (run.status !== 0) throw new Error(wordsOf(run));
}

/**
 * The command line runs as the person who runs this, outside every sandbox, here as later. Its overview loads every command,
 * and what commands load when they need it is loaded by itself.
 */
function fillCommandLine({ root, node, next }) {
  const main = join(root, "src", "main");
  const late = pathToFileURL(join(main, "late-powers.ts")).href;
  for (const words of [
    [join(main, "aios.ts"), "--help"],
    ["--eval", `import(${JSON.stringify(late)}).then((late) => late.loadEveryPart())`],
  ]) {
    const run = spawnSync(node, words, options({ NODE_COMPILE_CACHE: join(next, "cli") }));
    if (run.status !== 0) throw new Error(wordsOf(run));
  }
}

function options(environment) {
  return {
    cwd: "/",
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: MOST_BYTES,
    timeout: PATIENCE_MS,
  };
}

/** Why it failed: the line in which Node names the error, or else the last one. */
function wordsOf(run) {
  const lines = (run.stderr ?? "").toString().trim().split("\n");
  const said = lines.find((line) => /^[A-Za-z]*Error\b/.test(line)) ?? lines.at(-1);
  return said || String(run.error?.message ?? run.signal ?? `exit code ${run.status}`);
}

/** What the cache is made from: our code and the dependencies, where they lie, and who runs them. */
function fingerprint(root) {
  const hash = createHash("sha256");
  const field = (text) => hash.update(`${Buffer.byteLength(text)}:${text}`);
  field(JSON.stringify([root, process.arch, process.geteuid?.()]));
  field(readFileSync(join(root, "package-lock.json"), "utf8"));
  const names = readdirSync(join(root, "src"), { recursive: true })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .toSorted();
  for (const name of names) {
    field(name);
    field(readFileSync(join(root, "src", name), "utf8"));
  }
  return hash.digest("hex");
}

function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function readOrNull(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

module.exports = { fillCodeCache };
