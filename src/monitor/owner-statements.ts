import type { JsonObject } from "../kernel/json.ts";
import type { Crypto } from "../platform/powers.ts";
import { decodeOwner, keyBytes, ownerKeyId, type OwnerDocument, type OwnerKey } from "../protocol/owner-key.ts";
import { faultOfPublicKey } from "../protocol/public-key.ts";
import { exactText } from "./exact-text.ts";
import { Refusal } from "./faults.ts";
import { readFirstOwner } from "./signers.ts";
import type { State } from "./state.ts";

/** Owners of one home: each is a key to look after. */
const MOST_OWNERS = 32;

/** What must be known to say whether an owner can be enrolled. */
export interface Enrolling {
  readonly state: State;
  readonly crypto: Pick<Crypto, "sha256" | "digest">;
  /** Whether this passkey was offered for an invitation, and so made for this home by its console. */
  offered(key: OwnerKey): boolean;
}

/** The owner that a statement enrols, and the id of their key; throws a Refusal when they cannot be. */
export function readNewOwner(
  document: JsonObject,
  { state, crypto, offered }: Enrolling,
): OwnerDocument & { readonly id: string } {
  const decoded = decodeOwner(document);
  if (decoded.kind !== "ok")
    throw new Refusal(
      "bad-document",
      `This is no owner: ${decoded.path} ${decoded.message}.`,
      "See docs/formats/statement.md.",
    );
  const { key } = decoded.value;
  const fault = key.kind === "ed25519" ? faultOfPublicKey(keyBytes(key)) : null;
  if (fault !== null)
    throw new Refusal("bad-document", `This is no owner: their key ${fault}.`, "`aios owners key` makes one.");
  const owner = { ...decoded.value, id: ownerKeyId(decoded.value.key, crypto.sha256) };
  if (state.owners.size === 0 && readFirstOwner(document) === null)
    throw new Refusal("bad-document", "The first owner has a key of Ed25519 and all roles.", "Run `aios init`.");
  if (state.owners.has(owner.id))
    throw new Refusal("owner-exists", `The key ${owner.id} is an owner's already.`, "Run `aios owners list`.");
  if ([...state.owners.values()].some(({ name }) => name === owner.name))
    throw new Refusal("owner-exists", `There is an owner "${owner.name}" already.`, "Give them another name.");
  const { pending } = state.recovery;
  if (pending !== null && (pending.owner === owner.id || pending.document.name === owner.name))
    throw new Refusal("owner-exists", "A recovery waits to enrol that key or name.", "Stop it: aios owners stop.");
  if (state.owners.size >= MOST_OWNERS)
    throw new Refusal("too-many", `This home has ${MOST_OWNERS} owners.`, "Remove one first.");
  if (owner.key.kind === "passkey" && !offered(owner.key))
    throw new Refusal(
      "bad-document",
      "This passkey was not offered to this home.",
      "Run `aios owners add --passkey` and use the page that it names.",
    );
  return owner;
}

/** The owner that a statement removes; throws a Refusal when nobody would be left who can look after owners. */
export function readRemoval(document: JsonObject, state: State): string {
  const id = exactText(document, "owner");
  if (!state.owners.has(id)) throw new Refusal("no-owner", `No owner has the key ${id}.`, "Run `aios owners list`.");
  if (isLastAdministrator(id, state))
    throw new Refusal(
      "last-administrator",
      `Without ${id} nobody could add or remove owners: that is signed at a terminal, with a key file.`,
      "Add another owner who can administer first: aios owners add --key.",
    );
  return id;
}

/**
 * Whether nobody else can administer at a terminal. A passkey does not count, whatever its roles: no page has it sign what
 * an administrator signs. Recovery codes do not either, since they end with the owner who made them.
 */
export function isLastAdministrator(id: string, { owners }: Pick<State, "owners">): boolean {
  return [...owners].every(([other, owner]) => other === id || !administersAtTerminal(owner));
}

function administersAtTerminal({ roles, key }: OwnerDocument): boolean {
  return key.kind === "ed25519" && roles.includes("administer");
}
