import type { JsonValue } from "../kernel/json.ts";
import { decodeSecret, type LoginTerms } from "../kernel/secret-document.ts";
import { decodeBinding } from "../kernel/secrets.ts";
import type { RecordBody } from "../protocol/record.ts";
import { StateFault } from "./state-fault.ts";
import type { State } from "./state.ts";

type SecretRecord = Extract<
  RecordBody,
  { readonly kind: "secret-set" | "secret-rotated" | "secret-refreshed" | "secret-bound" | "secret-removed" }
>;

/** Takes one record about a secret into the state. Throws StateFault on what no honest monitor writes. */
export function applySecret(
  { secrets }: Pick<State, "secrets">,
  applied: { readonly seq: number; readonly at: number; readonly body: SecretRecord; readonly document: JsonValue },
): void {
  const { seq, at, body } = applied;
  const { secret } = body;
  const known = secrets.get(secret);
  if (body.kind === "secret-refreshed") {
    // An owner who rotated or removed it meanwhile was later, and has the last word.
    const renewed = known !== undefined && known.login !== null && known.commitment === body.before;
    if (renewed) secrets.set(secret, { ...known, commitment: body.commitment });
    return;
  }
  const { key } = body;
  if ((known === undefined) !== (body.kind === "secret-set")) {
    throw new StateFault(seq, `secret "${secret}" is ${known === undefined ? "not known" : "set already"}`);
  }
  switch (body.kind) {
    case "secret-set":
      secrets.set(secret, { secret, ...valueIn(applied, body), key, since: at, bindings: new Map() });
      return;
    case "secret-removed":
      secrets.delete(secret);
      return;
    case "secret-rotated":
      if (known !== undefined) secrets.set(secret, { ...known, ...valueIn(applied, body), key, since: at });
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

/** What the signed document says of the value; the record alone would be the monitor's word. */
function valueIn(
  { seq, document }: { readonly seq: number; readonly document: JsonValue },
  { secret, commitment }: { readonly secret: string; readonly commitment: string },
): { readonly commitment: string; readonly login: LoginTerms | null } {
  const signed = decodeSecret(document);
  if (signed.kind !== "ok") throw new StateFault(seq, `its document does not decode: ${signed.message}`);
  if (signed.value.secret !== secret || signed.value.commitment !== commitment) {
    throw new StateFault(seq, "its document is about another value");
  }
  return { commitment, login: signed.value.kind === "oauth" ? signed.value.login : null };
}
