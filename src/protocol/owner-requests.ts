import { RECOVERY_ID } from "../kernel/names.ts";
import type { Role } from "../kernel/owner-roles.ts";
import { list, nullable, object, oneOf, text, type Decoder } from "./decode.ts";
import { count, empty, moment, nonce, ownerKey, words } from "./fields.ts";
import { OWNER_DOCUMENT, OWNER_KEY, ownerName, ownerRoles, type OwnerDocument, type OwnerKey } from "./owner-key.ts";
import type { RecoveryCode } from "./recovery.ts";
import { ASSERTION_FIELDS, REGISTRATION_FIELDS, type Assertion, type Registration } from "./passkey.ts";
import { DEMANDS, type Demand } from "./second-screen.ts";
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

/** What stands ready for a lost key. */
export interface RecoveryView {
  /** Milliseconds; 0 when recovery is off. */
  readonly wait: number;
  /** Id of the key of the owner who made the codes, which end with that owner; null when there are none. */
  readonly by: string | null;
  /**
   * The codes in their order; null for one that was used. By its id a terminal sees that a code was mistyped before anything
   * is made for it; what is left to guess is 100 bits behind scrypt.
   */
  readonly codes: readonly (Pick<RecoveryCode, "id" | "salt"> | null)[];
  readonly pending: RecoveryPending | null;
}

/** A recovery that enrols an owner at `due`, milliseconds since 1970 UTC, unless an owner stops it. */
export interface RecoveryPending {
  readonly record: number;
  readonly owner: string;
  readonly name: string;
  readonly due: number;
}

type Empty = Record<string, never>;
interface Invited {
  readonly code: string;
}
interface Party {
  readonly rpId: string;
  readonly origin: string;
}

/** Requests about owners and their passkeys. None of them makes an owner: that is a statement's to do. */
export interface OwnerRequests {
  owners: {
    body: Empty;
    ok: { readonly owners: readonly OwnerView[]; readonly recovery: RecoveryView; readonly second: Demand };
  };
  /** Lets one passkey be offered, for ten minutes, to whoever has the code. It enrols nothing. */
  invite: {
    body: { readonly name: string; readonly roles: readonly Role[] };
    ok: { readonly code: string; readonly origin: string; readonly expires: number };
  };
  /** Answers when a passkey was offered, or after some seconds with null. */
  invited: { body: Invited; ok: { readonly document: OwnerDocument | null } };
  /** What a page needs for `navigator.credentials.create`; `user` is random, in base64. */
  "enrolment-open": {
    body: Invited;
    ok: Party & {
      readonly text: string;
      readonly name: string;
      readonly roles: readonly Role[];
      readonly user: string;
    };
  };
  "enrolment-offer": { body: Invited & Registration; ok: { readonly key: OwnerKey } };
  /** Who could sign in at this home's console. */
  "passkey-party": {
    body: Empty;
    ok: Party & { readonly credentials: readonly { readonly key: string; readonly credential: string }[] };
  };
  /** A text to sign in with, once, within two minutes. */
  "sign-in-open": { body: Empty; ok: { readonly text: string } };
  "sign-in": {
    body: Assertion & { readonly text: string; readonly key: string };
    ok: { readonly key: string; readonly name: string; readonly roles: readonly Role[] };
  };
}

/** What a command line is told about owners. */
export interface OwnerEvents {
  /** Somebody recovers a lost key, or nobody does any more; told to whoever connects meanwhile too. */
  recovering: { readonly pending: RecoveryPending | null };
}

type BodyOf<Name extends keyof OwnerRequests> = OwnerRequests[Name]["body"];
type OkOf<Name extends keyof OwnerRequests> = OwnerRequests[Name]["ok"];

const OWNER_VIEW: Decoder<OwnerView> = object<OwnerView>({
  id: ownerKey,
  name: ownerName,
  roles: ownerRoles,
  key: OWNER_KEY,
  since: moment,
  grants: list(words, { max: 100_000 }),
});
/** Reads a recovery that waits. */
export const RECOVERY_PENDING: Decoder<RecoveryPending> = object<RecoveryPending>({
  record: count,
  owner: ownerKey,
  name: ownerName,
  due: moment,
});
const RECOVERY_VIEW: Decoder<RecoveryView> = object<RecoveryView>({
  wait: count,
  by: nullable(ownerKey),
  codes: list(
    nullable(
      object<Pick<RecoveryCode, "id" | "salt">>({
        id: text({ max: 25, pattern: RECOVERY_ID, is: "the id of a code" }),
        salt: nonce,
      }),
    ),
    { max: 16 },
  ),
  pending: nullable(RECOVERY_PENDING),
});
/** What somebody types: whether it is an invitation's code is the answer. */
const code = text({ max: 64 });
const said = text({ max: 1024 });

/** The decoder of the body of each. */
export const OWNER_TABLE: BodyTable<OwnerRequests> = {
  owners: empty,
  invite: object<BodyOf<"invite">>({ name: ownerName, roles: ownerRoles }),
  invited: object<BodyOf<"invited">>({ code }),
  "enrolment-open": object<BodyOf<"enrolment-open">>({ code }),
  "enrolment-offer": object<BodyOf<"enrolment-offer">>({ code, ...REGISTRATION_FIELDS }),
  "passkey-party": empty,
  "sign-in-open": empty,
  "sign-in": object<BodyOf<"sign-in">>({ text: said, key: ownerKey, ...ASSERTION_FIELDS }),
};

const party = { rpId: words, origin: words };

/** The decoder of the answer to each. */
export const OWNER_ANSWERS: AnswerTable<OwnerRequests> = {
  owners: object<OkOf<"owners">>({
    owners: list(OWNER_VIEW, { max: 64 }),
    recovery: RECOVERY_VIEW,
    second: oneOf(DEMANDS),
  }),
  invite: object<OkOf<"invite">>({ code, origin: words, expires: moment }),
  invited: object<OkOf<"invited">>({ document: nullable(OWNER_DOCUMENT) }),
  "enrolment-open": object<OkOf<"enrolment-open">>({
    ...party,
    text: said,
    name: ownerName,
    roles: ownerRoles,
    user: text({ max: 24 }),
  }),
  "enrolment-offer": object<OkOf<"enrolment-offer">>({ key: OWNER_KEY }),
  "passkey-party": object<OkOf<"passkey-party">>({
    ...party,
    credentials: list(
      object<OkOf<"passkey-party">["credentials"][number]>({ key: ownerKey, credential: text({ max: 1364 }) }),
      { max: 32 },
    ),
  }),
  "sign-in-open": object<OkOf<"sign-in-open">>({ text: said }),
  "sign-in": object<OkOf<"sign-in">>({ key: ownerKey, name: ownerName, roles: ownerRoles }),
};
