import { maySign, ROLES, SIGNED_BY } from "../kernel/owner-roles.ts";
import type { JsonValue } from "../kernel/json.ts";
import type { Crypto } from "../platform/powers.ts";
import { decodeOwner, ownerKeyId, type OwnerDocument, type OwnerKey } from "../protocol/owner-key.ts";
import type { Statement } from "../protocol/statement.ts";
import { StatementRefusal } from "./faults.ts";
import type { State } from "./state.ts";

interface Signer {
  readonly state: State;
  /** What the statement is about. */
  readonly document: JsonValue;
  readonly crypto: Pick<Crypto, "sha256">;
}

/** The key that a signature under this id is checked with, or null. While a home has no owner, the first one's own. */
export function keyOfSigner(id: string, { state, document, crypto }: Signer): OwnerKey | null {
  const code = state.recovery.codes.get(id);
  if (code !== undefined) return { kind: "ed25519", publicKey: code.key };
  const owner = state.owners.get(id);
  if (owner !== undefined || state.owners.size > 0) return owner?.key ?? null;
  const first = readFirstOwner(document);
  return first !== null && ownerKeyId(first.key, crypto.sha256) === id ? first.key : null;
}

/** Why nothing is taken that was signed by a key that is no owner's: removed, not yet enrolled, or of another home. */
export function unknownSigner(id: string): StatementRefusal {
  return new StatementRefusal(
    "bad-signature",
    `no owner of this home has the key ${id}`,
    "`aios owners list` names those that may sign. A passphrase opens the first key file that it fits: one that is no owner's is moved out of the folder `keys` of the home.",
  );
}

/** Whether the owner who signed may sign for that: asked of a statement that is handed in, and of every one in the log. */
export function isForSigner({ key, purpose }: Pick<Statement, "key" | "purpose">, state: State): boolean {
  // A code signs for nothing else, and once.
  if (SIGNED_BY[purpose] === "recovery") return state.recovery.codes.get(key)?.used === false;
  if (state.owners.size === 0) return purpose === "enrol-owner";
  // A browser that lies must not be able to have what keeps it honest switched off.
  if (purpose === "set-second-screen" && isPasskey(key)) return false;
  return maySign(state.owners.get(key)?.roles ?? [], purpose);
}

/** Whether a key is one that signs in a browser, by its id. */
export function isPasskey(id: string): boolean {
  return id.startsWith("passkey:");
}

/** The first owner: a key of Ed25519, which `aios init` makes, and all roles; null when it is another document. */
export function readFirstOwner(document: JsonValue): OwnerDocument | null {
  const decoded = decodeOwner(document);
  if (decoded.kind !== "ok" || decoded.value.key.kind !== "ed25519") return null;
  return decoded.value.roles.length === ROLES.length ? decoded.value : null;
}
