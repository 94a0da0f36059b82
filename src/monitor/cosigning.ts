import { MONITOR_COSIGNER, type WitnessReply } from "../protocol/cosign-order.ts";
import { parseCheckpoint, splitNote, type NoteKey } from "../protocol/note.ts";
import type { PeerFault } from "../protocol/rpc-error.ts";
import { createPeer } from "../protocol/rpc.ts";
import {
  GRAVE,
  isGrave,
  type WitnessesView,
  type WitnessTrouble,
  type WitnessView,
} from "../protocol/witness-standing.ts";
import { witnessKeys, type WitnessSet } from "../protocol/witness-set.ts";
import { findWitnesses } from "../protocol/witnessed.ts";
import { describeTrouble } from "../showing/describe-witness.ts";
import { askWitness } from "./ask-witness.ts";
import type { Journal } from "./journal.ts";
import type { Log } from "./log/log.ts";
import type { MonitorPowers } from "./powers.ts";
import { planCosigner, type CodeLayout } from "./sandbox-plans.ts";
import type { FoundByWitness } from "./state.ts";

/** Longest that an action waits for one round of its witnesses; it waits for two at most. */
const PATIENCE_MS = 10_000;
/** How often a log that grew is taken to its witnesses when no action waits for them. */
const ROUND_MS = 60_000;
/** And how soon after a start: a log that was put back as it once was is found then, or when something waits for it. */
const FIRST_MS = 5000;

/** Takes one request to one witness. Never rejects. */
export type Submit = (at: string, text: string) => Promise<WitnessReply>;

export interface CosigningPorts {
  readonly log: Pick<Log, "size" | "checkpoint" | "consistency" | "cosigned" | "keepCosigned">;
  readonly journal: Pick<Journal, "write">;
  readonly powers: Pick<MonitorPowers, "timer" | "crypto">;
  readonly submit: Submit;
  /** The witnesses in force. */
  witnesses(): WitnessSet;
  /** By name, what each is on record with: a start forgets nothing of it. */
  witnessed(): ReadonlyMap<string, FoundByWitness>;
  now(): number;
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
  /** How they stand. */
  standing(): Promise<WitnessesView>;
}

/** What is known of the witnesses in force, by the texts of their keys. */
interface Seen {
  /** The size that each saw last. */
  readonly sizes: Map<string, number>;
  /** The size that each cosigned last. */
  readonly cosigned: Map<string, number>;
  readonly troubles: Map<string, NonNullable<WitnessView["trouble"]>>;
  /** What of it is on record. */
  readonly recorded: Set<string>;
  /** Records that a quorum of the witnesses in force has cosigned. */
  covered: number;
}

function seeNothing(): Seen {
  return { sizes: new Map(), cosigned: new Map(), troubles: new Map(), recorded: new Set(), covered: 0 };
}

/** Makes it, and starts the rounds that need no action to wait for them. */
export function createCosigning(ports: CosigningPorts): Cosigning {
  const { log, powers } = ports;
  let seen = seeNothing();
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

  const tick = (ms: number): void => {
    powers.timer.after(ms, () => {
      if (ports.witnesses().quorum > 0 && log.size > seen.covered) void ask();
      tick(ROUND_MS);
    });
  };
  tick(FIRST_MS);

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
      seen = seeNothing();
    },
    standing: () => view(ports, seen),
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
  const keys = keysOf(set, powers);
  const checkpoint = await log.checkpoint();
  const lines = await Promise.all(
    set.witnesses.map(async ({ key: text, at }, place) => {
      const key = keys[place];
      if (key === undefined) return "";
      const asked = await askWitness(ports, { sizes: seen.sizes, checkpoint, text, at, key });
      if (asked.kind === "cosigned") {
        seen.cosigned.set(text, checkpoint.size);
        seen.troubles.delete(text);
        // What it finds from now on is found anew: only a record of it outlives this process.
        for (const code of GRAVE) seen.recorded.delete(`${code} ${text}`);
        return asked.line;
      }
      noteTrouble(ports, { seen, text, name: key.name, trouble: asked.trouble });
      return "";
    }),
  );
  const note = checkpoint.note + lines.join("");
  const found = findWitnesses(note, { keys, quorum: set.quorum, since: 0 }, powers.crypto);
  if (found.kind === "refused")
    return ports.report(`the checkpoint of ${checkpoint.size} is not witnessed: ${found.why}`);
  await log.keepCosigned(note);
  seen.covered = Math.max(seen.covered, checkpoint.size);
}

/** Keeps it for whoever asks; a log that is not the one that others have seen is recorded, once for each way of that. */
function noteTrouble(
  ports: CosigningPorts,
  { seen, text, name, trouble }: { seen: Seen; text: string; name: string; trouble: WitnessTrouble },
): void {
  // One that does not answer, or answers otherwise, has not taken back what it said of the log.
  const before = seen.troubles.get(text);
  if (before === undefined || !isGrave(before.code) || isGrave(trouble.code))
    seen.troubles.set(text, { ...trouble, at: ports.now() });
  ports.report(`${name} ${describeTrouble(trouble)}`);
  const { code, size } = trouble;
  const once = `${code} ${text}`;
  if (!isGrave(code) || seen.recorded.has(once)) return;
  seen.recorded.add(once);
  const body = { kind: "witness-refused", witness: name, code, size, seen: trouble.seen ?? 0 } as const;
  // A log that cannot be written says so itself; it is tried again with the next round.
  void ports.journal.write(body).catch(() => void seen.recorded.delete(once));
}

function keysOf(set: WitnessSet, powers: CosigningPorts["powers"]): readonly NoteKey[] {
  const read = witnessKeys(set, (data) => powers.crypto.sha256(data));
  if (read.kind === "refused") throw new Error(read.why);
  return read.keys;
}

/** How each witness stands: what it cosigned since the start, or before it, as the checkpoint that is kept shows. */
async function view(ports: CosigningPorts, seen: Seen): Promise<WitnessesView> {
  const { log, powers } = ports;
  const set = ports.witnesses();
  const keys = keysOf(set, powers);
  const kept = (await log.cosigned()) ?? "";
  const size = parseCheckpoint(splitNote(kept)?.text ?? "")?.size ?? null;
  const signed = (key: NoteKey): boolean =>
    findWitnesses(kept, { keys: [key], quorum: 1, since: 0 }, powers.crypto).kind === "witnessed";
  return {
    quorum: set.quorum,
    before: set.before,
    size: log.size,
    witnesses: set.witnesses.map(({ key: text, at }, place) => {
      const key = keys[place];
      const before = size !== null && key !== undefined && signed(key) ? size : null;
      return {
        name: key?.name ?? "",
        at,
        size: seen.cosigned.get(text) ?? before,
        trouble: troubleOf(ports.witnessed().get(key?.name ?? ""), {
          trouble: seen.troubles.get(text) ?? null,
          cosigned: seen.cosigned.get(text) ?? before,
        }),
      };
    }),
  };
}

/** What a witness is on record with stands until it cosigns again, or finds something as grave. */
function troubleOf(
  onRecord: FoundByWitness | undefined,
  { trouble, cosigned }: { readonly trouble: WitnessView["trouble"]; readonly cosigned: number | null },
): WitnessView["trouble"] {
  if (onRecord === undefined || (cosigned ?? 0) > onRecord.record) return trouble;
  if (trouble !== null && isGrave(trouble.code)) return trouble;
  const { code, size, seen, at } = onRecord;
  return { code, size, seen, status: null, at };
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
