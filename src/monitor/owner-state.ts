import type { JsonValue } from "../kernel/json.ts";
import { isObject } from "../kernel/json.ts";
import { decode } from "../protocol/decode.ts";
import { decodeOwner, type OwnerDocument } from "../protocol/owner-key.ts";
import { signCountOf } from "../protocol/passkey.ts";
import type { RecordBody } from "../protocol/record.ts";
import { ENVELOPE } from "../protocol/statement.ts";
import { isLastAdministrator } from "./owner-statements.ts";
import { codesEndWith } from "./recovery-state.ts";
import { StateFault } from "./state-fault.ts";
import type { State } from "./state.ts";

type OwnerBody = Extract<
  RecordBody,
  { readonly kind: "owner-enrolled" | "owner-removed" | "owner-signed-in" | "owner-recovered" }
>;

/** Takes a record about owners into the state; throws StateFault on what cannot be. */
export function applyOwner(
  state: State,
  {
    seq,
    at,
    body,
    document,
  }: { readonly seq: number; readonly at: number; readonly body: OwnerBody; readonly document: JsonValue },
): void {
  if (body.kind === "owner-signed-in") {
    const owner = state.owners.get(body.key) ?? fail(seq, `no owner has the key ${body.key}`);
    owner.count = Math.max(owner.count, body.count);
    return;
  }
  if (body.kind === "owner-recovered") {
    const { pending } = state.recovery;
    if (pending?.record !== body.record || pending.owner !== body.owner) fail(seq, "no such recovery waits");
    else if (at < pending.due) fail(seq, "its wait is not over");
    else {
      enrol(state, { seq, at, owner: pending.document, id: pending.owner });
      state.recovery = { ...state.recovery, pending: null };
    }
    return;
  }
  if (body.kind === "owner-removed") {
    if (isLastAdministrator(body.owner, state)) fail(seq, "it leaves nobody who can administer");
    if (!state.owners.delete(body.owner)) fail(seq, `no owner has the key ${body.owner}`);
    codesEndWith(state, body.owner);
    return;
  }
  const decoded = decodeOwner(document);
  if (decoded.kind !== "ok") return fail(seq, `its owner does not decode: ${decoded.message}`);
  enrol(state, { seq, at, owner: decoded.value, id: body.owner });
}

function enrol(
  state: State,
  {
    seq,
    at,
    owner,
    id,
  }: { readonly seq: number; readonly at: number; readonly owner: OwnerDocument; readonly id: string },
): void {
  if (state.owners.has(id)) fail(seq, `the key ${id} is an owner's already`);
  state.owners.set(id, { ...owner, since: at, count: owner.key.kind === "passkey" ? owner.key.count : 0 });
}

/** Takes note of the sign count that a passkey's signature shows, in whichever record it stands. */
export function noteSignCount(state: State, payload: JsonValue): void {
  const envelope = isObject(payload) ? payload["envelope"] : undefined;
  if (envelope === undefined || state.owners.size === 0) return;
  const decoded = decode(ENVELOPE, envelope);
  if (decoded.kind !== "ok") return;
  const [signature] = decoded.value.signatures;
  const owner = "authenticatorData" in signature ? state.owners.get(signature.keyid) : undefined;
  if (owner !== undefined && "authenticatorData" in signature) {
    owner.count = Math.max(owner.count, signCountOf(signature));
  }
}

function fail(seq: number, why: string): never {
  throw new StateFault(seq, why);
}
