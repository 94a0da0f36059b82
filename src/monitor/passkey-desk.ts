import { canonicalize } from "../kernel/canonical.ts";
import type { Role } from "../kernel/owner-roles.ts";
import type { Crypto, Random, Timer } from "../platform/powers.ts";
import { toBase64 } from "../protocol/bytes.ts";
import { ownerKeyText, type OwnerDocument, type OwnerKey } from "../protocol/owner-key.ts";
import type { OwnerRequests } from "../protocol/owner-requests.ts";
import { challengeOf, ENROLMENT_TYPE, readRegistration, SIGN_IN_TYPE, verifyAssertion } from "../protocol/passkey.ts";
import type { ConsoleName } from "./console-name.ts";
import { Refusal } from "./faults.ts";
import type { Journal } from "./journal.ts";
import type { RelyingParty } from "./relying-party.ts";
import type { SignCounts } from "./sign-counts.ts";

/** An invitation is answered, and the key that was offered signed for, within this. */
const INVITED_MS = 10 * 60_000;
const SIGN_IN_MS = 2 * 60_000;
/** A long poll for what was offered. */
const WAIT_MS = 25_000;
const MOST_INVITED = 16;
const MOST_SIGN_INS = 64;
/** Refusals that are recorded in an hour: a page can try as often as it likes. */
const MOST_RECORDED = 32;
const HOUR_MS = 3_600_000;
const GROUP = /.{4}(?=.)/g;

export interface DeskPorts {
  readonly journal: Journal;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly timer: Timer;
  readonly counts: SignCounts;
  readonly relyingParty: Pick<RelyingParty, "rpId" | "origin">;
  readonly consoleName: Pick<ConsoleName, "origin">;
  readonly start: string;
  /** Ids of the keys that are being removed. */
  readonly leaving: ReadonlySet<string>;
  now(): number;
}

type Served =
  "invite" | "invited" | "enrolment-open" | "enrolment-offer" | "passkey-party" | "sign-in-open" | "sign-in";

/**
 * Where passkeys are offered and signed in with. None of it adds authority: what is offered is enrolled by a statement of
 * an owner or by nobody, and signing in says who looks, never what is allowed.
 */
export interface PasskeyDesk {
  readonly handlers: {
    readonly [K in Served]: (body: OwnerRequests[K]["body"]) => Promise<OwnerRequests[K]["ok"]>;
  };
  /** Origin of the console: what a browser gave to another name of the home counts for nothing. */
  here(): string;
  /** Whether exactly this key was offered for an invitation, not long ago. */
  offered(key: OwnerKey): boolean;
}

interface Invitation {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly expires: number;
  /** What the page's challenge is made of; null before it asked. */
  text: string | null;
  offered: OwnerDocument | null;
  readonly waiting: (() => void)[];
}

export function createPasskeyDesk(ports: DeskPorts): PasskeyDesk {
  const { journal, crypto, random } = ports;
  const { rpId, origin } = ports.relyingParty;
  const here = ports.consoleName.origin;
  const { state } = journal;
  /** By the digest of their code, so that looking one up tells nothing about others. */
  const invitations = new Map<string, Invitation>();
  const signIns = new Map<string, number>();
  const recorded: number[] = [];

  function refuse(code: string, message: string): never {
    const now = ports.now();
    while ((recorded[0] ?? now) < now - HOUR_MS) recorded.shift();
    if (recorded.length < MOST_RECORDED) {
      recorded.push(now);
      void journal.write({ kind: "refused", peer: "passkey", code, what: message }).catch(() => {});
    }
    throw new Refusal("bad-passkey", `The passkey is refused: ${message}.`, "Begin again.");
  }

  /** Drops what is past its end, so that nothing is pushed out before it. */
  function expire(): void {
    const now = ports.now();
    for (const [code, { expires }] of invitations) if (expires <= now) invitations.delete(code);
    for (const [text, expires] of signIns) if (expires <= now) signIns.delete(text);
  }

  function find(code: string): Invitation {
    expire();
    const found = invitations.get(crypto.digest(code));
    return found ?? refuse("unknown-invitation", "there is no such invitation, or it has ended");
  }

  function makeText(life: number): { readonly text: string; readonly expires: number } {
    const expires = ports.now() + life;
    return {
      text: canonicalize({ v: 1, nonce: random.hex(16), start: ports.start, origin: here(), expires }),
      expires,
    };
  }

  return {
    here,
    offered(key) {
      expire();
      const text = ownerKeyText(key);
      return [...invitations.values()].some(({ offered }) => offered !== null && ownerKeyText(offered.key) === text);
    },

    handlers: {
      async invite({ name, roles }) {
        expire();
        if (state.owners.size === 0)
          throw new Refusal("no-owner", "This home has no owner yet, so nobody can sign.", "Run `aios init`.");
        if (invitations.size >= MOST_INVITED)
          throw new Refusal("too-many", "Too many invitations are open.", "Wait ten minutes.");
        const code = random.hex(10).replaceAll(GROUP, "$&-");
        const expires = ports.now() + INVITED_MS;
        invitations.set(crypto.digest(code), { name, roles, expires, text: null, offered: null, waiting: [] });
        return { code, origin: here(), expires };
      },

      async invited({ code }) {
        const invitation = find(code);
        if (invitation.offered === null) {
          await new Promise<void>((resolve) => {
            invitation.waiting.push(resolve);
            ports.timer.after(WAIT_MS, resolve);
          });
        }
        return { document: invitation.offered };
      },

      async "enrolment-open"({ code }) {
        const invitation = find(code);
        if (invitation.offered !== null) return refuse("used-invitation", "a passkey was offered already");
        invitation.text = makeText(INVITED_MS).text;
        const { name, roles, text } = invitation;
        return { text, rpId, origin: here(), name, roles, user: toBase64(random.bytes(16)) };
      },

      async "enrolment-offer"({ code, authenticatorData, clientData }) {
        const invitation = find(code);
        if (invitation.offered !== null) return refuse("used-invitation", "a passkey was offered already");
        if (invitation.text === null) return refuse("unknown-invitation", "nobody has opened this invitation");
        const message = challengeOf(ENROLMENT_TYPE, invitation.text);
        const read = readRegistration({ authenticatorData, clientData }, { message, rpId, origin, at: here() }, crypto);
        if (read.kind === "refused") return refuse("bad-registration", read.message);
        const { name, roles } = invitation;
        invitation.offered = { name, roles, key: read.key };
        for (const answer of invitation.waiting) answer();
        return { key: read.key };
      },

      async "passkey-party"() {
        const credentials = [...state.owners].flatMap(([key, owner]) =>
          owner.key.kind === "passkey" && owner.key.origin === origin
            ? [{ key, credential: owner.key.credential }]
            : [],
        );
        return { rpId, origin: here(), credentials };
      },

      async "sign-in-open"() {
        expire();
        if (signIns.size >= MOST_SIGN_INS)
          throw new Refusal("too-many", "Too many people are signing in.", "Wait two minutes.");
        const { text, expires } = makeText(SIGN_IN_MS);
        signIns.set(text, expires);
        return { text };
      },

      async "sign-in"({ text, key, ...assertion }) {
        expire();
        // Used once, whatever comes of it.
        if (!signIns.delete(text)) return refuse("replayed", "nobody was asked to sign in with that, or it was used");
        const owner = state.owners.get(key);
        if (owner?.key.kind !== "passkey" || owner.key.origin !== origin || ports.leaving.has(key))
          return refuse("bad-signature", "no owner has that passkey here");
        const message = challengeOf(SIGN_IN_TYPE, text);
        const asserted = verifyAssertion(owner.key, { assertion, message, at: here() }, crypto);
        if (asserted.kind === "refused") return refuse("bad-signature", asserted.message);
        ports.counts.take(key, asserted.count);
        await journal.write({ kind: "owner-signed-in", key, count: asserted.count });
        if (!state.owners.has(key)) return refuse("bad-signature", "its owner was removed meanwhile");
        return { key, name: owner.name, roles: owner.roles };
      },
    },
  };
}
