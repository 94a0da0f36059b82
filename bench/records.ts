import { constants } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClock } from "../src/platform/clock.ts";
import { openLogFiles } from "../src/platform/log/log-files.ts";
import { createRandom } from "../src/platform/keys/random.ts";
import { createSigner } from "../src/platform/keys/signer.ts";
import { createTimer } from "../src/platform/timer.ts";
import type { RecordBody } from "../src/protocol/record.ts";
import type { Log } from "../src/monitor/log/log.ts";
import { openLog } from "../src/monitor/log/open.ts";
import { createMonitorCrypto } from "./monitor-crypto.ts";
import type { Row } from "./row.ts";

const GROUP = 100;
const GROUPS = 300;
const ALONE = 400;
/** DESIGN 11: records a second in groups of 100; one alone against a bare append and fdatasync. */
const PER_SECOND = 20_000;
const ALONE_RATIO = 1.5;
const PROOFS = 200;

/** An intent as the pipeline writes it: about 600 bytes, with 300 bytes of payload. */
export const INTENT: RecordBody = {
  kind: "intent",
  instance: "i-0123456789abcdef",
  agent: "demo",
  ancestry: [],
  action: `sha256:${"c".repeat(64)}`,
  what: "files/read",
  risk: "observe",
  labels: ["private"],
  policy: `sha256:${"d".repeat(64)}`,
  by: { kind: "grant", grants: ["g1"] },
  pin: `sha256:${"e".repeat(64)}`,
};
export const PAYLOAD = { text: "z".repeat(285) };

/** Measures durable records: groups, one alone against the bare disk in the same run, and proofs at two sizes. */
export async function run(): Promise<readonly Row[]> {
  const home = await mkdtemp(join(tmpdir(), "aios-bench-"));
  try {
    const log = await openBenchLog(home);
    await appendGroups(log, GROUPS / 3);
    const small = await proofTime(log);
    const started = performance.now();
    const used = process.cpuUsage();
    await appendGroups(log, GROUPS);
    const seconds = (performance.now() - started) / 1000;
    const cpu = process.cpuUsage(used);
    const perSecond = (GROUP * GROUPS) / seconds;
    const limit = sealAndHash();
    const { alone, bare } = await aloneAgainstBare(log, home);
    const large = await proofTime(log);
    const size = log.size;
    await log.close();
    return [
      {
        what: `durable records, sealed, groups of ${GROUP}`,
        value: perSecond,
        unit: "/s",
        bar: `≥ ${PER_SECOND}`,
        met: perSecond >= PER_SECOND,
        note: `${((cpu.user + cpu.system) / (GROUP * GROUPS)).toFixed(1)} µs of processor time a record`,
      },
      {
        what: "sealing and hashing alone, one core",
        value: limit,
        unit: "/s",
        bar: "",
        met: null,
        note: "per record one seal of 330 bytes, a hash of it, of the leaf and of a node; same run",
      },
      { what: "bare append of 512 bytes and fdatasync, p50", value: bare, unit: "ms", bar: "", met: null, note: "" },
      { what: "one durable record alone, p50", value: alone, unit: "ms", bar: "", met: null, note: "" },
      {
        what: "one alone against the bare append",
        value: alone / bare,
        unit: "×",
        bar: `≤ ${ALONE_RATIO}`,
        met: alone / bare <= ALONE_RATIO,
        note: "taken in turns; both through the thread pool, as nothing here may block",
      },
      {
        what: `inclusion proof, p50, log of ${size}`,
        value: large,
        unit: "ms",
        bar: "O(log n)",
        met: large <= 4 * Math.max(small, 0.5),
        note: `${small.toFixed(2)} ms in a log of ${(GROUP * GROUPS) / 3}`,
      },
    ];
  } finally {
    await rm(home, { recursive: true });
  }
}

/** Opens a log in a folder with everything real. */
export function openBenchLog(home: string): Promise<Log> {
  const epochKey = new Uint8Array(32).fill(1);
  return openLog({
    files: openLogFiles(join(home, "log")),
    keys: {
      epoch: 1,
      key: () => epochKey,
      advance: () => 1,
      async retire() {},
      files: openLogFiles(join(home, "keys")),
    },
    crypto: createMonitorCrypto(),
    random: createRandom(),
    clock: createClock(),
    timer: createTimer(),
    signer: createSigner(new Uint8Array(32).fill(2)),
    origin: "aios.bench/log",
    start: "0".repeat(32),
  });
}

/** Appends so many groups, one after another. */
export async function appendGroups(log: Log, groups: number): Promise<void> {
  for (let group = 0; group < groups; group += 1) {
    await Promise.all(Array.from({ length: GROUP }, () => log.append(INTENT, PAYLOAD)));
  }
}

async function aloneAgainstBare(log: Log, home: string): Promise<{ alone: number; bare: number }> {
  const file = await open(join(home, "bare"), constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND);
  const bytes = new Uint8Array(512).fill(3);
  const taken = { alone: new Array<number>(), bare: new Array<number>() };
  for (let round = 0; round < ALONE; round += 1) {
    const start = performance.now();
    await file.write(bytes);
    await file.datasync();
    const between = performance.now();
    await log.append(INTENT, PAYLOAD);
    taken.bare.push(between - start);
    taken.alone.push(performance.now() - between);
  }
  await file.close();
  return { alone: median(taken.alone), bare: median(taken.bare) };
}

/** Records a second that the cryptography alone would allow, which no writer on one core can pass. */
function sealAndHash(): number {
  const crypto = createMonitorCrypto();
  const key = new Uint8Array(32).fill(4);
  const [payload, leaf, node] = [new Uint8Array(330), new Uint8Array(700), new Uint8Array(65)];
  const start = performance.now();
  for (let round = 0; round < GROUP * GROUPS; round += 1) {
    crypto.sha256(payload);
    crypto.seal(key, key.subarray(0, 12), payload, node);
    crypto.sha256(leaf);
    crypto.sha256(node);
  }
  return (GROUP * GROUPS * 1000) / (performance.now() - start);
}

async function proofTime(log: Log): Promise<number> {
  const taken: number[] = [];
  for (let round = 0; round < PROOFS; round += 1) {
    const seq = Math.floor((log.size / PROOFS) * round);
    const start = performance.now();
    await log.inclusion(seq, log.size);
    taken.push(performance.now() - start);
  }
  return median(taken);
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}
