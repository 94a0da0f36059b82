import type { JsonObject } from "../kernel/json.ts";
import type { DigestSum } from "../protocol/digest.ts";
import type { LogRecord } from "../protocol/record.ts";
import { createDigest, type DigestFold, type DigestPiece } from "../showing/digest.ts";
import { digestFacts } from "../showing/digest-facts.ts";
import type { Log } from "./log/log.ts";
import type { State } from "./state.ts";

/** Records of one piece. */
const PIECE = 1024;
/** Pieces that are kept; a digest that goes further back reads the log. */
const MOST_PIECES = 512;

/**
 * Digests of stretches of the log that are done, so that one of a night needs no record of it but those at its edges. They
 * are in memory only: what they say comes from sealed payloads, and must be gone when an owner has one erased.
 */
export interface DigestPieces {
  /** Takes in a record; each one once, in order. */
  add(record: LogRecord, payload: JsonObject | null): void;
  /** The payload of this record is gone. */
  forget(seq: number): void;
  /** What happened from this moment on, milliseconds since 1970 UTC. */
  since(moment: number): Promise<DigestSum>;
}

/** None yet. `state` says which agent an instance is of, and which grants are leases. */
export function createDigestPieces(log: Log, state: Pick<State, "instances" | "grants">): DigestPieces {
  const pieces = new Map<number, DigestPiece>();
  const create = (): DigestFold => createDigest((instance) => state.instances.get(instance)?.agent ?? null);
  let open: { readonly number: number; readonly fold: DigestFold; next: number } | null = null;

  function keep(number: number, piece: DigestPiece): void {
    pieces.set(number, piece);
    const [oldest] = pieces.keys();
    if (pieces.size > MOST_PIECES && oldest !== undefined) pieces.delete(oldest);
  }

  function forget(seq: number): void {
    const number = Math.floor(seq / PIECE);
    pieces.delete(number);
    if (open?.number === number) open = null;
  }

  async function read(fold: DigestFold, { from, to }: { readonly from: number; readonly to: number }): Promise<void> {
    for await (const { record, payload } of log.entries(from, to)) fold.add(record, digestFacts(record, payload));
  }

  /** Number of the first record of this moment or later. Records are in the order of their time, so it is found by halving. */
  async function firstSince(moment: number): Promise<number> {
    let [low, high] = [0, log.size];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      let at = Infinity;
      for await (const { record } of log.records(middle, middle + 1)) at = record.at;
      if (at < moment) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    add(record, payload) {
      const { seq } = record;
      if (record.kind === "payload-erased") forget(record.record);
      if (seq % PIECE === 0) open = { number: seq / PIECE, fold: create(), next: seq };
      // A piece that was not seen from its beginning, or with a gap, is read from the log when it is asked for.
      if (open?.next !== seq) {
        open = null;
        return;
      }
      open.fold.add(record, digestFacts(record, payload));
      open.next += 1;
      if (open.next % PIECE !== 0) return;
      keep(open.number, open.fold.piece());
      open = null;
    },
    forget,
    async since(moment) {
      const fold = create();
      const to = log.size;
      for (let at = await firstSince(moment); at < to;) {
        const number = Math.floor(at / PIECE);
        const end = Math.min((number + 1) * PIECE, to);
        const whole = at % PIECE === 0 && end === (number + 1) * PIECE;
        const piece = whole ? pieces.get(number) : undefined;
        if (piece !== undefined) fold.take(piece);
        else if (whole) {
          const fresh = create();
          await read(fresh, { from: at, to: end });
          keep(number, fresh.piece());
          fold.take(fresh.piece());
        } else await read(fold, { from: at, to: end });
        at = end;
      }
      return fold.sum((grant) => state.grants.get(grant)?.grant.lease === true);
    },
  };
}
