/**
 * How a home with a log of many records starts, proves and verifies; prints a table.
 *
 *     npm run proof:scale                     a million records, about 2 GB in the folder for temporary files
 *     npm run proof:scale -- 10000000         ten million, about 20 GB
 *     npm run proof:scale -- tree 10000000    proofs alone, from a tree of made-up leaves: 0.3 GB and no record
 *
 * Root runs it as the substrate's own user.
 */
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv, stdout } from "node:process";
import { fileURLToPath } from "node:url";
import { monitorEnvironment } from "../src/main/code-cache.ts";
import { MONITOR_FLAGS } from "../src/main/monitor-flags.ts";
import { verifyLog } from "../src/monitor/log/verify.ts";
import type { Log } from "../src/monitor/log/log.ts";
import { createCrypto } from "../src/platform/keys/crypto.ts";
import { openHome } from "../src/platform/home.ts";
import { openWaitingLogReader } from "../src/platform/log/waiting-log-reader.ts";
import { openMonitorKeys } from "../src/platform/log/monitor-keys.ts";
import { connectUnix } from "../src/platform/channels/unix-server.ts";
import { connectClient, REPO, startSubstrate, type Client } from "../test/e2e/substrate.ts";
import { readUser } from "../test/e2e/user.ts";
import { fillLog, openHomeLog } from "./big-log.ts";
import { median } from "./row.ts";
import { growTree } from "./tree.ts";

const MILLION = 1_000_000;
const GRANTS = Array.from({ length: 40 }, (_, at) => `grant-${at}`);
/** Behind the newest kept state are at most so many, unless the monitor was kept from keeping. */
const BEHIND = 4096;
/** A record of `fillLog` with its sealed payload takes at most so many bytes of the journal. */
const RECORD_BYTES = 1100;
const ROUNDS = 3;
const PROOFS = 300;
/** The longest that a monitor may take to start here, minutes. */
const LONGEST_START = 60;

const [mode = "", path = ""] = argv.slice(2);
if (mode === "verify") stdout.write(`${JSON.stringify(await verify(path))}\n`);
else if (mode === "tree") await proveTree(Number(path));
else if (process.geteuid?.() === 0) asOwnUser();
else await run(mode === "" ? MILLION : Number(mode));

async function run(records: number): Promise<void> {
  if (!Number.isSafeInteger(records) || records < 1) throw new Error("proof:scale takes a number of records");
  const aios = await startSubstrate();
  const { home } = aios;
  try {
    for (const id of GRANTS) await aios.grant({ id, agents: ["worker"], allow: ["files/read_text"] });
    aios.client.close();
    await aios.crash();

    const bare = await startOften(home);
    sayStart("start of a home with hardly a record", bare, 0);
    const began = performance.now();
    const filled = await fill(home, records);
    say("records", filled, "");
    say("written", filled / seconds(began), "/s");

    sayStart("start that folds the whole log", await startOnce(home), bare.seconds);
    sayStart("start from the kept state", await startOften(home), bare.seconds, 1);
    await fill(home, filled + BEHIND);
    const behind = await startOnce(home, (client) => look(client, filled));
    sayStart(`start with ${BEHIND} records behind it`, behind, bare.seconds, 1);
    const after = await startOften(home, () => killWhileFilling(home));
    sayStart("start after a kill while records were written", after, bare.seconds, 1);

    await proveInProcess(home);
    const verified = verifyApart(home);
    say("verified, one process", verified.size / verified.seconds, "/s");
    say("  peak memory of the verifier", verified.peak, "MiB");
  } finally {
    rmSync(dirname(home), { recursive: true, force: true });
  }
}

/** What people ask of the log of a monitor that has just started. */
async function look(client: Client, size: number): Promise<void> {
  const query = { limit: 50, instance: null, kinds: [] };
  const last = await time(() => client.request("log-show", { ...query, from: size - 50 }));
  say("aios log show, the last 50", last * 1000, "ms");
  const asked: number[] = [];
  for (let round = 0; round < PROOFS; round += 1) {
    const seq = Math.floor((size / PROOFS) * round);
    asked.push((await time(() => client.request("log-prove", { seq }))) * 1000);
  }
  say("aios log prove N, as the monitor answers, p50", median(asked), "ms");
  const found = await time(() => client.request("log-show", { ...query, from: 0, kinds: ["policy-set"] }));
  say("aios log show --kind, the first, without an index", found, "s");
  const kinds = async (): Promise<number> =>
    await time(() => client.request("log-show", { ...query, from: 0, kinds: ["policy-set"] }));
  if (found > 0.5) for (let took = found; took > found / 4;) took = await kinds();
  const again = await kinds();
  say("  and once the index is made", again * 1000, "ms");
}

/** The path of a record, read from tiles and checked against the root, with nothing of it read before. */
async function proveInProcess(home: string): Promise<void> {
  const log = await openHomeLog(home);
  await proveFrom(log);
  await log.close();
}

/** The same from the tree of a log of so many records, whose records are not there: a proof reads none. */
async function proveTree(leaves: number): Promise<void> {
  if (!Number.isSafeInteger(leaves) || leaves < 1) throw new Error("proof:scale tree takes a number of leaves");
  const began = performance.now();
  const tree = await growTree(leaves);
  try {
    say("leaves, made up", leaves, "");
    say("tree written", leaves / seconds(began), "/s");
    await proveFrom(await tree.open());
  } finally {
    tree.remove();
  }
}

async function proveFrom(log: Pick<Log, "size" | "inclusion">): Promise<void> {
  const taken: number[] = [];
  for (let round = 0; round < PROOFS; round += 1) {
    // Far from one another, so that nearly every tile is another.
    const seq = Math.floor((log.size * ((round * 0.618_034) % 1)) % log.size);
    taken.push((await time(() => log.inclusion(seq, log.size))) * 1000);
  }
  say("proof of one record, p50", median(taken), "ms", 5);
  say("  slowest", Math.max(...taken), "ms");
}

/** Leaves a journal as a crash leaves it, with at least `BEHIND` records that were acknowledged and never moved out of it. */
async function killWhileFilling(home: string): Promise<void> {
  const words = [fileURLToPath(new URL("big-log.ts", import.meta.url)), home, String(10 * MILLION), ...GRANTS];
  const writer = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "inherit"] });
  const gone = new Promise<void>((resolve) => writer.once("close", () => resolve()));
  const folder = join(home, "log", "journal");
  const before = journalBytes(folder);
  while (writer.exitCode === null && journalBytes(folder) - before < BEHIND * RECORD_BYTES) await pause();
  writer.kill("SIGKILL");
  await gone;
  say("journal left by the kill", (journalBytes(folder) - before) / 2 ** 20, "MiB");
}

function journalBytes(folder: string): number {
  return readdirSync(folder).reduce(
    (bytes, name) => bytes + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

async function fill(home: string, to: number): Promise<number> {
  const log = await openHomeLog(home);
  await fillLog(log, { to, grants: GRANTS });
  const { size } = log;
  await log.close();
  return size;
}

/** What a start took until the monitor listened; of the process its time and its memory by then. */
interface Start {
  readonly seconds: number;
  readonly processor: number;
  readonly peak: number;
}

async function startOften(home: string, before: () => Promise<void> = async () => {}): Promise<Start> {
  const starts: Start[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await before();
    starts.push(await startOnce(home));
  }
  const middle = (of: keyof Start): number => median(starts.map((start) => start[of]));
  return { seconds: middle("seconds"), processor: middle("processor"), peak: middle("peak") };
}

/** Starts the monitor until it listens, asks it, and ends it in order. */
async function startOnce(home: string, ask: (client: Client) => Promise<void> = async () => {}): Promise<Start> {
  const began = performance.now();
  const words = [...MONITOR_FLAGS, "--no-warnings", join(REPO, "src/main/aiosd.ts"), "--home", home];
  const monitor = spawn(process.execPath, words, {
    stdio: ["ignore", "ignore", "inherit"],
    env: monitorEnvironment(process.env["PATH"]),
  });
  const gone = new Promise<void>((resolve) => monitor.once("close", () => resolve()));
  const socket = join(home, "run", "aiosd.sock");
  for (;;) {
    const probe = await connectUnix(socket).catch(() => null);
    probe?.destroy();
    if (probe !== null) break;
    if (monitor.exitCode !== null || seconds(began) > LONGEST_START * 60) throw new Error("the monitor did not start");
    await pause();
  }
  const start = { seconds: seconds(began), ...usedBy(monitor.pid ?? -1) };
  const client = await connectClient(home);
  await ask(client);
  client.close();
  monitor.kill("SIGTERM");
  await gone;
  return start;
}

/** Processor time, seconds, and the most memory that a process had, MiB. */
function usedBy(pid: number): Pick<Start, "processor" | "peak"> {
  const peak = /VmHWM:\s+(?<kib>\d+)/u.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.groups?.["kib"];
  // Behind the name, which may hold anything: fields 14 and 15, in ticks of a hundredth (proc(5)).
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return { processor: (Number(fields[11]) + Number(fields[12])) / 100, peak: Number(peak) / 1024 };
}

/** In a process of its own, whose memory is that of the verifier. */
function verifyApart(home: string): { readonly size: number; readonly seconds: number; readonly peak: number } {
  const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), "verify", home], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(child.stdout) as ReturnType<typeof verifyApart>; // what the process wrote
}

async function verify(
  home: string,
): Promise<{ readonly size: number; readonly seconds: number; readonly peak: number }> {
  const keys = openMonitorKeys(openHome(home).keys);
  const began = performance.now();
  const { publicKey } = keys.logSigner;
  const reader = openWaitingLogReader(join(home, "log"));
  const verdict = await verifyLog(reader, { powers: createCrypto(), publicKey, origin: keys.logOrigin });
  if (verdict.kind !== "verified") throw new Error(`the log did not verify: ${verdict.why}`);
  return { size: verdict.size, seconds: seconds(began), peak: process.resourceUsage().maxRSS / 1024 };
}

function asOwnUser(): void {
  const { uid, gid } = readUser("aios");
  const words = [fileURLToPath(import.meta.url), ...argv.slice(2)];
  const { status } = spawnSync(process.execPath, words, { uid, gid, cwd: "/", stdio: "inherit" });
  process.exit(status ?? 1);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return seconds(began);
}

function seconds(began: number): number {
  return (performance.now() - began) / 1000;
}

/** A start, and what it took more than one without a log: that is held against the bar. */
function sayStart(
  what: string,
  { seconds: taken, processor, peak }: Start,
  bare: number,
  bar: number | null = null,
): void {
  say(what, taken, "s");
  say("  processor time of it", processor, "s");
  if (bare > 0) say("  longer than with hardly a record", Math.max(0, taken - bare), "s", bar);
  say("  peak memory of the monitor", peak, "MiB");
}

function say(what: string, value: number, unit: string, bar: number | null = null): void {
  const figure = value >= 100 ? Math.round(value).toString() : value.toFixed(2);
  const verdict = bar === null ? "" : `  ≤ ${bar} ${value <= bar ? "met" : "NOT MET"}`;
  stdout.write(`  ${what.padEnd(52)} ${figure.padStart(12)} ${unit.padEnd(4)}${verdict}\n`);
}
