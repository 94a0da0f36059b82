import type { JsonValue } from "../kernel/json.ts";
import { decodeSecret, type LoginTerms } from "../kernel/secret-document.ts";
import { decodeBinding } from "../kernel/secrets.ts";
import { decodeSshBinding, isSshTarget } from "../kernel/ssh-binding.ts";
import type { RecordBody } from "../protocol/record.ts";
import { StateFault } from "./state-fault.ts";
import type { SecretState, State } from "./state.ts";

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
      secrets.set(secret, { secret, ...valueIn(applied, body), key, since: at, bindings: new Map(), ssh: new Map() });
      return;
    case "secret-removed":
      secrets.delete(secret);
      return;
    case "secret-rotated":
      if (known !== undefined) secrets.set(secret, { ...known, ...valueIn(applied, body), key, since: at });
      return;
    case "secret-bound": {
      if (known !== undefined) secrets.set(secret, withBinding(known, applied.document, { seq, to: body.to }));
      return;
    }
    default:
      body satisfies never;
  }
}

/** A secret with one more destination, as its owner signed it. */
function withBinding(
  known: SecretState,
  document: JsonValue,
  { seq, to }: { readonly seq: number; readonly to: string },
): SecretState {
  const binding = isSshTarget(to) ? decodeSshBinding(document) : decodeBinding(document);
  if (binding.kind !== "ok") throw new StateFault(seq, `its binding does not decode: ${binding.message}`);
  const { value } = binding;
  if (value.secret !== known.secret || value.to !== to) throw new StateFault(seq, "its binding is another one");
  return "hostKeys" in value
    ? { ...known, ssh: new Map(known.ssh).set(to, value) }
    : { ...known, bindings: new Map(known.bindings).set(to, value) };
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
