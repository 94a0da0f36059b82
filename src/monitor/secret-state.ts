import type { JsonValue } from "../kernel/json.ts";
import { decodeBinding } from "../kernel/secrets.ts";
import type { RecordBody } from "../protocol/record.ts";
import { StateFault } from "./state-fault.ts";
import type { State } from "./state.ts";

type SecretRecord = Extract<
  RecordBody,
  { readonly kind: "secret-set" | "secret-rotated" | "secret-bound" | "secret-removed" }
>;

/** Takes one record about a secret into the state. Throws StateFault on what no honest monitor writes. */
export function applySecret(
  { secrets }: Pick<State, "secrets">,
  applied: { readonly seq: number; readonly at: number; readonly body: SecretRecord; readonly document: JsonValue },
): void {
  const { seq, at, body } = applied;
  const { secret, key } = body;
  const known = secrets.get(secret);
  if ((known === undefined) !== (body.kind === "secret-set")) {
    throw new StateFault(seq, `secret "${secret}" is ${known === undefined ? "not known" : "set already"}`);
  }
  switch (body.kind) {
    case "secret-set":
      secrets.set(secret, { secret, commitment: body.commitment, key, since: at, bindings: new Map() });
      return;
    case "secret-removed":
      secrets.delete(secret);
      return;
    case "secret-rotated":
      if (known !== undefined) secrets.set(secret, { ...known, commitment: body.commitment, key, since: at });
      return;
    case "secret-bound": {
      const binding = decodeBinding(applied.document);
      if (binding.kind !== "ok") throw new StateFault(seq, `its binding does not decode: ${binding.message}`);
      if (binding.value.secret !== secret || binding.value.to !== body.to) {
        throw new StateFault(seq, "its binding is another one");
      }
      if (known !== undefined) {
        secrets.set(secret, { ...known, bindings: new Map(known.bindings).set(body.to, binding.value) });
      }
      return;
    }
    default:
      body satisfies never;
  }
}
