import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyLog } from "../../src/monitor/log/verify.ts";
import { openLogReader } from "../../src/platform/log/log-reader.ts";
import { CRYPTO, foldersOf, openTestLog, ORIGIN, SIGNER, STILL } from "../fakes/open-log.ts";
import { readAll } from "../fakes/records.ts";

/** Several homes at once, since most of a crash is waiting for a process to start. */
const HOMES = 4;
/** `npm run proof:crash` kills 200 times. */
const CRASHES_EACH = Math.ceil(Number(process.env["AIOS_CRASH_POINTS"] ?? 60) / HOMES);
const PROGRAM = join(import.meta.dirname, "append-under-load.ts");

// A process that is killed leaves no compiled code behind for the next: one that ends by itself does, once.
const codeCache = mkdtempSync(join(tmpdir(), "log crash code "));
const environment = { ...process.env, NODE_COMPILE_CACHE: codeCache };
beforeAll(() => {
  execFileSync(process.execPath, [PROGRAM], { env: environment });
});
afterAll(() => {
  rmSync(codeCache, { recursive: true, force: true });
});

interface Run {
  readonly opened: number | null;
  /** What was acknowledged: number and name. */
  readonly acknowledged: ReadonlyMap<number, string>;
  readonly errors: string;
}

/** Starts the program and kills it with SIGKILL: some while it opens the log, most under load. */
async function crash(home: string, { seed, delay }: { seed: number; delay: number }): Promise<Run> {
  const child = spawn(process.execPath, [PROGRAM, home, String(seed)], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const started = new Promise<void>((resolve) => child.stdout.once("data", () => resolve()));
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  // Every tenth is killed at some time while it starts, whatever it does then.
  await (seed % 10 === 0 ? pause(60 + delay * 4) : Promise.race([started, ended]).then(() => pause(delay)));
  child.kill("SIGKILL");
  await ended;
  const lines = output.slice(0, output.lastIndexOf("\n") + 1).split("\n");
  const opened = /^open (\d+)$/.exec(lines[0] ?? "")?.[1];
  const acknowledged = new Map<number, string>();
  for (const line of lines) {
    const match = /^(\d+) (\S+)$/.exec(line);
    if (match !== null) acknowledged.set(Number(match[1]), match[2] ?? "");
  }
  return { opened: opened === undefined ? null : Number(opened), acknowledged, errors };
}

async function crashHome(number: number): Promise<{ crashes: number; acknowledged: number; atStart: number }> {
  const home = mkdtempSync(join(tmpdir(), "log crash "));
  const known = new Map<number, string>();
  let size = 0;
  let atStart = 0;
  let earlier: string | undefined;
  try {
    for (let crashes = 0; crashes < CRASHES_EACH; crashes += 1) {
      const seed = number * 1000 + crashes;
      const run = await crash(home, { seed, delay: Math.floor(Math.random() * 60) });
      expect(run.errors).toBe("");
      if (run.opened === null) atStart += 1;
      else expect(run.opened, "nothing was lost before").toBeGreaterThanOrEqual(size);
      let next = run.opened ?? size;
      for (const [seq, name] of run.acknowledged) {
        expect(seq, "numbers have no gaps and are given once").toBe(next++);
        known.set(seq, name);
      }
      // Most crashes are followed at once by another: recovering is interrupted too.
      if (crashes % 5 !== 4 && crashes !== CRASHES_EACH - 1) {
        size = Math.max(size, next);
        continue;
      }
      const log = await openTestLog(home, { timer: STILL });
      expect(log.size).toBeGreaterThanOrEqual(next);
      size = log.size;
      const entries = await readAll(log);
      expect(entries.map(({ record }) => record.seq)).toEqual(Array.from({ length: size }, (_, at) => at));
      for (const [seq, name] of known) expect(entries[seq]?.record).toMatchObject({ kind: "stop", why: name });
      for (const { record, payload } of entries) {
        if (record.payload !== null) expect(payload?.["name"]).toBe(record.kind === "stop" ? record.why : null);
      }
      await log.close();
      const verdict = await verifyLog(openLogReader(foldersOf(home).log), {
        powers: CRYPTO,
        publicKey: SIGNER.publicKey,
        origin: ORIGIN,
        ...(earlier === undefined ? {} : { earlier: [earlier] }),
      });
      expect(verdict).toMatchObject({ kind: "verified", size });
      earlier = readFileSync(join(foldersOf(home).log, "checkpoint"), "utf8");
    }
    return { crashes: CRASHES_EACH, acknowledged: known.size, atStart };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

test(
  `${HOMES * CRASHES_EACH} times killed under load, the log loses nothing that it acknowledged and starts by itself`,
  { timeout: 120_000 + HOMES * CRASHES_EACH * 1000 },
  async () => {
    const results = await Promise.all(Array.from({ length: HOMES }, (_, number) => crashHome(number + 1)));
    const total = (pick: (result: (typeof results)[number]) => number): number =>
      results.reduce((sum, one) => sum + pick(one), 0);
    expect(total(({ crashes }) => crashes)).toBe(HOMES * CRASHES_EACH);
    // The test means something only if there was work to lose and a start to interrupt.
    expect(total(({ acknowledged }) => acknowledged)).toBeGreaterThan(10 * HOMES * CRASHES_EACH);
  },
);
