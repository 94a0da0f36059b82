import { execFile } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { LogRecord } from "../../src/protocol/record.ts";
import { scriptSource } from "../e2e/sources.ts";
import { startSubstrate } from "../e2e/substrate.ts";
import { readUser } from "../e2e/user.ts";
import { COMMAND } from "../fakes/command.ts";
import { telemetryPids, use } from "../telemetry/stage.ts";
import { makeOwnDisk, type OwnDisk } from "./own-disk.ts";

/*
 * One agent works while the disk of its monitor's log is filled, moved away, slow, still and at last faulty. Run in a mount
 * namespace of its own: disk-faults.ts FOLDER OUTER, with the name of the namespace it left. Says as JSON what it saw.
 */
const [, , folder = "", outer = ""] = process.argv;
/** Milliseconds; a busy machine needs a part of them, and nothing here is measured. */
const PATIENCE = 60_000;
const disk = makeOwnDisk(folder, outer);
const user = process.geteuid?.() === 0 ? readUser("aios") : null;
if (user !== null) chownSync(disk.path, user.uid, user.gid);
/** An ordinary user may mount here; what is started has no such right, as everywhere else. */
const under = user === null ? ["setpriv", "--inh-caps=-all", "--ambient-caps=-all"] : [];
const aios = await startSubstrate({ disk: disk.path, under });
const result: Record<string, unknown> = { kind: disk.kind };
/** The log's, later on. */
let own: OwnDisk | null = null;
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

/** Once no sandbox has it in use any more: they end with their monitor, in their time. */
async function takeOutDisk(which: OwnDisk = disk): Promise<void> {
  for (const end = Date.now() + PATIENCE; !which.takeOut(); await pause())
    if (Date.now() > end) throw new Error("the disk is in use still");
}

try {
  const seen: LogRecord[] = [];
  aios.client.onRecord(({ record }) => seen.push(record));
  await aios.client.request("watch", { instance: null });
  await aios.grant({
    id: "notes",
    agents: ["worker"],
    drivers: {
      notes: {
        source: scriptSource("test/fakes/notes-server.ts", { args: ["/workspace/effects.txt"], workspace: "write" }),
        tools: { add: { risk: "stage", fields: { text: "string" } } },
      },
    },
    allow: ["notes/add"],
  });

  /** What the server did, by the first word of each text. */
  function effects(): readonly string[] {
    const path = join(aios.workspace, "effects.txt");
    return existsSync(path)
      ? [...readFileSync(path, "utf8").matchAll(/"text":"([\w-]+)/gu)].map(([, word]) => word ?? "")
      : [];
  }

  const count = (wanted: LogRecord["kind"]): number => seen.filter(({ kind }) => kind === wanted).length;

  async function until<T>(what: string, look: () => Promise<T | null> | T | null): Promise<T> {
    for (const end = Date.now() + PATIENCE; Date.now() < end;) {
      const found = await look();
      if (found !== null) return found;
      await pause();
    }
    throw new Error(`${what} did not come: ${effects().join()} ${aios.errors()}`);
  }

  const done = (word: string): Promise<true> => until(word, () => (effects().includes(word) ? true : null));
  const standing = (): Promise<string> =>
    until("a freeze", async () => {
      const { instances } = await aios.client.request("ps", { all: true });
      const worker = instances.find(({ agent, state }) => agent === "worker" && state === "frozen");
      return worker === undefined ? null : (worker.why ?? "");
    });

  function command(...words: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
    const [program, ...rest] = [...under, COMMAND, ...words, "--home", aios.home];
    return promisify(execFile)(program, rest, { timeout: PATIENCE }).catch(
      (error: { readonly stdout: string; readonly stderr: string }) => error,
    );
  }

  /** What `aios doctor` says of the disk. */
  async function doctor(): Promise<string> {
    const { stdout } = await command("doctor", "--json");
    if (stdout === "") return "nothing";
    const { checks } = JSON.parse(stdout);
    return checks.find(({ name }: { name: string }) => name === "disk")?.found ?? "nothing";
  }

  /** What `aios doctor` says to type for the disk. */
  async function advice(): Promise<string> {
    const { checks } = JSON.parse((await command("doctor", "--json")).stdout);
    return checks.find(({ name }: { name: string }) => name === "disk")?.hint ?? "nothing";
  }

  /** The code of the log's state, as `aios ps` has it. */
  async function logState(): Promise<string | null> {
    return (await aios.client.request("ps", { all: false })).log?.code ?? null;
  }

  async function verify(): Promise<string> {
    const { stdout } = await command("log", "verify");
    return stdout;
  }

  /** Longer than what the log's journal has ahead. */
  const LONG = "x".repeat(300 * 1024);
  const add = (text: string): object => ({ method: "tools/call", params: { name: "notes__add", arguments: { text } } });
  const plan = [
    [add("begin")],
    [add(`full ${LONG}`), add("after-full")],
    [add("moved"), add("after-moved")],
    [add("slow-1"), add("slow-2"), add("slow-3")],
    [add("stalled")],
  ].flatMap((part, at) => (at === 0 ? part : [{ until: at }, ...part]));
  const running = aios.follow("worker", [...plan, { until: 5 }, add("faulty")], { workspace: aios.workspace });
  running.catch(() => null);

  await done("begin");
  disk.fill();
  aios.release("worker");
  result["full"] = { why: await standing(), effects: effects(), doctor: await doctor(), log: await logState() };
  disk.empty();
  await done("after-full");

  renameSync(aios.home, `${aios.home}-away`);
  aios.release("worker");
  result["moved"] = { why: await standing(), effects: effects().at(-1), log: await logState() };
  renameSync(`${aios.home}-away`, aios.home);
  await done("after-moved");
  if (disk.kind === "ext4") {
    const slow = await disk.slow();
    aios.release("worker");
    const pace = await until("a slow log", async () => {
      const found = await aios.client.request("log-pace", {});
      return found.slow ? found : null;
    });
    await done("slow-3");
    await slow.end();
    result["slow"] = { slow: pace.slow };

    const stalled = await disk.stall();
    aios.release("worker");
    result["stalled"] = { doctor: await doctor(), still: stalled.holds(), effects: effects().at(-1) };
    await stalled.end();
    await done("stalled");

    await until("the last outcome", () => (count("outcome") === count("intent") ? true : null));
    disk.fail();
    aios.release("worker");
    result["faulty"] = { why: await standing(), effects: effects().at(-1), doctor: await doctor() };
    // With the whole home on it a monitor has to end before Linux gives the disk back: doctor says so, and it does end.
    const over = aios.ended();
    result["stopped"] = [(await command("serve", "--stop")).stdout, await advice()];
    await over;
    await takeOutDisk();
    disk.mend();
    await aios.restart();
  } else {
    await aios.client.request("kill", { instance: null });
  }
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 1000, instance: null, kinds: [] });
  const records = entries.map(({ record }) => record);
  result["lost"] = seen.filter(
    (record) => !records.some(({ seq, kind }) => seq === record.seq && kind === record.kind),
  ).length;
  const intents = records.flatMap((record) => (record.kind === "intent" ? [record.seq] : []));
  result["open"] = intents.filter(
    (seq) => !records.some((record) => record.kind === "outcome" && record.intent === seq),
  ).length;
  result["turns"] = records.flatMap((record) =>
    record.kind === "instance-frozen" ? [record.code] : record.kind === "instance-resumed" ? [record.kind] : [],
  );
  result["effects"] = effects();
  result["done"] = records.filter((record) => record.kind === "outcome" && record.result === "ok").length;
  result["verify"] = await verify();

  const [log, aside] = [join(aios.home, "log"), join(folder, "log-aside")];
  const copy = (from: string, to: string): Promise<unknown> => promisify(execFile)("cp", ["-a", `${from}/.`, to]);
  mkdirSync(aside);
  await copy(log, aside);
  const over = aios.ended();
  rmSync(log, { recursive: true });
  await over;
  result["removed"] = (await command("ps")).stderr;

  if (disk.kind === "ext4") {
    // Put back, on a disk of its own.
    mkdirSync(join(folder, "own"));
    own = makeOwnDisk(join(folder, "own"), outer, log);
    if (own.kind !== "ext4") throw new Error("there was a loop device for one disk and none for another");
    rmdirSync(join(log, "lost+found"));
    await copy(aside, log);
    if (user !== null) chownSync(log, user.uid, user.gid);
    chmodSync(log, 0o700);
    await aios.restart();
    await use(aios, { siem: { file: { bytes: 1_000_000, keep: 2 }, to: null } });
    const again = [add("own-begin"), { until: 1 }, add("own-faulty"), add("own-after")];
    aios.follow("worker", again, { workspace: aios.workspace }).catch(() => null);
    await done("own-begin");
    // Idle first: nobody asks for anything that is recorded, and the disk can be taken out all the same.
    own.fail();
    await until("a read-only log", async () => ((await logState()) === "log-read-only" ? true : null));
    result["adviceOwn"] = await advice();
    await takeOutDisk(own);
    own.mend();
    await until("a log that works", async () => ((await logState()) === null ? true : null));
    const telemetry = await until("telemetry", () => telemetryPids(aios).at(0) ?? null);
    own.fail();
    aios.release("worker");
    const why = await standing();
    await takeOutDisk(own);
    result["own"] = { why, still: await standing(), made: existsSync(join(log, "journal")), effects: effects().at(-1) };
    // In its place comes the log as it was before this disk: it has fewer records.
    const states = new Set<string | null>();
    const state = (wanted: string): Promise<true> =>
      until(`the state ${wanted}`, async () => (states.add(await logState()).has(wanted) ? true : null));
    await state("log-away");
    await copy(aside, log);
    await state("log-shrunk");
    result["fewer"] = { log: await logState(), ps: (await command("ps")).stdout.split("\n")[0] };
    for (const name of readdirSync(log)) rmSync(join(log, name), { recursive: true });
    own.mend();
    await done("own-after");
    result["state"] = await logState();
    await until("telemetry again", () => telemetryPids(aios).find((pid) => pid !== telemetry) ?? null);
    const { entries: all } = await aios.client.request("log-show", { from: 0, limit: 1000, instance: null, kinds: [] });
    result["kept"] = entries.every(({ record }, at) => JSON.stringify(record) === JSON.stringify(all[at]?.record));
    await aios.client.request("kill", { instance: null });
    result["verifyOwn"] = await verify();
  }
} finally {
  await aios.stop();
  if (own !== null) await takeOutDisk(own);
  // Whoever removes the folder of a mount that is in use elsewhere may leave its loop device behind.
  await takeOutDisk();
}
process.stdout.write(JSON.stringify(result));
