import { argv } from "node:process";
import { canonicalize } from "../src/kernel/canonical.ts";
import type { JsonObject } from "../src/kernel/json.ts";
import type { Log } from "../src/monitor/log/log.ts";
import { openLog } from "../src/monitor/log/open.ts";
import { createClock } from "../src/platform/clock.ts";
import { openHome } from "../src/platform/home.ts";
import { openLogFiles } from "../src/platform/log/log-files.ts";
import { openMonitorKeys } from "../src/platform/log/monitor-keys.ts";
import { createRandom } from "../src/platform/keys/random.ts";
import { createTimer } from "../src/platform/timer.ts";
import type { ActionBase, RecordBody } from "../src/protocol/record.ts";
import { createMonitorCrypto } from "./monitor-crypto.ts";

const crypto = createMonitorCrypto();
const SHA = `sha256:${"d".repeat(64)}`;
const GROUP = 256;
/** Actions of one instance, and how often of these somebody was asked, a file was read that gives a label, or a text was kept. */
const PER_INSTANCE = 400;
const [ASKED, LABELLED, KEPT] = [50, 100, 40];
const INSTANCES = 64;

/** Opens the log of a home as its monitor does; no monitor may run. */
export function openHomeLog(path: string): Promise<Log> {
  const home = openHome(path);
  const keys = openMonitorKeys(home.keys);
  return openLog({
    files: openLogFiles(home.log),
    keys: Object.assign(keys.payloads, { files: keys.slots }),
    crypto,
    random: createRandom(),
    clock: createClock(),
    timer: createTimer(),
    signer: keys.logSigner,
    origin: keys.logOrigin,
    start: "0".repeat(32),
  });
}

/**
 * Writes records as a monitor writes them whose agents call tools: instances, intents with the text of their action, outcomes
 * with their result, questions with answers, labels. In groups, so that neither time nor memory grows with the number.
 * @param to the size that the log is to have.
 */
export async function fillLog(log: Log, { to, grants }: { to: number; grants: readonly string[] }): Promise<void> {
  let waiting: Promise<number>[] = [];
  const flush = async (): Promise<void> => {
    await Promise.all(waiting);
    waiting = [];
  };
  for (const [body, payload] of records(log.size, grants)) {
    if (log.size + waiting.length >= to) break;
    waiting.push(log.append(body, payload));
    if (waiting.length >= GROUP) await flush();
  }
  await flush();
}

type Written = readonly [RecordBody, JsonObject | null];

function* records(first: number, grants: readonly string[]): Generator<Written> {
  let seq = first;
  let open: { readonly seq: number; readonly base: ActionBase } | null = null;
  const give = (body: RecordBody, payload: JsonObject | null = null): Written => {
    seq += 1;
    return [body, payload];
  };
  for (let call = 0; ; call += 1) {
    const instance = `i-${(Math.floor(call / PER_INSTANCE) % INSTANCES).toString(16).padStart(16, "0")}`;
    const agent = "worker";
    if (call % PER_INSTANCE === 0) {
      yield give({ kind: "instance-started", instance, agent, ancestry: [] }, STARTED);
    }
    const request = call.toString(16).padStart(32, "0");
    const text = canonicalize({
      v: 1,
      request,
      agent,
      instance,
      verb: "call",
      driver: "files",
      name: "read_text",
      arguments: { path: `/work/project/src/part-${call % 977}/file-${call % 31}.ts`, head: 200 },
    });
    const action = crypto.digest(text);
    const base: ActionBase = {
      instance,
      agent,
      ancestry: [],
      action,
      what: "files/read_text",
      risk: "observe",
      labels: ["private"],
      policy: SHA,
    };
    const grant = grants[call % grants.length] ?? "";
    if (call % LABELLED === 1) yield give({ kind: "labelled", instance, labels: ["private"], because: base.what });
    if (call % ASKED === 0) {
      const expires = 4_000_000_000_000;
      yield give({ kind: "held", reasons: ["reserved"], expires, ...base }, { request, action: text });
      const by = { kind: "owner", key: "ed25519:0123456789abcdef" } as const;
      yield give({ kind: "approved", by, statement: SHA, ...base });
    }
    if (call % KEPT === 3) {
      yield give({ kind: "programs-started", instance, agent, count: 1 }, { programs: [] });
    }
    open = { seq, base };
    const payload = { action: text, grants: [grant], bytes: 64 };
    yield give({ kind: "intent", by: { kind: "grant", grants: [grant] }, pin: SHA, ...base }, payload);
    const rest = { code: null, digest: action, bytes: 300, micros: 812 };
    yield give({ kind: "outcome", intent: open.seq, result: "ok", ...rest, ...base }, RESULT);
    if (call % PER_INSTANCE === PER_INSTANCE - 1) {
      yield give({ kind: "instance-ended", instance, why: "exited", exit: 0 });
    }
  }
}

const STARTED: JsonObject = {
  command: ["/usr/bin/agent", "--task"],
  environment: {},
  code: [],
  workspace: "/work/project",
  strict: false,
  holdAt: [],
  holdSeconds: 300,
  words: ["find out why the build fails and mend it"],
};
const RESULT: JsonObject = { result: canonicalize({ content: [{ type: "text", text: "x".repeat(220) }] }) };

// `node bench/big-log.ts HOME SIZE GRANT...`, for a home that belongs to another user.
if (import.meta.main) {
  const [home = "", to = "", ...grants] = argv.slice(2);
  const log = await openHomeLog(home);
  await fillLog(log, { to: Number(to), grants });
  await log.close();
}
