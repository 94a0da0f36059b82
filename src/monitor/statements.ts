import { canonicalize } from "../kernel/canonical.ts";
import { decodeAction } from "../kernel/action.ts";
import { RECOVERY_ID } from "../kernel/names.ts";
import type { JsonObject } from "../kernel/json.ts";
import { verifyEnvelope } from "../protocol/dsse.ts";
import type { FoundFile } from "../protocol/found-file.ts";
import type { OwnerKey } from "../protocol/owner-key.ts";
import type { RecordBody } from "../protocol/record.ts";
import type { Envelope, Purpose, Statement, UnsignedStatement } from "../protocol/statement.ts";
import type { Crypto, Random } from "../platform/powers.ts";
import { awayRecord, readAway } from "./away.ts";
import { createDrafts, type DraftPlace } from "./drafts.ts";
import { exactText } from "./exact-text.ts";
import { Refusal, StatementRefusal } from "./faults.ts";
import { readErasure } from "./erasing.ts";
import { readGrant } from "./grant-statement.ts";
import { readHomePut, readHomeWipe } from "./home-statements.ts";
import { checkRecovery, readRecoverySet, readStop } from "./recovery.ts";
import type { Found } from "./found.ts";
import type { Journal } from "./journal.ts";
import { jsonView } from "./json-view.ts";
import { checkMemory, isMemoryPurpose, memoryRecord } from "./memory/memory-statements.ts";
import { providerRecord } from "./providers.ts";
import { readNewOwner, readRemoval } from "./owner-statements.ts";
import { secretRecord } from "./secrets.ts";
import { consentOf, takeEffect, type StatementEffects } from "./statement-effects.ts";
import { checkLiftHold, checkThaw, checkThawAll } from "./thaw-statements.ts";
import type { OwnerParts } from "./owner-parts.ts";
import type { PasskeyDesk } from "./passkey-desk.ts";
import { createSecondScreen, type SecondDesk } from "./second-screen.ts";
import { isForSigner, keyOfSigner, unknownSigner } from "./signers.ts";
import type { HeldState } from "./state.ts";
import type { Vault } from "./vault.ts";
import { isSettingPurpose, settingRecord } from "./setting-statements.ts";

export interface StatementPorts {
  readonly journal: Journal;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly start: string;
  readonly vault: Pick<Vault, "isDeposited" | "keep" | "destroy">;
  readonly found: Found;
  readonly owners: Pick<OwnerParts, "counts" | "recovery" | "inTurn" | "leaving" | "refused" | "proposed"> & {
    readonly desk: Pick<PasskeyDesk, "offered" | "here">;
  };
  policy(): string;
  now(): number;
  readonly effects: StatementEffects;
}

/** Hands out statements to sign and takes signed ones in. NO-SELF-WIDENING: nothing else in the monitor adds authority. */
export interface Statements {
  /** @param more what is shown beside a held action, else it is looked for; the place, else it is for whoever asks. */
  prepare(
    purpose: Purpose,
    document: JsonObject,
    more?: { readonly found?: FoundFile | null; readonly place?: DraftPlace },
  ): Promise<UnsignedStatement>;
  /** @param from who hands it in, for the record when it is refused; left out, a command line. */
  submit(envelope: Envelope, document: JsonObject, from?: "cli" | "console"): Promise<number>;
  readonly second: Pick<SecondDesk, "needOf" | "tell">;
}

/** What verified, as it was handed in. */
interface Verified {
  readonly statement: Statement;
  /** What a passkey counts; null for another key. */
  readonly count: number | null;
  readonly envelope: Envelope;
  readonly document: JsonObject;
}

export function createStatements(ports: StatementPorts): Statements {
  const { journal, crypto } = ports;
  const { effects } = ports;
  const memory = { state: journal.state, crypto, effects, now: () => ports.now() };
  const settings = { state: journal.state, crypto };
  const enrolling = { state: journal.state, crypto, offered: ports.owners.desk.offered };
  const second = createSecondScreen(journal.state, ports.random);
  /** Payloads of what is being decided just now. */
  const deciding = new Set<string>();
  const drafts = createDrafts(ports);

  function subjectOf(document: JsonObject): string {
    return crypto.digest(canonicalize(document));
  }

  /** Everything about a statement that can be checked without knowing what it is for. */
  function authenticate(envelope: Envelope, document: JsonObject): { statement: Statement; count: number | null } {
    const { state } = journal;
    const findKey = (id: string): OwnerKey | null => keyOfSigner(id, { state, document, crypto });
    const verified = verifyEnvelope(envelope, { findKey, at: ports.owners.desk.here(), crypto });
    if (verified.kind === "ok") return verified;
    if (findKey(envelope.signatures[0].keyid) === null) throw unknownSigner(envelope.signatures[0].keyid);
    return refuse(verified.code, "it does not verify under an enrolled owner's key");
  }

  function checkFits(statement: Statement, document: JsonObject): void {
    const { state } = journal;
    if (!isForSigner(statement, state)) refuse("wrong-role", `${statement.key} may not sign for ${statement.purpose}`);
    if (statement.subject !== subjectOf(document)) refuse("wrong-subject", "it was signed over something else");
    if (statement.start !== ports.start) refuse("stale-statement", "it was made for another start of the monitor");
    if (statement.policy !== ports.policy()) refuse("moved", "the policy has changed since it was asked for");
    if (statement.expires <= ports.now()) refuse("stale-statement", "it is past its end");
  }

  /** Where it was drawn up. */
  function placeOf({ nonce }: Statement): DraftPlace {
    return drafts.of(nonce) ?? refuse("replayed", "its nonce is not outstanding");
  }

  /** Used once, and only for what it was asked for. */
  function consume(statement: Statement): void {
    placeOf(statement);
    if (!drafts.fits(statement)) return refuse("wrong-subject", "it was drawn up for something else");
    if (statement.decision !== "allow") return refuse("wrong-purpose", "only a held action can be denied");
    drafts.end(statement);
  }

  async function check(purpose: Purpose, document: JsonObject): Promise<void> {
    if (isMemoryPurpose(purpose)) return checkMemory({ purpose, document, key: "" }, memory);
    if (isSettingPurpose(purpose)) return void settingRecord({ purpose, document, key: "" }, settings);
    switch (purpose) {
      case "sign-grant":
        ports.owners.proposed.checkWaits(readGrant(document, journal.state));
        return;
      case "revoke-grant": {
        const grant = journal.state.grants.get(exactText(document, "grant"));
        if (grant === undefined || grant.revoked)
          throw new Refusal(
            "unknown-grant",
            `There is no active grant "${exactText(document, "grant")}".`,
            "Run `aios grants list`.",
          );
        return;
      }
      case "set-policy":
        exactText(document, "text");
        return;
      case "lift-hold":
        checkLiftHold(exactText(document, "instance"), journal.state);
        return;
      case "thaw-all":
        checkThawAll(document, journal.state);
        return;
      case "thaw-instance":
        checkThaw(exactText(document, "instance"), journal.state);
        return;
      case "go-away":
        readAway(document, { state: journal.state, now: ports.now() });
        return;
      case "restart-agent": {
        const agent = exactText(document, "agent");
        if (!journal.state.tombstones.has(agent))
          throw new Refusal("unknown-instance", `Agent "${agent}" was not ended for good.`, "Run `aios ps --all`.");
        return;
      }
      case "set-clock":
        if (Object.keys(document).length !== 1 || typeof document["at"] !== "number")
          throw new Refusal("bad-document", "A clock statement holds `at` alone.", "Run `aios doctor`.");
        return;
      case "put-home-file":
        readHomePut(document, journal.state);
        return;
      case "wipe-home": {
        const holder = ports.effects.homeHolder(readHomeWipe(document));
        if (holder !== null)
          throw new Refusal("home-busy", `Instance ${holder} has that home.`, `End it first: aios kill ${holder}`);
        return;
      }
      case "enrol-owner":
        readNewOwner(document, enrolling);
        return;
      case "remove-owner":
        readRemoval(document, journal.state);
        return;
      case "set-recovery":
        readRecoverySet(document, crypto);
        return;
      case "recover-owner":
        checkRecovery(journal.state);
        readNewOwner(document, enrolling);
        return;
      case "stop-recovery":
        readStop(document, journal.state);
        return;
      case "set-secret":
      case "rotate-secret":
      case "bind-secret":
      case "remove-secret":
        secretRecord({ purpose, document, key: "" }, { state: journal.state, vault: ports.vault });
        return;
      case "set-provider":
      case "remove-provider":
        providerRecord({ purpose, document, key: "" }, journal.state);
        return;
      case "erase-payload":
        await ports.effects.keptOf(readErasure(document));
        return;
      case "approve-action":
        if (heldFor(document) === null)
          throw new Refusal("unknown-request", "No such action is held.", "Run `aios approvals list`.");
        return;
      default:
        purpose satisfies never;
    }
  }

  function heldFor(document: JsonObject): HeldState | null {
    const decoded = decodeAction(document);
    if (decoded.kind !== "ok") return null;
    const held = journal.state.held.get(decoded.value.request);
    return held !== undefined && held.digest === subjectOf(document) ? held : null;
  }

  return {
    second,
    async prepare(purpose, document, { found, place } = {}) {
      if (purpose !== "enrol-owner" && journal.state.owners.size === 0) {
        throw new Refusal("no-owner", "This home has no owner yet, so nobody can sign.", "Run `aios init`.");
      }
      await check(purpose, document);
      const base = { v: 1 as const, purpose, subject: subjectOf(document), policy: ports.policy(), start: ports.start };
      if (purpose === "approve-action") {
        const held = heldFor(document);
        if (held === null)
          throw new Refusal("unknown-request", "No such action is held.", "Run `aios approvals list`.");
        return { ...base, nonce: held.request, expires: held.expires, ...(await ports.found.beside(held, found)) };
      }
      return drafts.draw(base, place);
    },

    async submit(envelope, document, from = "cli") {
      // Before anything is looked at: whoever guesses must not learn more by guessing faster.
      if (RECOVERY_ID.test(envelope.signatures[0].keyid)) ports.owners.recovery.admit();
      let signed: Statement | null = null;
      try {
        const verified = authenticate(envelope, document);
        signed = verified.statement;
        checkFits(signed, document);
        return await once({ ...verified, envelope, document });
      } catch (error) {
        if (error instanceof StatementRefusal) {
          const about = signed === null ? "" : ` for ${signed.purpose}, request ${signed.nonce}`;
          const what = `statement of ${envelope.signatures[0].keyid}${about}`;
          ports.owners.refused({ peer: from, code: error.reason, what });
        }
        throw error;
      }
    },
  };

  async function once(verified: Verified): Promise<number> {
    const { payload } = verified.envelope;
    // Before the count is looked at: what is handed in a second time is a replay, not a copy of the passkey.
    if (deciding.has(payload)) return refuse("replayed", "it is being decided already");
    deciding.add(payload);
    try {
      return await decide(verified);
    } finally {
      deciding.delete(payload);
    }
  }

  async function decide({ statement, count, envelope, document }: Verified): Promise<number> {
    if (statement.purpose === "approve-action") {
      // Not in turn: what was approved may take its time, and `settle` lets each action through once.
      const shown = heldFor(document);
      if (shown !== null && !(await ports.found.holds(statement, shown)))
        return refuse("moved", "the file that the action would write is not as it was shown");
      const held = heldFor(document);
      if (held === null || held.request !== statement.nonce)
        return refuse("replayed", "that action is not held any more");
      const fault = second.faultOf(statement, held);
      if (fault !== null) return refuse("second-screen", fault);
      ports.owners.counts.take(statement.key, count);
      return ports.effects.settle({ held, consent: consentOf(statement), envelope, recheck: () => recheck(statement) });
    }
    placeOf(statement);
    ports.owners.counts.take(statement.key, count);
    return ports.owners.inTurn(async () => {
      // What came before may have taken the right to sign this, or have been the first owner's enrolment.
      authenticate(envelope, document);
      checkFits(statement, document);
      return take(statement, { envelope, document });
    });
  }

  /** A record of somebody after the record that removes them is one that no start and no verifier takes. */
  function recheck(statement: Statement): void {
    if (ports.owners.leaving.has(statement.key) || !isForSigner(statement, journal.state))
      refuse("wrong-role", `${statement.key} may not sign for ${statement.purpose} any more`);
  }

  async function take(
    statement: Statement,
    { envelope, document }: { envelope: Envelope; document: JsonObject },
  ): Promise<number> {
    await check(statement.purpose, document);
    let policy = statement.policy;
    if (statement.purpose === "set-policy") {
      // Before the nonce is consumed and before anything is recorded: a text that does not load changes nothing.
      const checked = await ports.effects.checkPolicy(exactText(document, "text"));
      if (checked.kind === "refused")
        throw new Refusal("policy", checked.message, "Run `aios policy check FILE`; the old policy stays in force.");
      policy = checked.version;
    }
    if (statement.purpose === "sign-grant")
      ports.owners.proposed.admit(statement, { place: placeOf(statement), id: readGrant(document, journal.state).id });
    consume(statement);
    const body = bodyOf(statement, { document, policy });
    const before = await storeValue(body);
    const kept = body.kind === "payload-erased" ? await ports.effects.keptOf(body.record) : {};
    const seq = await written(body, { document, envelope: jsonView(envelope), ...kept });
    if (body.kind === "recovery-begun") ports.owners.recovery.watch();
    await takeEffect(body, { seq, document, state: journal.state, effects });
    if (before !== null) await ports.vault.destroy(before);
    return seq;
  }

  async function written(body: RecordBody, payload: JsonObject): Promise<number> {
    if (body.kind !== "owner-removed") return journal.write(body, payload);
    ports.owners.leaving.add(body.owner);
    try {
      return await journal.write(body, payload);
    } finally {
      ports.owners.leaving.delete(body.owner);
    }
  }

  /** Seals a value before its record says that it is there. What is to be destroyed once the record is durable. */
  async function storeValue(body: RecordBody): Promise<string | null> {
    if (body.kind !== "secret-set" && body.kind !== "secret-rotated" && body.kind !== "secret-removed") return null;
    const before = journal.state.secrets.get(body.secret)?.commitment ?? null;
    if (body.kind === "secret-removed") return before;
    if (!(await ports.vault.keep(body.commitment)))
      throw new Refusal("no-value", "The value that this statement commits to is gone.", "Set it again.");
    return before === body.commitment ? null : before;
  }

  function bodyOf(statement: Statement, { document, policy }: { document: JsonObject; policy: string }): RecordBody {
    const { key, purpose, subject } = statement;
    if (isMemoryPurpose(purpose)) return memoryRecord({ purpose, document, key }, memory);
    if (isSettingPurpose(purpose)) return settingRecord({ purpose, document, key }, settings);
    switch (purpose) {
      case "sign-grant":
        return { kind: "grant-signed", grant: readGrant(document, journal.state).id, digest: subject, key };
      case "revoke-grant":
        return { kind: "grant-revoked", grant: exactText(document, "grant"), key };
      case "set-policy":
        return { kind: "policy-set", policy, key };
      case "thaw-instance":
        return { kind: "instance-thawed", instance: exactText(document, "instance"), key };
      case "lift-hold":
        return { kind: "hold-lifted", instance: exactText(document, "instance"), key };
      case "thaw-all":
        return { kind: "all-thawed", key };
      case "go-away":
        return awayRecord(document, { state: journal.state, now: ports.now(), key });
      case "restart-agent":
        return { kind: "agent-restarted", agent: exactText(document, "agent"), key };
      case "set-clock":
        return { kind: "clock-set", key };
      case "put-home-file": {
        const { agent, path, text } = readHomePut(document, journal.state);
        return { kind: "home-put", agent, path, digest: crypto.digest(text), key };
      }
      case "wipe-home":
        return { kind: "home-wiped", agent: readHomeWipe(document), key };
      case "enrol-owner":
        return { kind: "owner-enrolled", owner: readNewOwner(document, enrolling).id, key };
      case "remove-owner":
        return { kind: "owner-removed", owner: readRemoval(document, journal.state), key };
      case "set-recovery":
        return { kind: "recovery-set", codes: readRecoverySet(document, crypto).codes.length, key };
      case "recover-owner":
        return { kind: "recovery-begun", owner: readNewOwner(document, enrolling).id, key };
      case "stop-recovery":
        return { kind: "recovery-stopped", record: readStop(document, journal.state), key };
      case "set-secret":
      case "rotate-secret":
      case "bind-secret":
      case "remove-secret":
        return secretRecord({ purpose, document, key }, { state: journal.state, vault: ports.vault });
      case "set-provider":
      case "remove-provider":
        return providerRecord({ purpose, document, key }, journal.state);
      case "erase-payload":
        return { kind: "payload-erased", record: readErasure(document), key };
      case "approve-action":
        throw new Error("approvals are settled, not recorded here");
      default:
        return purpose satisfies never;
    }
  }
}

function refuse(code: string, message: string): never {
  throw new StatementRefusal(code, message);
}
