import { canonicalize } from "../../kernel/canonical.ts";
import type { JsonValue } from "../../kernel/json.ts";
import type { Crypto } from "../../platform/powers.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { RecordKind } from "../../protocol/record.ts";
import type { LogKeys } from "../log/keys.ts";
import type { Log } from "../log/log.ts";
import { applyRecord } from "../reducer.ts";
import { noteMissing, requireExplained } from "../journal.ts";
import { checkSigned } from "../signed-records.ts";
import { emptyFolded, isReadAgain, type Folded } from "./folded.ts";
import { PARTS } from "./parts.ts";
import type { Part } from "./rows.ts";
import { KeptStateFault, openLines, readHead } from "./sealing.ts";

/** What keeping and taking up need of a home. */
export interface KeptPorts {
  readonly log: Pick<Log, "size" | "entries" | "rootAt">;
  readonly crypto: Crypto;
  /** The keys of payloads: what is kept ends with the epoch that they are of. */
  readonly keys: Pick<LogKeys, "epoch" | "key">;
  readonly origin: string;
}

/**
 * Of the records that a start reads, those whose effect is in the state that they alone make. The others lift or end
 * something that is kept; their signatures are checked, and what they did is in what is kept.
 */
export const MAKES: ReadonlySet<RecordKind> = new Set([
  "owner-enrolled",
  "owner-removed",
  "owner-recovered",
  "recovery-set",
  "recovery-begun",
  "recovery-stopped",
  "grant-signed",
  "grant-revoked",
  "away-begun",
  "away-ended",
  "restored",
  "policy-set",
  "secret-set",
  "secret-rotated",
  "secret-refreshed",
  "secret-bound",
  "secret-removed",
  "provider-set",
  "provider-removed",
  "witnesses-set",
  "telemetry-set",
  "second-screen-set",
  "publishers-set",
  "payload-erased",
  "retention-set",
  "home-put",
  "memory-budget-set",
  "memory-frozen",
]);

/** What is so near is read in one go: opening these in between costs less than reading and checking their bundle again. */
const NEAR = 32;
const BY_NAME: ReadonlyMap<string, Part> = new Map(Object.entries(PARTS));
const NAMES = [...BY_NAME.keys()];

/** The lines of what is to be kept. Everything folded must be explained. */
export function* linesOf(folded: Folded): Iterable<string> {
  for (const [name, part] of Object.entries(PARTS)) {
    for (const row of part.rows(folded)) yield canonicalize([name, row]);
  }
}

/**
 * What the records of a log made, up to those that were folded into these bytes. What gives authority is read from the log
 * and its signatures are checked; the rest is taken from the bytes, for which a record of the log must vouch: that is for
 * the caller. Throws KeptStateFault, and StateFault or LogError for what the log has.
 */
export async function restore(
  bytes: Uint8Array,
  ports: KeptPorts,
  pause: () => Promise<void>,
): Promise<{ readonly folded: Folded; readonly size: number }> {
  const { log, origin } = ports;
  const { size, root, ...head } = readHead(bytes);
  if (head.origin !== origin) throw new KeptStateFault("it is of another log");
  if (size > log.size) throw new KeptStateFault(`it is of ${size} records, and the log has ${log.size}`);
  if (toHex(await log.rootAt(size)) !== root) throw new KeptStateFault("it is of a log with other records");
  const folded = emptyFolded();
  let reached = 0;
  for await (const line of openLines(bytes, { ...ports, pause })) {
    const [name, row] = readLine(line);
    const at = NAMES.indexOf(name);
    if (at < reached) throw new KeptStateFault(`it has ${at < 0 ? "an unknown part" : `${name} out of order`}`);
    if (reached === 0 && at > 0) await readAuthority(folded, { ...ports, size, pause });
    reached = at;
    const why = BY_NAME.get(name)?.take(folded, row) ?? null;
    if (why !== null) throw new KeptStateFault(`of ${name}: ${why}`);
  }
  if (reached === 0) throw new KeptStateFault("it says nothing");
  return { folded, size };
}

function readLine(line: string): readonly [string, JsonValue] {
  try {
    const parsed: JsonValue = JSON.parse(line);
    if (Array.isArray(parsed) && parsed.length === 2 && canonicalize(parsed) === line) {
      const [name, row] = parsed;
      if (typeof name === "string" && row !== undefined) return [name, row];
    }
  } catch {
    // said below
  }
  throw new KeptStateFault("a line of it is none");
}

/** Reads the records that the list names and makes of them what they make, as a fold over the whole log would. */
async function readAuthority(
  { state, signed }: Folded,
  { log, crypto, size, pause }: KeptPorts & { readonly size: number; pause(): Promise<void> },
): Promise<void> {
  const last = signed.records.at(-1) ?? -1;
  if (last >= size) throw new KeptStateFault(`it names record ${last} and is of ${size}`);
  for (const wanted of nearEachOther(signed.records)) {
    const [first = 0, end = first] = [wanted[0], wanted.at(-1)];
    const numbers = new Set(wanted);
    for await (const { record, payload } of log.entries(first, end + 1)) {
      const { seq } = record;
      if (!numbers.has(seq)) continue;
      if (!isReadAgain(record.kind)) throw new KeptStateFault(`record ${seq} gives no authority`);
      checkSigned(record, { payload, state, crypto });
      noteMissing({ record, payload }, state);
      if (MAKES.has(record.kind)) applyRecord(state, { seq, at: record.at, body: record, payload, replay: true });
      signed.kinds.set(record.kind, (signed.kinds.get(record.kind) ?? 0) + 1);
      await pause();
    }
  }
  requireExplained(state);
}

/** Ascending numbers in stretches without long gaps. */
function* nearEachOther(numbers: readonly number[]): Iterable<readonly number[]> {
  let from = 0;
  for (let at = 1; at <= numbers.length; at += 1) {
    if (at < numbers.length && (numbers[at] ?? 0) - (numbers[at - 1] ?? 0) <= NEAR) continue;
    yield numbers.slice(from, at);
    from = at;
  }
}
