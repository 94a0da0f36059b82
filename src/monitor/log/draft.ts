import { canonicalize } from "../../kernel/canonical.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Crypto } from "../../platform/powers.ts";
import { asJson } from "../../protocol/as-json.ts";
import { createUtf8Scratch, decodeUtf8 } from "../../protocol/bytes.ts";
import type { LogRecord, RecordBody } from "../../protocol/record.ts";
import { openPayload, SALT_BYTES, SALT_DIGITS, sealPayload } from "../../protocol/sealed.ts";
import { MAX_LEAF_BYTES } from "../../protocol/tile.ts";
import { LogError } from "./error.ts";
import type { DrawBytes } from "./draw.ts";
import type { JournalEntry } from "./frame.ts";
import { createPool } from "./pool.ts";

/** Most bytes of a payload's text. */
export const MAX_PAYLOAD_BYTES: number = 16 * 1024 * 1024;

const scratch = createUtf8Scratch();
const keep = createPool();

/** What a record gets from its place in the log. */
export interface DraftPlace {
  readonly origin: string;
  readonly seq: number;
  readonly at: number;
  readonly start: string;
}

/**
 * Makes a record and its sealed payload ready to be written. All bytes are made here, at once: what the caller does to
 * the objects afterwards changes nothing. Throws LogError `record-too-large`, and KernelFault for what is not JSON.
 */
export function makeDraft(
  { body, payload }: { readonly body: RecordBody; readonly payload: JsonObject | null },
  options: {
    readonly place: DraftPlace;
    readonly key: Uint8Array;
    readonly crypto: Crypto;
    readonly draw: DrawBytes;
  },
): JournalEntry {
  const { place, key, crypto, draw } = options;
  const text = payload === null ? null : canonicalize(payload);
  const closed = text === null ? null : sealPayload(text, { powers: crypto, key, salt: draw(SALT_BYTES), place });
  if (closed !== null && closed.commitment.bytes > MAX_PAYLOAD_BYTES) {
    throw tooLarge(`a payload of ${closed.commitment.bytes} bytes`);
  }
  const { seq, at, start } = place;
  const record = { ...body, v: 1, seq, at, start, payload: closed?.commitment ?? null } as const;
  const leaf = keep(scratch(canonicalize(asJson(record))));
  if (leaf.length > MAX_LEAF_BYTES) throw tooLarge(`a record of ${leaf.length} bytes`);
  return { leaf, sealed: closed?.sealed ?? null };
}

/** The record of a leaf that was checked against the tree, so that it is what this log once wrote. */
export function readLeaf(leaf: Uint8Array, seq: number): LogRecord {
  const text = decodeUtf8(leaf);
  const record: unknown = text === null ? null : JSON.parse(text);
  if (typeof record !== "object" || record === null || !("seq" in record) || record.seq !== seq) {
    throw new LogError("log-damaged", `Cannot read record ${seq}: its leaf is that of another`);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is the text that makeDraft wrote, proved by the tree
  return record as LogRecord;
}

/** Where a payload is, and what opens it. */
export interface PayloadSource {
  readonly sealed: Uint8Array | null;
  readonly key: Uint8Array | null;
  readonly crypto: Crypto;
  readonly origin: string;
}

/**
 * The payload of a record; null when it has none or its key was destroyed.
 * Throws LogError `log-damaged` when the key is there and the bytes are not what the record commits to: a payload that
 * silently went missing would be state that silently went missing (ERRORS-DENY).
 */
export function readPayload(record: LogRecord, options: PayloadSource): JsonObject | null {
  const salted = readSalted(record, options);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the text of a JsonObject, proved by its digest in the record
  return salted === null ? null : (JSON.parse(salted.slice(SALT_DIGITS)) as JsonObject);
}

/** The same as salt and text, the very text whose digest the record names. */
export function readSalted(record: LogRecord, options: PayloadSource): string | null {
  const { sealed, key, crypto, origin } = options;
  if (record.payload === null || key === null) return null;
  const place = { origin, seq: record.seq };
  const bytes =
    sealed === null ? null : openPayload(sealed, { powers: crypto, key, place, commitment: record.payload });
  const text = bytes === null ? null : decodeUtf8(bytes);
  if (text === null) {
    throw new LogError("log-damaged", `Cannot open the payload of record ${record.seq}: it was changed`);
  }
  return text;
}

function tooLarge(what: string): LogError {
  return new LogError("record-too-large", `Cannot append ${what}: it is over the bound`);
}
