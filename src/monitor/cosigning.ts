import { MONITOR_COSIGNER, type WitnessReply } from "../protocol/cosign-order.ts";
import { readSignatures, type NoteKey } from "../protocol/note.ts";
import type { PeerFault } from "../protocol/rpc-error.ts";
import { createPeer } from "../protocol/rpc.ts";
import { readSeenSize, writeAddCheckpoint } from "../protocol/witness.ts";
import { witnessKeys, type WitnessSet } from "../protocol/witness-set.ts";
import { findWitnesses } from "../protocol/witnessed.ts";
import type { Checkpoint, Log } from "./log/log.ts";
import type { MonitorPowers } from "./powers.ts";
import { planCosigner, type CodeLayout } from "./sandbox-plans.ts";

/** Longest that an action waits for one round of its witnesses; it waits for two at most. */
const PATIENCE_MS = 10_000;
/** How often a log that grew is taken to its witnesses when no action waits for them. */
const ROUND_MS = 60_000;

/** Takes one request to one witness. Never rejects. */
export type Submit = (at: string, text: string) => Promise<WitnessReply>;

export interface CosigningPorts {
  readonly log: Pick<Log, "size" | "checkpoint" | "consistency" | "keepCosigned">;
  readonly powers: Pick<MonitorPowers, "timer" | "crypto">;
  readonly submit: Submit;
  /** The witnesses in force. */
  witnesses(): WitnessSet;
  report(words: string): void;
}

/** The log's side of its witnesses. */
export interface Cosigning {
  /**
   * Whether a quorum has cosigned a checkpoint with this record in it, asked for when there is none yet. False when they
   * do not in time: what waits for that does not run (ERRORS-DENY).
   */
  covers(seq: number): Promise<boolean>;
  /** The witnesses in force are others now: nothing that the earlier ones cosigned counts. */
  changed(): void;
}

interface Seen {
  /** By the text of a witness's key: the size that it saw last. */
  readonly sizes: Map<string, number>;
  /** Records that a quorum of the witnesses in force has cosigned. */
  covered: number;
}

/** Makes it, and starts the rounds that need no action to wait for them. */
export function createCosigning(ports: CosigningPorts): Cosigning {
  const { log, powers } = ports;
  let seen: Seen = { sizes: new Map(), covered: 0 };
  let round: Promise<void> | null = null;

  function ask(): Promise<void> {
    round ??= askAll(ports, seen)
      .catch((error: unknown) =>
        ports.report(`witnesses were not asked: ${error instanceof Error ? error.message : "it failed"}`),
      )
      .finally(() => {
        round = null;
      });
    return round;
  }

  const tick = (): void => {
    powers.timer.after(ROUND_MS, () => {
      if (ports.witnesses().quorum > 0 && log.size > seen.covered) void ask();
      tick();
    });
  };
  tick();

  return {
    async covers(seq) {
      if (ports.witnesses().quorum === 0) return false;
      // A round under way may have begun before the record was there; the one after it has not.
      for (let tries = 0; tries < 2 && seen.covered <= seq; tries += 1) {
        if (!(await inTime(ask(), powers.timer))) break;
      }
      return seen.covered > seq;
    },
    changed() {
      seen = { sizes: new Map(), covered: 0 };
    },
  };
}

/** Whether work that never rejects ends before patience does; it goes on either way. */
function inTime(work: Promise<void>, timer: CosigningPorts["powers"]["timer"]): Promise<boolean> {
  return new Promise((done) => {
    const cancel = timer.after(PATIENCE_MS, () => done(false));
    void work.then(() => {
      cancel();
      done(true);
    });
  });
}

async function askAll(ports: CosigningPorts, seen: Seen): Promise<void> {
  const { log, powers } = ports;
  const set = ports.witnesses();
  const sha256 = (data: Uint8Array): Uint8Array => powers.crypto.sha256(data);
  const read = witnessKeys(set, sha256);
  if (read.kind === "refused") throw new Error(read.why);
  const checkpoint = await log.checkpoint();
  const lines = await Promise.all(
    set.witnesses.map(async ({ key: text, at }, place) => {
      const key = read.keys[place];
      return key === undefined ? "" : await askOne(ports, { seen, checkpoint, text, at, key });
    }),
  );
  const note = checkpoint.note + lines.join("");
  const found = findWitnesses(note, { keys: read.keys, quorum: set.quorum, since: 0 }, powers.crypto);
  if (found.kind === "refused")
    return ports.report(`the checkpoint of ${checkpoint.size} is not witnessed: ${found.why}`);
  await log.keepCosigned(note);
  seen.covered = Math.max(seen.covered, checkpoint.size);
}

/** The signature line of one witness, or nothing and a word to whoever runs the monitor. */
async function askOne(
  ports: CosigningPorts,
  asked: { seen: Seen; checkpoint: Checkpoint; text: string; at: string; key: NoteKey },
): Promise<string> {
  const { seen, checkpoint, text, at, key } = asked;
  for (let tries = 0; tries < 2; tries += 1) {
    const old = seen.sizes.get(text) ?? 0;
    const path = old === 0 ? [] : await ports.log.consistency(old, checkpoint.size);
    const reply = await ports.submit(at, writeAddCheckpoint({ old, path, note: checkpoint.note }));
    if (reply.kind === "silent") return say(`${key.name} does not answer`);
    if (reply.status === 200) {
      const line = lineOf(reply.text, { checkpoint, key, ports });
      if (line === null) return say(`${key.name} answered something that is not its cosignature`);
      seen.sizes.set(text, checkpoint.size);
      return line;
    }
    const size = reply.status === 409 ? readSeenSize(reply.text) : null;
    if (size === null || size === old) return say(`${key.name} refused (${reply.status})`);
    if (size > checkpoint.size) {
      return say(`${key.name} has seen ${size} records of this log, which has ${checkpoint.size}: it was rolled back`);
    }
    seen.sizes.set(text, size);
  }
  return say(`${key.name} changes its mind about what it saw`);

  function say(words: string): "" {
    ports.report(words);
    return "";
  }
}

/** The one line of an answer that is the witness's own, checked; others that came with it are passed over. */
function lineOf(
  answer: string,
  { checkpoint, key, ports }: { checkpoint: Checkpoint; key: NoteKey; ports: CosigningPorts },
): string | null {
  const own = readSignatures(answer)?.filter(({ name }) => name === key.name) ?? [];
  const line = own.find(({ line: each }) => {
    const found = findWitnesses(checkpoint.note + each, { keys: [key], quorum: 1, since: 0 }, ports.powers.crypto);
    return found.kind === "witnessed";
  });
  return line?.line ?? null;
}

/** Starts one process that takes requests to witnesses, with the first; another when it has ended. */
export function createSubmit(parts: {
  readonly powers: Pick<MonitorPowers, "startSandbox">;
  readonly code: CodeLayout;
  refused(fault: PeerFault): void;
}): Submit {
  const start = async () => {
    const process = await parts.powers.startSandbox(planCosigner(parts.code), "capture");
    const [channel] = process.channels;
    if (channel === undefined) throw new Error("it has no channel");
    const peer = createPeer(channel, {
      side: MONITOR_COSIGNER,
      requests: {},
      events: {},
      onFault: parts.refused,
      onError: () => {},
    });
    void peer.closed.then(() => {
      current = null;
      process.kill();
    });
    return peer;
  };
  let current: ReturnType<typeof start> | null = null;
  return async (at, text) => {
    try {
      current ??= start();
      return await (await current).request("submit", { at, text });
    } catch {
      current = null;
      return { kind: "silent" };
    }
  };
}
