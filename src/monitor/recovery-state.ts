import type { JsonValue } from "../kernel/json.ts";
import { decodeOwner } from "../protocol/owner-key.ts";
import { decodeRecovery } from "../protocol/recovery.ts";
import type { RecordBody } from "../protocol/record.ts";
import { StateFault } from "./state-fault.ts";
import { NO_RECOVERY, type State } from "./state.ts";

type RecoveryBody = Extract<RecordBody, { readonly kind: "recovery-set" | "recovery-begun" | "recovery-stopped" }>;

/** Takes a record about recovery into the state; throws StateFault on what cannot be. */
export function applyRecovery(
  state: State,
  {
    seq,
    at,
    body,
    document,
  }: { readonly seq: number; readonly at: number; readonly body: RecoveryBody; readonly document: JsonValue },
): void {
  const { recovery } = state;
  switch (body.kind) {
    case "recovery-set": {
      const decoded = decodeRecovery(document);
      if (decoded.kind !== "ok") throw new StateFault(seq, `its codes do not decode: ${decoded.message}`);
      const { codes, wait } = decoded.value;
      const made = codes.map((code) => [code.id, { ...code, used: false }] as const);
      state.recovery = { ...recovery, wait, by: made.length === 0 ? null : body.key, codes: new Map(made) };
      return;
    }
    case "recovery-begun": {
      const decoded = decodeOwner(document);
      if (decoded.kind !== "ok") throw new StateFault(seq, `its owner does not decode: ${decoded.message}`);
      const code = recovery.codes.get(body.key);
      if (code === undefined || code.used) throw new StateFault(seq, `${body.key} is no code that is left`);
      if (recovery.pending !== null) throw new StateFault(seq, "another recovery waits");
      const codes = new Map(recovery.codes).set(body.key, { ...code, used: true });
      const pending = { record: seq, owner: body.owner, document: decoded.value, due: at + recovery.wait };
      state.recovery = { ...recovery, codes, pending };
      return;
    }
    case "recovery-stopped":
      if (recovery.pending?.record !== body.record) throw new StateFault(seq, "no such recovery waits");
      // Somebody used a code whom an owner did not want: the others lie where that one lay.
      state.recovery = NO_RECOVERY;
      return;
    default:
      return body satisfies never;
  }
}

/** Codes end with the owner who made them: whoever leaves has seen them. A recovery that was begun goes on and can be stopped. */
export function codesEndWith(state: State, owner: string): void {
  const { by, pending } = state.recovery;
  if (by === owner) state.recovery = { ...NO_RECOVERY, pending };
}
