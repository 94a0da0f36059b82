import { fromBase64, toBase64 } from "../../protocol/bytes.ts";
import type { State } from "../state.ts";
import {
  ASKED,
  AT,
  COUNT,
  ATTESTED,
  BARRED,
  CUT_OFF,
  EXPIRED,
  EXTENSION,
  FROZEN,
  HELD,
  inRows,
  INSTANCE,
  MEMORY,
  NUMBERS,
  OPEN,
  part,
  PIN,
  PUBLISHED,
  TOMBSTONE,
  USAGE,
  WITNESSED,
  type AskedRow,
  type ExpiredRow,
  type MemoryRow,
  type Part,
} from "./rows.ts";

/**
 * What of the state gives authority. It is never taken from what is kept: a start reads the records that make it from the
 * log and checks each owner's signature, as if nothing were kept (NO-SELF-WIDENING).
 */
type FromSigned =
  | "owners"
  | "recovery"
  | "grants"
  | "active"
  | "byAgent"
  | "secrets"
  | "providers"
  | "witnesses"
  | "telemetry"
  | "publishers"
  | "secondScreen"
  | "policyText"
  | "away"
  | "sealed"
  | "retention"
  | "erased";
/** Empty wherever a state is kept, or that state is not kept. */
type Never = "unexplained";

/** What is kept: every other field of the state, so that a new one does not compile until it has its place. */
type KeptField = Exclude<keyof State, FromSigned | Never>;

/** Entries of memory in one row: 23 bytes each, in base64. */
const PACKED_ENTRIES = 1024;
const TWICE = "it is there twice";

/** In this order: the records that a start reads come before what is told of what they made. */
export const PARTS: { readonly [Name in "signed" | "counts" | KeptField | "asked"]: Part } = {
  signed: part(NUMBERS, {
    *rows({ signed }) {
      for (const numbers of inRows(signed.records)) yield { numbers };
    },
    take({ signed: { records } }, { numbers }) {
      for (const seq of numbers) {
        if (seq <= (records.at(-1) ?? -1)) return "its numbers do not ascend";
        records.push(seq);
      }
      return null;
    },
  }),
  counts: part(COUNT, {
    *rows({ state }) {
      for (const [key, { count }] of state.owners) yield { key, count };
    },
    take({ state }, { key, count }) {
      const owner = state.owners.get(key);
      if (owner === undefined) return `no owner has the key ${key}`;
      // What is kept may know more uses of a passkey than the records that are read, never fewer.
      owner.count = Math.max(owner.count, count);
      return null;
    },
  }),
  highWater: part(AT, {
    *rows({ state }) {
      yield { at: state.highWater };
    },
    take({ state }, { at }) {
      state.highWater = at;
      return null;
    },
  }),
  usage: part(USAGE, {
    *rows({ state }) {
      for (const [grant, { spent = null, windows = null, ...used }] of state.usage)
        yield { grant, ...used, windows, spent };
    },
    take({ state }, { grant, spent, windows, ...used }) {
      if (!state.grants.has(grant)) return `no grant is called ${grant}`;
      if (state.usage.has(grant)) return TWICE;
      state.usage.set(grant, { ...used, ...(windows != null && { windows }), ...(spent !== null && { spent }) });
      return null;
    },
  }),
  instances: part(INSTANCE, {
    rows: ({ state }) => state.instances.values(),
    take({ state }, row) {
      if (state.instances.has(row.instance)) return TWICE;
      state.instances.set(row.instance, row);
      return null;
    },
  }),
  cutOff: part(CUT_OFF, {
    *rows({ state }) {
      for (const instance of state.cutOff) yield { instance };
    },
    take({ state }, { instance }) {
      state.cutOff.add(instance);
      return null;
    },
  }),
  tombstones: part(TOMBSTONE, {
    *rows({ state }) {
      for (const [agent, { code, instance }] of state.tombstones) yield { agent, code, instance };
    },
    take({ state }, { agent, code, instance }) {
      if (state.tombstones.has(agent)) return TWICE;
      state.tombstones.set(agent, { code, instance });
      return null;
    },
  }),
  held: part(HELD, {
    rows: ({ state }) => state.held.values(),
    take({ state }, row) {
      if (state.held.has(row.request)) return TWICE;
      state.held.set(row.request, row);
      return null;
    },
  }),
  open: part(OPEN, {
    *rows({ state }) {
      for (const { spent = null, ...intent } of state.open.values()) yield { ...intent, spent };
    },
    take({ state }, { spent, ...intent }) {
      if (state.open.has(intent.seq)) return TWICE;
      state.open.set(intent.seq, spent === null ? intent : { ...intent, spent });
      return null;
    },
  }),
  quarantined: part(PIN, {
    *rows({ state }) {
      for (const [pin, found] of state.quarantined) yield { pin, ...found };
    },
    take({ state }, { pin, ...found }) {
      if (state.quarantined.has(pin)) return TWICE;
      state.quarantined.set(pin, found);
      return null;
    },
  }),
  extensions: part(EXTENSION, {
    rows: ({ state }) => state.extensions.values(),
    take({ state }, row) {
      if (state.extensions.has(row.id)) return TWICE;
      state.extensions.set(row.id, row);
      return null;
    },
  }),
  barred: part(BARRED, {
    *rows({ state }) {
      for (const [extension, why] of state.barred) yield { extension, why };
    },
    take({ state }, { extension, why }) {
      if (state.barred.has(extension)) return TWICE;
      state.barred.set(extension, why);
      return null;
    },
  }),
  attested: part(ATTESTED, {
    *rows({ state }) {
      for (const [extension, provenance] of state.attested) yield { extension, provenance };
    },
    take({ state }, { extension, provenance }) {
      if (state.attested.has(extension)) return TWICE;
      state.attested.set(extension, provenance);
      return null;
    },
  }),
  published: part(PUBLISHED, {
    *rows({ state }) {
      for (const [extension, publication] of state.published) yield { extension, publication };
    },
    take({ state }, { extension, publication }) {
      if (state.published.has(extension)) return TWICE;
      state.published.set(extension, publication);
      return null;
    },
  }),
  witnessed: part(WITNESSED, {
    *rows({ state }) {
      for (const [witness, found] of state.witnessed) yield { witness, ...found };
    },
    take({ state }, { witness, ...found }) {
      if (state.witnessed.has(witness)) return TWICE;
      state.witnessed.set(witness, found);
      return null;
    },
  }),
  allFrozen: part(FROZEN, {
    *rows({ state }) {
      const record = state.allFrozen?.record ?? null;
      if (record !== null) yield { record };
    },
    take({ state }, { record }) {
      state.allFrozen = { record };
      return null;
    },
  }),
  expired: part<ExpiredRow>(EXPIRED, {
    *rows({ state: { expired } }) {
      for (const [kind, next] of expired.next) yield { what: "next", kind, next };
      for (const numbers of inRows([...expired.passed])) yield { what: "passed", numbers };
      for (const numbers of inRows(expired.unsettled)) yield { what: "unsettled", numbers };
    },
    take({ state: { expired } }, row) {
      if (row.what === "next") {
        if (expired.next.has(row.kind)) return TWICE;
        expired.next.set(row.kind, row.next);
      } else if (row.what === "passed") for (const seq of row.numbers) expired.passed.add(seq);
      else expired.unsettled = [...expired.unsettled, ...row.numbers];
      return null;
    },
  }),
  memory: part<MemoryRow>(MEMORY, {
    *rows({ state: { memory } }) {
      for (const place of memory.places()) yield { what: "plane", ...place };
      for (let from = 0; from < memory.next; from += PACKED_ENTRIES) {
        const to = Math.min(memory.next, from + PACKED_ENTRIES);
        yield { what: "entries", packed: toBase64(memory.pack(from, to)) };
      }
      for (const quarantine of memory.quarantines) yield { what: "quarantine", ...quarantine };
      for (const numbers of inRows(memory.unsettled)) yield { what: "unsettled", numbers };
      for (const each of memory.imports.all()) yield { what: "import", ...each };
      for (const [record, entries] of memory.imports.brought())
        for (const numbers of inRows(entries)) yield { what: "imported", record, numbers };
    },
    take({ state: { memory } }, row) {
      switch (row.what) {
        case "plane":
          memory.addPlace(row);
          return null;
        case "entries": {
          const packed = fromBase64(row.packed);
          return packed === null ? "its entries are no base64" : memory.unpack(packed);
        }
        case "quarantine":
          memory.quarantine({ by: row.by, value: row.value });
          return null;
        case "unsettled":
          return memory.owe(row.numbers);
        case "import": {
          const { what: _what, ...begun } = row;
          return memory.imports.begin(begun);
        }
        case "imported":
          return memory.imports.mark(row.record, row.numbers);
        default:
          return row satisfies never;
      }
    },
  }),
  asked: part<AskedRow>(ASKED, {
    *rows({ asked }) {
      for (const [key, counted] of asked.counts) yield { what: "counts", key, ...counted };
      for (const [action, likeness] of asked.open) yield { what: "open", action, ...likeness };
    },
    take({ asked }, row) {
      if (row.what === "open") {
        const { action, same, shape } = row;
        asked.open.set(action, { same, shape });
      } else {
        const { key, asked: times, allowed, denied } = row;
        asked.counts.set(key, { asked: times, allowed, denied });
      }
      return null;
    },
  }),
};
