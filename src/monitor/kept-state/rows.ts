import { STAGES } from "../../kernel/codes.ts";
import type { Usage } from "../../kernel/decision.ts";
import type { Spent } from "../../kernel/infer.ts";
import type { JsonValue } from "../../kernel/json.ts";
import { PLANES, type PlaneOf } from "../../kernel/memory.ts";
import type { MemoryImport } from "../../kernel/memory-imports.ts";
import { QUARANTINES, type Quarantine } from "../../kernel/memory-quarantine.ts";
import { asJson } from "../../protocol/as-json.ts";
import {
  boolean,
  decode,
  integer,
  list,
  literal,
  names,
  nullable,
  number,
  object,
  oneOf,
  text,
  union,
  type Decoder,
} from "../../protocol/decode.ts";
import {
  agentName,
  ancestry,
  count,
  digest,
  grantId,
  instanceId,
  labels,
  moment,
  nonce,
  ownerKey,
  reasonCode,
  risk,
  stage,
  visibleLine,
  words,
} from "../../protocol/fields.ts";
import { ERASABLE } from "../../protocol/retention.ts";
import { EXTENSION_KINDS, extensionName } from "../../protocol/extension.ts";
import { PROVENANCE, type Provenance } from "../../protocol/provenance.ts";
import { GRAVE } from "../../protocol/witness-standing.ts";
import { PUBLICATION, type Publication } from "../../protocol/publisher.ts";
import type {
  ExtensionState,
  FoundByWitness,
  HeldState,
  InstanceState,
  OpenIntent,
  QuarantinedPin,
  State,
} from "../state.ts";
import type { Folded } from "./folded.ts";

/** One part of what is kept: as rows, each a line of its own, and back. */
export interface Part {
  rows(folded: Folded): Iterable<JsonValue>;
  /** Takes one row in; gives why it cannot be, or null. */
  take(folded: Folded, row: JsonValue): string | null;
}

/** A part whose rows are read by this decoder. */
export function part<T extends object>(
  row: Decoder<T>,
  { rows, take }: { rows(folded: Folded): Iterable<T>; take(folded: Folded, row: T): string | null },
): Part {
  return {
    *rows(folded) {
      for (const each of rows(folded)) yield asJson(each);
    },
    take(folded, value) {
      const decoded = decode(row, value);
      return decoded.kind === "ok" ? take(folded, decoded.value) : `${decoded.path} ${decoded.message}`;
    },
  };
}

/** Numbers of one row. */
const MOST_NUMBERS = 1024;
const MOST = Number.MAX_SAFE_INTEGER;
const longText = text({ max: 16_777_216 });
const numbers: Decoder<readonly number[]> = list(count, { max: MOST_NUMBERS, min: 1 });

/** Numbers in rows of a bounded length. */
export function* inRows(all: readonly number[]): Iterable<readonly number[]> {
  for (let from = 0; from < all.length; from += MOST_NUMBERS) yield all.slice(from, from + MOST_NUMBERS);
}

/** Numbers of records or entries. */
export interface NumbersRow {
  readonly numbers: readonly number[];
}
export const NUMBERS: Decoder<NumbersRow> = object<NumbersRow>({ numbers });

/** What was erased by rule. */
export type ExpiredRow =
  | { readonly what: "next"; readonly kind: string; readonly next: number }
  | { readonly what: "passed"; readonly numbers: readonly number[] }
  | { readonly what: "unsettled"; readonly numbers: readonly number[] };
type ExpiredOf<W extends ExpiredRow["what"]> = Extract<ExpiredRow, { readonly what: W }>;
export const EXPIRED: Decoder<ExpiredRow> = union<ExpiredRow, "what">("what", {
  next: object<ExpiredOf<"next">>({ what: literal("next"), kind: oneOf(ERASABLE), next: count }),
  passed: object<ExpiredOf<"passed">>({ what: literal("passed"), numbers }),
  unsettled: object<ExpiredOf<"unsettled">>({ what: literal("unsettled"), numbers }),
});

/** One moment. */
export const AT: Decoder<{ readonly at: number }> = object<{ readonly at: number }>({ at: moment });

export interface UsageRow extends Omit<Usage, "spent" | "windows"> {
  readonly grant: string;
  readonly windows: Usage["windows"] | null;
  readonly spent: Spent | null;
}
/** What an estimate took too much may be given back twice, where a payload is gone: below nothing, as the fold has it. */
const spent = integer({ min: -MOST, max: MOST });
export const USAGE: Decoder<UsageRow> = object<UsageRow>({
  grant: grantId,
  uses: count,
  bytes: count,
  recent: list(moment, { max: 1_000_000 }),
  windows: nullable(
    list(
      object<NonNullable<Usage["windows"]>[number]>({
        window: count,
        day: integer({ min: -MOST, max: MOST }),
        uses: count,
      }),
      {
        max: 1024,
      },
    ),
  ),
  spent: nullable(object<Spent>({ input: spent, output: spent, cost: spent })),
});

/** The sign count of a passkey. */
export interface CountRow {
  readonly key: string;
  readonly count: number;
}
export const COUNT: Decoder<CountRow> = object<CountRow>({ key: ownerKey, count });

export const INSTANCE: Decoder<InstanceState> = object<InstanceState>({
  instance: instanceId,
  agent: agentName,
  ancestry,
  workspace: nullable(longText),
  strict: boolean(),
  holdAt: names(stage, { max: STAGES.length }),
  holdSeconds: number(),
  words: list(longText, { max: 65_536 }),
  since: moment,
  life: oneOf(["running", "frozen", "ended", "terminal"]),
  why: nullable(words),
  exit: nullable(integer({ min: -MOST, max: MOST })),
  labels,
  done: count,
  denied: count,
});

export const CUT_OFF: Decoder<{ readonly instance: string }> = object<{ readonly instance: string }>({
  instance: instanceId,
});

export interface TombstoneRow {
  readonly agent: string;
  readonly code: Parameters<State["tombstones"]["set"]>[1]["code"];
  readonly instance: string;
}
export const TOMBSTONE: Decoder<TombstoneRow> = object<TombstoneRow>({
  agent: agentName,
  code: reasonCode,
  instance: instanceId,
});

export const HELD: Decoder<HeldState> = object<HeldState>({
  record: count,
  request: nonce,
  instance: instanceId,
  agent: agentName,
  what: words,
  text: longText,
  digest,
  risk,
  reasons: names(words, { max: 64 }),
  since: moment,
  expires: moment,
});

/** An open intent; `spent` is null where nothing was expected. */
export interface OpenRow extends Omit<OpenIntent, "spent"> {
  readonly spent: Spent | null;
}
export const OPEN: Decoder<OpenRow> = object<OpenRow>({
  seq: count,
  instance: instanceId,
  agent: agentName,
  ancestry,
  action: digest,
  what: words,
  risk,
  labels,
  policy: digest,
  grants: list(text({ max: 1024 }), { max: 65_536 }),
  spent: nullable(object<Spent>({ input: count, output: count, cost: count })),
});

export interface PinRow extends QuarantinedPin {
  readonly pin: string;
}
export const PIN: Decoder<PinRow> = object<PinRow>({ pin: digest, found: digest, since: moment, record: count });

export const EXTENSION: Decoder<ExtensionState> = object<ExtensionState>({
  id: digest,
  manifest: digest,
  kind: oneOf(EXTENSION_KINDS),
  name: extensionName,
  version: nullable(visibleLine),
  source: words,
  at: moment,
  quarantined: nullable(visibleLine),
});

export interface BarredRow {
  readonly extension: string;
  readonly why: string;
}
export const BARRED: Decoder<BarredRow> = object<BarredRow>({ extension: digest, why: visibleLine });

export interface AttestedRow {
  readonly extension: string;
  readonly provenance: Provenance;
}
export const ATTESTED: Decoder<AttestedRow> = object<AttestedRow>({ extension: digest, provenance: PROVENANCE });

export interface PublishedRow {
  readonly extension: string;
  readonly publication: Publication;
}
export const PUBLISHED: Decoder<PublishedRow> = object<PublishedRow>({ extension: digest, publication: PUBLICATION });

export interface WitnessedRow extends FoundByWitness {
  readonly witness: string;
}
export const WITNESSED: Decoder<WitnessedRow> = object<WitnessedRow>({
  witness: text({ max: 400 }),
  code: oneOf(GRAVE),
  size: count,
  seen: count,
  at: moment,
  record: count,
});

export const FROZEN: Decoder<{ readonly record: number }> = object<{ readonly record: number }>({ record: count });

/** Of memory: a plane, entries as the book packs them, a quarantine, entries whose keys are to be destroyed, an import, or what it brought. */
export type MemoryRow =
  | ({ readonly what: "plane" } & PlaneOf)
  | { readonly what: "entries"; readonly packed: string }
  | ({ readonly what: "quarantine" } & Quarantine)
  | { readonly what: "unsettled"; readonly numbers: readonly number[] }
  | ({ readonly what: "import" } & MemoryImport)
  | { readonly what: "imported"; readonly record: number; readonly numbers: readonly number[] };
export const MEMORY: Decoder<MemoryRow> = union<MemoryRow, "what">("what", {
  plane: object<Extract<MemoryRow, { what: "plane" }>>({
    what: literal("plane"),
    agent: agentName,
    plane: oneOf(PLANES),
  }),
  entries: object<Extract<MemoryRow, { what: "entries" }>>({ what: literal("entries"), packed: text({ max: 65_536 }) }),
  quarantine: object<Extract<MemoryRow, { what: "quarantine" }>>({
    what: literal("quarantine"),
    by: oneOf(QUARANTINES),
    value: words,
  }),
  unsettled: object<Extract<MemoryRow, { what: "unsettled" }>>({ what: literal("unsettled"), numbers }),
  import: object<Extract<MemoryRow, { what: "import" }>>({
    what: literal("import"),
    record: count,
    agent: agentName,
    plane: oneOf(PLANES),
    origin: words,
    left: count,
  }),
  imported: object<Extract<MemoryRow, { what: "imported" }>>({ what: literal("imported"), record: count, numbers }),
});

/** Of what was asked of people: how often, or what waits. */
export type AskedRow =
  | {
      readonly what: "counts";
      readonly key: string;
      readonly asked: number;
      readonly allowed: number;
      readonly denied: number;
    }
  | { readonly what: "open"; readonly action: string; readonly same: string; readonly shape: string };
export const ASKED: Decoder<AskedRow> = union<AskedRow, "what">("what", {
  counts: object<Extract<AskedRow, { what: "counts" }>>({
    what: literal("counts"),
    key: digest,
    asked: count,
    allowed: count,
    denied: count,
  }),
  open: object<Extract<AskedRow, { what: "open" }>>({
    what: literal("open"),
    action: digest,
    same: digest,
    shape: digest,
  }),
});
