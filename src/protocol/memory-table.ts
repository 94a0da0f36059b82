import type { Label } from "../kernel/grant.ts";
import { QUARANTINES, type Quarantine } from "../kernel/memory-quarantine.ts";
import { BUDGETED, type Budgeted } from "../kernel/memory-budget.ts";
import { MOST_SOURCES, type Origin } from "../kernel/memory-sources.ts";
import { SNAPSHOT_STANDINGS, type SnapshotStanding } from "../kernel/memory-snapshots.ts";
import { isItemPath, MOST_FROZEN_ITEMS, PLANES, SNAPSHOT_NAME, type Plane } from "../kernel/memory.ts";
import { boolean, list, nullable, object, oneOf, refine, text, type Decoder } from "./decode.ts";
import { EXPORT_LINE, type ExportLine } from "./memory-export.ts";
import { FROZEN_ENTRIES, FROZEN_FROM, type FrozenItem } from "./frozen-item.ts";
import { agentName, count, empty, instanceId, labels, moment, nonce, words } from "./fields.ts";
import type { AnswerTable, BodyTable } from "./side.ts";

/** An entry of memory, for people; what is in quarantine is shown to them, and says so. */
export interface EntryView {
  readonly entry: number;
  readonly agent: string;
  readonly plane: Plane;
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  readonly expires: number | null;
  readonly by: string;
  readonly instance: string;
  readonly labels: readonly Label[];
  readonly sources: readonly string[];
  readonly text: string;
  /** `perhaps`: it has more sources than it names, and what is in quarantine may be one of them. */
  readonly quarantined: Origin | null;
}

/**
 * What of a plane should be there and does not open (`memory-damaged`), as far as a page goes: how many, the newest of them by
 * number, and below which number nothing was looked at, since too much does not open; null: the page went as far as it should.
 */
export interface Unreadable {
  readonly count: number;
  readonly entries: readonly number[];
  readonly before: number | null;
}

/** What one plane of an agent holds, or what an instance may load, and how much that may be. */
export interface PlaneView {
  readonly agent: string;
  readonly what: Budgeted;
  readonly bytes: number;
  readonly count: number;
  readonly mostBytes: number;
  readonly mostCount: number;
}

/** A snapshot, for people: they see what is withheld or in quarantine too, and that it is. */
export interface SnapshotView {
  readonly agent: string;
  readonly name: string;
  readonly version: number;
  readonly standing: SnapshotStanding;
  readonly items: readonly (FrozenItem & { readonly quarantined: Origin | null })[];
}

/** A version of a snapshot that holds an entry. */
export interface HoldingView {
  readonly agent: string;
  readonly name: string;
  readonly version: number;
  readonly record: number;
  readonly newest: boolean;
  /** False: it does not open, so nobody knows whether it holds one. */
  readonly opens: boolean;
}

/** How much a quarantine takes out of agents' reach, and by what path. */
export interface TakenCount {
  /** Entries that come from there by what they name. */
  readonly entries: number;
  /** More that go with them, since they have more sources than they name. */
  readonly perhaps: number;
  /** How many of either recalled one that goes. */
  readonly recalling: { readonly entries: number; readonly perhaps: number };
  /** Where they are, most first. */
  readonly planes: readonly { readonly agent: string; readonly plane: Plane; readonly count: number }[];
  /** Texts of snapshots that were made of any of them. */
  readonly frozen: number;
  /** Instances that run and have something from there in their context, which a quarantine does not take from them. */
  readonly running: readonly { readonly agent: string; readonly instance: string; readonly how: Origin }[];
}

/** What an agent asks an owner to freeze. */
export interface ProposedFreeze {
  /** Number of the record of it. */
  readonly record: number;
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  readonly agent: string;
  readonly name: string;
  readonly instance: string;
  readonly entries: readonly number[];
}

/** Other entries that have the very text of some. */
export interface SameTexts {
  /** Ascending. */
  readonly entries: readonly number[];
  readonly all: boolean;
}

type Empty = Record<string, never>;

/** Requests of the command line about memory. None adds authority; what does is a signed statement. */
export interface MemoryRequests {
  /**
   * `waits`: what is past its end waits for an owner to say which time it is. `damage`: entries do not open, by a look at some now,
   * since the file that they are read from was changed (the log has them), or since their keys were.
   */
  "memory-planes": {
    body: Empty;
    ok: {
      readonly planes: readonly PlaneView[];
      readonly snapshots: readonly Omit<SnapshotView, "items">[];
      readonly quarantines: readonly Quarantine[];
      readonly waits: boolean;
      readonly damage: "index" | "keys" | null;
    };
  };
  /** What agents proposed to freeze and nobody answered yet, newest first; `more`: there may be older ones. */
  "memory-proposals": {
    body: Empty;
    ok: { readonly proposals: readonly ProposedFreeze[]; readonly more: boolean };
  };
  /** Newest first, below `before`; with a query those that have its words. */
  "memory-entries": {
    body: {
      readonly agent: string;
      readonly plane: Plane;
      readonly before: number | null;
      readonly query: string | null;
    };
    ok: { readonly entries: readonly EntryView[]; readonly unreadable: Unreadable };
  };
  "memory-entry": { body: { readonly entry: number }; ok: EntryView };
  /** What these entries are as texts of a snapshot, its next version, and a salt for it. Nothing is kept. */
  "memory-to-freeze": {
    body: { readonly agent: string; readonly name: string; readonly entries: readonly number[] };
    ok: { readonly version: number; readonly salt: string; readonly items: readonly FrozenItem[] };
  };
  /**
   * Versions of snapshots that were made of one of these entries, or hold the text of one; the newest of its name, or an older
   * one, which is in the log alone. `record` is what an owner erases. `same`: other entries that have the very text of one, and whether
   * those are all that there are; too many, or some that do not open, were not compared otherwise. `inLog`: those of these
   * entries that do not open where they are read from, and do from the log.
   */
  "memory-holding": {
    body: { readonly entries: readonly number[] };
    ok: {
      readonly snapshots: readonly HoldingView[];
      readonly same: SameTexts;
      readonly inLog: readonly number[];
    };
  };
  "memory-snapshot": { body: { readonly agent: string; readonly name: string }; ok: SnapshotView };
  "memory-verify": {
    body: Empty;
    ok: {
      readonly checked: number;
      readonly damaged: readonly { readonly entry: number; readonly why: string }[];
      /** What is wrong with the file that memory is read from, which can be made anew from the log. */
      readonly file: readonly string[];
      /** Snapshots that are not as they were signed. */
      readonly frozen: readonly { readonly agent: string; readonly name: string; readonly why: string }[];
    };
  };
  /**
   * Entries by the numbers of their records, ascending, as others can check them in the tree of `size`; those that are not to be
   * had any more are left out, and so are those that do not open, which `damaged` names. The answer is of the first `done` of
   * them; then one asks on.
   */
  "memory-export": {
    body: { readonly records: readonly number[]; readonly size: number };
    ok: { readonly lines: readonly ExportLine[]; readonly done: number; readonly damaged: readonly number[] };
  };
  /**
   * Hands in entries of an export, salt and text of each, for a statement over them; `first` begins the lot anew. Says which of
   * these were here before, by their place in the request, and whether they still are.
   */
  "memory-deposit": {
    body: { readonly first: boolean; readonly entries: readonly string[] };
    ok: { readonly known: readonly { readonly at: number; readonly entry: number; readonly live: boolean }[] };
  };
  /** What a quarantine would take out; nothing is taken. */
  "memory-weigh": { body: Quarantine; ok: TakenCount };
  /** Takes out of reach what came from there. Says the number of the record (null: it was in quarantine already), and how much that is. */
  "memory-quarantine": { body: Quarantine; ok: TakenCount & { readonly seq: number | null } };
}

/** Most entries of one request for an export. */
export const MOST_AT_ONCE = 256;

const query = text({ max: 256 });
const snapshot = text({ max: 31, pattern: SNAPSHOT_NAME, is: "the name of a snapshot" });
const plane = oneOf(PLANES);
const QUARANTINE: Decoder<Quarantine> = object<Quarantine>({
  by: oneOf(QUARANTINES),
  value: text({ max: 400, min: 1 }),
});
const path = refine(text({ max: 600 }), (written) => (isItemPath(written) ? null : "is no path within a snapshot"));

const ITEM = { path, text: text({ max: 262_144 }), from: nullable(FROZEN_FROM) };
const quarantined: Decoder<Origin | null> = nullable(oneOf(["named", "perhaps"]));

const ENTRY: Decoder<EntryView> = object<EntryView>({
  entry: count,
  agent: agentName,
  plane,
  at: moment,
  expires: nullable(moment),
  by: agentName,
  instance: instanceId,
  labels,
  // Of an imported one also the log that it comes from.
  sources: list(words, { max: MOST_SOURCES + 1 }),
  text: text({ max: 65_536 }),
  quarantined,
});

const TAKEN = {
  entries: count,
  perhaps: count,
  recalling: object<TakenCount["recalling"]>({ entries: count, perhaps: count }),
  planes: list(object<TakenCount["planes"][number]>({ agent: agentName, plane, count }), { max: 100_000 }),
  frozen: count,
  running: list(
    object<TakenCount["running"][number]>({ agent: agentName, instance: instanceId, how: oneOf(["named", "perhaps"]) }),
    { max: 100_000 },
  ),
};

type BodyOf<Name extends keyof MemoryRequests> = MemoryRequests[Name]["body"];
type OkOf<Name extends keyof MemoryRequests> = MemoryRequests[Name]["ok"];

export const MEMORY_TABLE: BodyTable<MemoryRequests> = {
  "memory-planes": empty,
  "memory-proposals": empty,
  "memory-entries": object<BodyOf<"memory-entries">>({
    agent: agentName,
    plane,
    before: nullable(count),
    query: nullable(query),
  }),
  "memory-entry": object<BodyOf<"memory-entry">>({ entry: count }),
  "memory-to-freeze": object<BodyOf<"memory-to-freeze">>({ agent: agentName, name: snapshot, entries: FROZEN_ENTRIES }),
  "memory-holding": object<BodyOf<"memory-holding">>({ entries: list(count, { max: 10_000, min: 1 }) }),
  "memory-snapshot": object<BodyOf<"memory-snapshot">>({ agent: agentName, name: snapshot }),
  "memory-verify": empty,
  "memory-export": object<BodyOf<"memory-export">>({
    records: list(count, { max: MOST_AT_ONCE, min: 1 }),
    size: count,
  }),
  "memory-deposit": object<BodyOf<"memory-deposit">>({
    first: boolean(),
    entries: list(text({ max: 1_048_576 }), { max: MOST_AT_ONCE, min: 1 }),
  }),
  "memory-weigh": QUARANTINE,
  "memory-quarantine": QUARANTINE,
};

export const MEMORY_ANSWERS: AnswerTable<MemoryRequests> = {
  "memory-planes": object<OkOf<"memory-planes">>({
    planes: list(
      object<PlaneView>({
        agent: agentName,
        what: oneOf(BUDGETED),
        bytes: count,
        count,
        mostBytes: count,
        mostCount: count,
      }),
      { max: 100_000 },
    ),
    snapshots: list(
      object<OkOf<"memory-planes">["snapshots"][number]>({
        agent: agentName,
        name: snapshot,
        version: count,
        standing: oneOf(SNAPSHOT_STANDINGS),
      }),
      { max: 100_000 },
    ),
    quarantines: list(QUARANTINE, { max: 100_000 }),
    waits: boolean(),
    damage: nullable(oneOf(["index", "keys"])),
  }),
  "memory-proposals": object<OkOf<"memory-proposals">>({
    proposals: list(
      object<ProposedFreeze>({
        record: count,
        at: moment,
        agent: agentName,
        name: snapshot,
        instance: instanceId,
        entries: FROZEN_ENTRIES,
      }),
      { max: 100 },
    ),
    more: boolean(),
  }),
  "memory-entries": object<OkOf<"memory-entries">>({
    entries: list(ENTRY, { max: 100 }),
    unreadable: object<Unreadable>({ count, entries: list(count, { max: 100 }), before: nullable(count) }),
  }),
  "memory-entry": ENTRY,
  "memory-to-freeze": object<OkOf<"memory-to-freeze">>({
    version: count,
    salt: nonce,
    items: list(object<FrozenItem>(ITEM), { max: MOST_FROZEN_ITEMS }),
  }),
  "memory-holding": object<OkOf<"memory-holding">>({
    snapshots: list(
      object<HoldingView>({
        agent: agentName,
        name: snapshot,
        version: count,
        record: count,
        newest: boolean(),
        opens: boolean(),
      }),
      { max: 100_000 },
    ),
    same: object<SameTexts>({ entries: list(count, { max: 100 }), all: boolean() }),
    inLog: list(count, { max: 10_000 }),
  }),
  "memory-snapshot": object<SnapshotView>({
    agent: agentName,
    name: snapshot,
    version: count,
    standing: oneOf(SNAPSHOT_STANDINGS),
    items: list(object<SnapshotView["items"][number]>({ ...ITEM, quarantined }), { max: MOST_FROZEN_ITEMS }),
  }),
  "memory-verify": object<OkOf<"memory-verify">>({
    checked: count,
    damaged: list(object<OkOf<"memory-verify">["damaged"][number]>({ entry: count, why: words }), { max: 10_000_000 }),
    file: list(words, { max: 100 }),
    frozen: list(object<OkOf<"memory-verify">["frozen"][number]>({ agent: agentName, name: snapshot, why: words }), {
      max: 1_000_000,
    }),
  }),
  "memory-export": object<OkOf<"memory-export">>({
    lines: list(EXPORT_LINE, { max: MOST_AT_ONCE }),
    done: count,
    damaged: list(count, { max: MOST_AT_ONCE }),
  }),
  "memory-deposit": object<OkOf<"memory-deposit">>({
    known: list(object<OkOf<"memory-deposit">["known"][number]>({ at: count, entry: count, live: boolean() }), {
      max: MOST_AT_ONCE,
    }),
  }),
  "memory-weigh": object<TakenCount>(TAKEN),
  "memory-quarantine": object<OkOf<"memory-quarantine">>({ seq: nullable(count), ...TAKEN }),
};
