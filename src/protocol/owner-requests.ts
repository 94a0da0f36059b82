import type { Role } from "../kernel/owner-roles.ts";
import { list, object, type Decoder } from "./decode.ts";
import { empty, moment, ownerKey, words } from "./fields.ts";
import { OWNER_KEY, ownerName, ownerRoles, type OwnerKey } from "./owner-key.ts";
import type { AnswerTable, BodyTable } from "./side.ts";

/** An owner, for people. */
export interface OwnerView {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly key: OwnerKey;
  /** Milliseconds since 1970 UTC. */
  readonly since: number;
  /** Grants in force that they signed: what stays when they are removed. */
  readonly grants: readonly string[];
}

type Empty = Record<string, never>;

/** Requests about owners. None of them makes one: that is a statement's to do. */
export interface OwnerRequests {
  owners: { body: Empty; ok: { readonly owners: readonly OwnerView[] } };
}

type OkOf<Name extends keyof OwnerRequests> = OwnerRequests[Name]["ok"];

const OWNER_VIEW: Decoder<OwnerView> = object<OwnerView>({
  id: ownerKey,
  name: ownerName,
  roles: ownerRoles,
  key: OWNER_KEY,
  since: moment,
  grants: list(words, { max: 100_000 }),
});

/** The decoder of the body of each. */
export const OWNER_TABLE: BodyTable<OwnerRequests> = { owners: empty };

/** The decoder of the answer to each. */
export const OWNER_ANSWERS: AnswerTable<OwnerRequests> = {
  owners: object<OkOf<"owners">>({ owners: list(OWNER_VIEW, { max: 32 }) }),
};
