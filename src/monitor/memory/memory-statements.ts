import type { JsonObject } from "../../kernel/json.ts";
import type { Crypto } from "../../platform/powers.ts";
import type { RecordBody } from "../../protocol/record.ts";
import type { Purpose } from "../../protocol/statement.ts";
import { Refusal } from "../faults.ts";
import type { State } from "../state.ts";
import { readBudget, readImport, readMemoryErasure, readQuarantine } from "./documents.ts";
import type { StatementEffects } from "../statement-effects.ts";
import { readFreeze } from "./freezing.ts";
import { manifestDigest } from "./frozen.ts";
import { checkImport } from "./importing.ts";

/** What only an owner's statement does to memory. */
const PURPOSES = ["freeze-memory", "erase-memory", "set-memory-budget", "release-memory", "import-memory"] as const;
export type MemoryPurpose = (typeof PURPOSES)[number];

export function isMemoryPurpose(purpose: Purpose): purpose is MemoryPurpose {
  return PURPOSES.some((each) => each === purpose);
}

export interface MemoryParts {
  readonly state: Pick<State, "memory">;
  readonly crypto: Pick<Crypto, "digest">;
  readonly effects: Pick<StatementEffects, "lotOf" | "checkFreeze">;
  now(): number;
}

/** Whether a statement about memory can be taken; throws Refusal when it cannot. */
export async function checkMemory(asked: Parameters<typeof memoryRecord>[0], parts: MemoryParts): Promise<void> {
  memoryRecord(asked, parts);
  if (asked.purpose === "freeze-memory") await parts.effects.checkFreeze(asked.document);
}

/** The record that a statement about memory makes. Throws Refusal when its document is none, or does not fit what is there. */
export function memoryRecord(
  { purpose, document, key }: { readonly purpose: MemoryPurpose; readonly document: JsonObject; readonly key: string },
  { state, crypto, effects, now }: MemoryParts,
): RecordBody {
  switch (purpose) {
    case "freeze-memory": {
      const snapshot = readFreeze(document, state.memory);
      const { agent, name, version } = snapshot;
      return { kind: "memory-frozen", agent, name, version, digest: manifestDigest(snapshot, crypto), key };
    }
    case "erase-memory": {
      const entries = readMemoryErasure(document) ?? refuse("entries of memory, ascending");
      const gone = entries.find((entry) => !state.memory.holds(entry));
      if (gone !== undefined)
        throw new Refusal("nothing-to-erase", `Entry ${gone} is not there, or it is gone.`, "Run `aios memory list`.");
      return { kind: "memory-erased", count: entries.length, key };
    }
    case "set-memory-budget": {
      const { agent, what, budget } = readBudget(document) ?? refuse("an agent, what is bounded, bytes and a count");
      return { kind: "memory-budget-set", agent, what, ...budget, key };
    }
    case "release-memory": {
      const released = readQuarantine(document) ?? refuse("a quarantine");
      if (!state.memory.quarantines.some(({ by, value }) => by === released.by && value === released.value))
        throw new Refusal("bad-document", "There is no such quarantine.", "Run `aios memory planes`.");
      return { kind: "memory-released", ...released, key };
    }
    case "import-memory": {
      const asked =
        readImport(document) ?? refuse("a plane, the log that entries come from, how many, their size and digest");
      checkImport(asked, { lot: effects.lotOf(asked.digest), book: state.memory, now: now() });
      const { agent, plane, origin, count } = asked;
      return { kind: "memory-imported", agent, plane, origin, count, key };
    }
    default:
      return purpose satisfies never;
  }
}

function refuse(what: string): never {
  throw new Refusal("bad-document", `The document must name ${what}.`, "See docs/formats/statement.md.");
}
