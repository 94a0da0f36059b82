import type { MemoryBudget } from "../../kernel/memory-budget.ts";
import type { PlaneOf } from "../../kernel/memory.ts";
import { isDamage } from "./shelf-orders.ts";

/** Why memory gave no answer, or kept nothing. Closed; `docs/codes.md` lists them. */
export type MemoryFaultCode =
  | "memory-full"
  | "memory-unknown"
  | "memory-expired"
  | "memory-erased"
  | "memory-quarantined"
  | "memory-damaged"
  | "memory-withheld"
  | "memory-duplicate"
  | "memory-ephemeral"
  | "working-set-full";

/** One sentence for each code. */
export const MEMORY_FAULTS: { readonly [code in MemoryFaultCode]: string } = {
  "memory-full": "the plane is at its budget; only an owner's signature raises that",
  "memory-unknown": "there is no such entry in that plane",
  "memory-expired": "the entry is past its end; its content is gone",
  "memory-erased": "an owner had it erased; what is left is that it was there",
  "memory-quarantined": "the entry comes from something that was put into quarantine",
  "memory-damaged": "what lies there is not what the log has: somebody or something changed it",
  "memory-withheld":
    "the home was restored from a backup, and a newer version may have been frozen since; an owner signs one",
  "memory-duplicate": "the entry is here already, so it is not imported",
  "memory-ephemeral": "the entry ends, and a snapshot would outlive it, so it is not frozen",
  "working-set-full":
    "the instance has loaded as much of memory as its budget lets it; only an owner's signature raises that",
};

/** An answer of memory that is none. What it holds stays as it was. */
export class MemoryFault extends Error {
  override readonly name = "MemoryFault";
  readonly code: MemoryFaultCode;

  constructor(code: MemoryFaultCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What the shelf was asked for. Rejects with MemoryFault `memory-damaged` where its file is not what was written there. */
export async function reading<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (!isDamage(error)) throw error;
    throw new MemoryFault(
      "memory-damaged",
      "the file that memory is read from is damaged: aios memory verify says where",
    );
  }
}

/** An answer of memory that is none, as nothing; whatever else went wrong is thrown on. */
export function orNull(error: unknown): null {
  if (error instanceof MemoryFault) return null;
  throw error;
}

export function damagedEntry(entry: number): MemoryFault {
  return new MemoryFault("memory-damaged", `entry ${entry} is not what the log has: run aios memory verify`);
}

export function fullPlane({ agent, plane }: PlaneOf, { bytes, count }: MemoryBudget): MemoryFault {
  return new MemoryFault(
    "memory-full",
    `the ${plane} plane of ${agent} has room for ${bytes} bytes in ${count} entries: an owner can raise that (aios memory budget)`,
  );
}
