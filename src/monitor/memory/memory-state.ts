import type { JsonObject } from "../../kernel/json.ts";
import type { MemoryBook } from "../../kernel/memory-book.ts";
import type { RecordBody } from "../../protocol/record.ts";
import { StateFault } from "../state-fault.ts";
import { readBudget, readImport, readMemoryErasure, readQuarantine } from "./documents.ts";
import { numbersOf } from "./ranges.ts";

type MemoryRecord = Extract<
  RecordBody,
  {
    readonly kind:
      | "memory-kept"
      | "memory-expired"
      | "memory-erased"
      | "memory-destroyed"
      | "memory-budget-set"
      | "memory-frozen"
      | "memory-quarantined"
      | "memory-released"
      | "memory-imported";
  }
>;

/**
 * Takes a record about memory into its book. What an owner signed is taken from the signed document, never from what stands
 * beside it. Throws StateFault for what no monitor writes.
 */
export function applyMemory(
  book: MemoryBook,
  record: {
    readonly seq: number;
    readonly body: MemoryRecord;
    readonly payload: JsonObject | null;
  },
): void {
  const { seq, body, payload } = record;
  const document = payload?.["document"] ?? null;
  const refuse = (why: string | null): void => {
    if (why !== null) throw new StateFault(seq, why);
  };
  switch (body.kind) {
    case "memory-kept":
      if (body.imported !== null) refuse(book.imports.take({ ...body, imported: body.imported }));
      return refuse(book.keep(body));
    case "memory-expired": {
      const entries = numbersOf(payload?.["entries"]);
      if (entries?.length !== body.count) return refuse("it does not say which entries");
      return refuse(book.destroy(entries, "expired"));
    }
    case "memory-erased": {
      const entries = readMemoryErasure(document);
      return refuse(entries === null ? "its document names no entries" : book.destroy(entries, "erased"));
    }
    case "memory-destroyed":
      return refuse(book.settle(body.count));
    case "memory-budget-set": {
      const set = readBudget(document);
      if (set === null) return refuse("its document is no budget");
      book.setBudget(set.agent, set);
      return;
    }
    case "memory-frozen": {
      const { agent, name, version, digest } = body;
      return refuse(book.snapshots.freeze({ agent, name, version, digest, record: seq }));
    }
    case "memory-quarantined":
      book.quarantine({ by: body.by, value: body.value });
      return;
    case "memory-released": {
      const released = readQuarantine(document);
      return refuse(released !== null && book.release(released) ? null : "there is no such quarantine");
    }
    case "memory-imported": {
      const signed = readImport(document);
      if (signed === null) return refuse("its document is no import");
      const { agent, plane, origin, count } = signed;
      return refuse(book.imports.begin({ record: seq, agent, plane, origin, left: count }));
    }
    default:
      body satisfies never;
  }
}
