import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createJournal, replay } from "../../src/monitor/journal.ts";
import type { Log } from "../../src/monitor/log/log.ts";
import type { AskShelf } from "../../src/monitor/memory/shelf-orders.ts";
import { createShelf, serveShelf, type Shelf } from "../../src/monitor/memory/shelf.ts";
import { openStore, type MemoryStore } from "../../src/monitor/memory/store.ts";
import { emptyState } from "../../src/monitor/state.ts";
import { openLogFiles } from "../../src/platform/log/log-files.ts";
import { createTimer } from "../../src/platform/timer.ts";
import { createRandom } from "../../src/platform/keys/random.ts";
import { openDatabase } from "../../src/platform/files/sqlite.ts";
import { examinerOf } from "../fakes/memory-world.ts";
import { CRYPTO, openTestLog, testKeys } from "../fakes/open-log.ts";

/**
 * Fills the small disk at argv[2] with entries of memory until one is refused, makes room, goes on until the next refusal, and
 * starts again while the disk is full, and then with room. Says as JSON what became of it.
 */
const [, , home = ""] = process.argv;
const OWN = { agent: "worker", plane: "append-only" } as const;
/** Far more than the disk has room for: whatever else goes wrong, this ends. */
const MOST = 5000;
const ballasts = ["ballast-1", "ballast-2"].map((name) => join(home, name));
for (const ballast of ballasts) writeFileSync(ballast, new Uint8Array(6 * 1024 * 1024));
const slots = join(home, "memory-slots");
mkdirSync(slots);

const acknowledged = new Map<number, string>();
let { log, store } = await start();
const refusals = [await keepUntilRefused()];
const unharmed = await everyAcknowledged();
rmSync(ballasts[0] ?? "");
const recovered = await outcome(log.recover());
const before = acknowledged.size;
refusals.push(await keepUntilRefused());
const wentOn = acknowledged.size > before;
// The process is killed here: the store is not closed in order.
await outcome(log.close());
const startedWhileFull = await outcome(start());
rmSync(ballasts[1] ?? "");
({ log, store } = await start());
const { damaged } = await store.verify();
const kept = await everyAcknowledged();
const again = await outcome(store.keep({ ...wish("once more"), ...OWN, ttl: null }));
await store.close();
await log.close();
process.stdout.write(JSON.stringify({ refusals, unharmed, recovered, wentOn, startedWhileFull, damaged, kept, again }));

async function start(): Promise<{ readonly log: Log; readonly store: MemoryStore }> {
  const opened = await openTestLog(home);
  try {
    const state = emptyState();
    await replay(opened, state, () => {});
    state.memory.setBudget(OWN.agent, { what: OWN.plane, budget: { bytes: 2 ** 40, count: MOST } });
    const now = (): number => 1_790_000_000_000;
    const random = createRandom();
    const path = join(home, "memory.db");
    const makeShelf = (): Shelf => createShelf(openDatabase(path), { crypto: CRYPTO, random, pause: async () => {} });
    const serve = serveShelf(makeShelf(), makeShelf);
    const ask: AskShelf = async (name, body) => {
      await Promise.resolve();
      return serve(name, structuredClone(body));
    };
    const journal = createJournal(opened, { state, now, onRecord: () => {} });
    const parts = {
      crypto: CRYPTO,
      random,
      log: opened,
      journal,
      shelf: ask,
      timer: createTimer(),
      now,
      mayExpire: () => true,
      examine: () => examinerOf(path),
      report: () => {},
    };
    return { log: opened, store: await openStore({ ...parts, keys: testKeys(openLogFiles(slots)) }) };
  } catch (error) {
    await outcome(opened.close());
    throw error;
  }
}

function wish(text: string): { readonly by: string; readonly instance: string; readonly text: string } & {
  readonly labels: readonly [];
  readonly sources: readonly [];
} {
  return { by: OWN.agent, instance: "i-0123456789abcdef", labels: [], sources: [], text };
}

async function keepUntilRefused(): Promise<string> {
  for (let tries = 0; tries < MOST; tries += 1) {
    const text = `${acknowledged.size} ${"x".repeat(30_000)}`;
    const keeping = store.keep({ ...wish(text), ...OWN, ttl: null });
    const refusal = await outcome(keeping);
    if (refusal !== "ok") return refusal;
    acknowledged.set(await keeping, text);
  }
  return "never";
}

/** Whether each is read word for word, or (while the disk is full) is said not to be at hand; never anything else. */
async function everyAcknowledged(): Promise<{
  readonly read: number;
  readonly missing: number;
  readonly wrong: number;
}> {
  const counted = { read: 0, missing: 0, wrong: 0 };
  for (const [entry, text] of acknowledged) {
    const found = await store.read(OWN, entry).then(
      (recalled) => (recalled.text === text ? "read" : "wrong"),
      (error: unknown) => (codeOf(error) === "memory-damaged" ? "missing" : "wrong"),
    );
    counted[found] += 1;
  }
  return counted;
}

function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(() => "ok", codeOf);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
