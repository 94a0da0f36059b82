import type { Consent } from "../kernel/consent.ts";
import type { Grant } from "../kernel/grant.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { RecordBody } from "../protocol/record.ts";
import type { Envelope, Statement } from "../protocol/statement.ts";
import { exactText } from "./exact-text.ts";
import { readHomePut, type HomePut } from "./home-statements.ts";
import type { Lot } from "./memory/importing.ts";
import type { HeldState, State } from "./state.ts";

/** What an owner said of a held action, once it is verified. */
export interface OwnerAnswer {
  readonly held: HeldState;
  readonly consent: Consent;
  readonly envelope: Envelope;
  /** Throws a Refusal when the owner may not sign that any more: to be called where nothing comes between it and the record. */
  recheck(): void;
}

/** Acts that only a statement of an owner can cause, once it is verified and recorded. */
export interface StatementEffects {
  settle(answer: OwnerAnswer): Promise<number>;
  /** Type-checks a policy text without taking it into force. */
  checkPolicy(text: string): Promise<{ kind: "ok"; version: string } | { kind: "refused"; message: string }>;
  /** After its record: takes the text into force. */
  policySet(text: string): Promise<void>;
  grantsChanged(change: { readonly added: Grant } | { readonly removed: string }): void;
  wentAway(leases: readonly string[]): void;
  /** A secret was rotated, bound anew or removed: whoever holds its value is ended. */
  secretChanged(secret: string): void;
  /** An instance goes on; null: all that were frozen together. */
  thawed(instance: string | null): void;
  /** The instance that has an agent's home now, or null. */
  homeHolder(agent: string): string | null;
  homePut(put: HomePut): void;
  homeWiped(agent: string): Promise<void>;
  clockAccepted(): void;
  /** What must be kept of a payload that is erased; throws a Refusal when it must stay. */
  keptOf(seq: number): Promise<JsonObject>;
  /** Destroys the key of a payload. */
  erase(seq: number): Promise<void>;
  /** Entries of memory were erased: their keys go now. */
  memoryErased(): Promise<void>;
  /** Entries of memory that were handed in to be imported and have this digest together, or null. */
  lotOf(digest: string): Lot | null;
  /** Whether what a snapshot says of entries is so, and they can be frozen; throws a Refusal. */
  checkFreeze(document: JsonObject): Promise<void>;
  /** After the record of an import: keeps them. */
  memoryImported(record: number, document: JsonObject): Promise<void>;
  /** Whose extensions are taken is another matter now: what runs and may not any more is stopped. */
  publishersSet(): Promise<void>;
  /** Others cosign the log's checkpoints now, or see it, or payloads are kept for another time. */
  settingChanged(kind: "witnesses-set" | "telemetry-set" | "retention-set"): void;
}

/** What follows from a record of a statement that is durable now. */
export async function takeEffect(
  body: RecordBody,
  { seq, document, state, effects }: { seq: number; document: JsonObject; state: State; effects: StatementEffects },
): Promise<void> {
  if (body.kind === "grant-signed") {
    const added = state.active.get(body.grant);
    if (added !== undefined) effects.grantsChanged({ added });
  } else if (body.kind === "away-begun") effects.wentAway(body.leases);
  else if (body.kind === "grant-revoked") effects.grantsChanged({ removed: body.grant });
  else if (body.kind === "policy-set") await effects.policySet(exactText(document, "text"));
  else if (body.kind === "payload-erased") await effects.erase(body.record);
  else if (body.kind === "witnesses-set" || body.kind === "telemetry-set" || body.kind === "retention-set")
    effects.settingChanged(body.kind);
  else if (body.kind === "publishers-set") await effects.publishersSet();
  else if (body.kind === "memory-erased") await effects.memoryErased();
  else if (body.kind === "memory-imported") await effects.memoryImported(seq, document);
  else if (body.kind === "instance-thawed") effects.thawed(body.instance);
  else if (body.kind === "all-thawed") effects.thawed(null);
  else if (body.kind === "home-put") effects.homePut(readHomePut(document, state));
  else if (body.kind === "home-wiped") await effects.homeWiped(body.agent);
  else if ("secret" in body) effects.secretChanged(body.secret);
  else if (body.kind === "clock-set") effects.clockAccepted();
}

/** A statement as the kernel looks at it. */
export function consentOf(statement: Statement): Consent {
  const { purpose, decision, nonce, subject, policy, start, expires, key } = statement;
  return { purpose, decision, nonce, subject, policy, start, expires, key };
}
