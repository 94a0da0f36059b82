import type { JsonValue } from "../kernel/json.ts";
import type { RecordBody } from "../protocol/record.ts";
import { decodeWitnessSet } from "../protocol/witness-set.ts";
import { StateFault } from "./state-fault.ts";
import type { State } from "./state.ts";

/**
 * What owners say of witnesses, and these of the log. What an owner signs, they sign knowing what was found; nothing else in
 * the log takes that back. Throws StateFault.
 */
export function applyWitness(
  state: Pick<State, "witnesses" | "witnessed">,
  record: {
    readonly seq: number;
    readonly at: number;
    readonly body: Extract<RecordBody, { readonly kind: "witnesses-set" | "witness-refused" }>;
    readonly document: JsonValue;
  },
): void {
  const { seq, at, body, document } = record;
  if (body.kind === "witness-refused") {
    const { witness, code, size, seen } = body;
    state.witnessed.set(witness, { code, size, seen, at, record: seq });
    return;
  }
  const set = decodeWitnessSet(document);
  if (set.kind !== "ok") throw new StateFault(seq, `its witnesses do not decode: ${set.message}`);
  state.witnesses = set.value;
  state.witnessed.clear();
}
