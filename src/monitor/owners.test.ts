import { describe, expect, test } from "vitest";
import { canonicalize } from "../kernel/canonical.ts";
import { ROLES, type Role } from "../kernel/owner-roles.ts";
import type { JsonObject } from "../kernel/json.ts";
import { createCrypto } from "../platform/keys/crypto.ts";
import { createSigner } from "../platform/keys/signer.ts";
import { toBase64 } from "../protocol/bytes.ts";
import { sealEnvelope } from "../protocol/dsse.ts";
import { decodeOwner, ownerKeyId, type OwnerKey, type Passkey } from "../protocol/owner-key.ts";
import { pae } from "../protocol/pae.ts";
import { challengeOf, ENROLMENT_TYPE, readRegistration } from "../protocol/passkey.ts";
import type { RecordBody } from "../protocol/record.ts";
import { STATEMENT_TYPE, statementText, type Envelope, type Purpose, type Statement } from "../protocol/statement.ts";
import { createAuthenticator } from "../../test/fakes/authenticator.ts";
import { recoveryKeyId } from "../protocol/recovery.ts";
import { jsonView } from "./json-view.ts";
import { applyRecord, StateFault } from "./reducer.ts";
import { createSignCounts } from "./sign-counts.ts";
import { checkSigned } from "./signed-records.ts";
import { emptyState, NO_RECOVERY, type State } from "./state.ts";

const crypto = createCrypto();
const AT_HOME = { rpId: "aios-0123456789abcdef.localhost", origin: "http://aios-0123456789abcdef.localhost:20101" };
const DIGEST = `sha256:${"a".repeat(64)}`;
const NONCE = "0".repeat(32);

interface Person {
  readonly key: OwnerKey;
  readonly id: string;
  seal(statement: Statement): Envelope;
}

function withKeyFile(seed: number): Person {
  const signer = createSigner(new Uint8Array(32).fill(seed));
  const key: OwnerKey = { kind: "ed25519", publicKey: toBase64(signer.publicKey) };
  return { key, id: ownerKeyId(key, crypto.sha256), seal: (statement) => sealEnvelope(statement, signer) };
}

function withPasskey(): Person & { readonly passkey: Passkey; count: number | null } {
  const authenticator = createAuthenticator(AT_HOME);
  const message = challengeOf(ENROLMENT_TYPE, "{}");
  const read = readRegistration(authenticator.register(message), { message, ...AT_HOME, at: AT_HOME.origin }, crypto);
  if (read.kind !== "ok") throw new Error(read.message);
  const id = ownerKeyId(read.key, crypto.sha256);
  const person = {
    key: read.key,
    passkey: read.key,
    id,
    count: null as number | null,
    seal(statement: Statement): Envelope {
      const payload = Buffer.from(statementText(statement));
      const odd = person.count === null ? {} : { count: person.count };
      const assertion = authenticator.assert(pae(STATEMENT_TYPE, payload), odd);
      return {
        payloadType: STATEMENT_TYPE,
        payload: payload.toString("base64"),
        signatures: [{ keyid: id, ...assertion }],
      };
    },
  };
  return person;
}

/** A log as a start of the monitor reads it: each record is checked, then taken into the state. */
class Home {
  readonly state: State = emptyState();
  seq = 0;

  replay(body: RecordBody, signed: { by: Person; purpose: Purpose; document: JsonObject }): void {
    const { by, purpose, document } = signed;
    const subject = crypto.digest(canonicalize(document));
    const envelope = by.seal({
      v: 1,
      purpose,
      decision: "allow",
      nonce: NONCE,
      subject,
      policy: DIGEST,
      start: NONCE,
      expires: 1,
      key: by.id,
    });
    const payload = { document, envelope: jsonView(envelope) };
    const base = { v: 1 as const, seq: this.seq, at: this.seq, start: NONCE, payload: { digest: DIGEST, bytes: 1 } };
    checkSigned({ ...base, ...body }, { payload, state: this.state, crypto });
    applyRecord(this.state, { seq: this.seq, at: this.seq, body, payload, replay: true });
    this.seq += 1;
  }

  enrol(
    person: Person,
    { by, roles = ROLES, name = person.id.replace(":", "-") }: { by: Person; roles?: readonly Role[]; name?: string },
  ) {
    const document = { name, roles, key: jsonView(person.key) };
    this.replay({ kind: "owner-enrolled", owner: person.id, key: by.id }, { by, purpose: "enrol-owner", document });
  }
  remove(person: Person, { by }: { by: Person }) {
    const document = { owner: person.id };
    this.replay({ kind: "owner-removed", owner: person.id, key: by.id }, { by, purpose: "remove-owner", document });
  }
  setPolicy(by: Person) {
    const document = { text: "" };
    this.replay({ kind: "policy-set", policy: DIGEST, key: by.id }, { by, purpose: "set-policy", document });
  }
}

const [first, second, third, fourth] = [withKeyFile(1), withKeyFile(2), withKeyFile(3), withKeyFile(4)];

describe("a log with several owners", () => {
  test("is replayed: owners enrol others, of both kinds, and remove them", () => {
    const home = new Home();
    const passkey = withPasskey();
    home.enrol(first, { by: first });
    home.enrol(second, { by: first, roles: ["approve"] });
    home.enrol(passkey, { by: first });
    home.setPolicy(passkey);
    home.enrol(third, { by: passkey, roles: ["grant"] });
    home.remove(second, { by: passkey });
    home.enrol(fourth, { by: passkey });
    home.remove(first, { by: passkey });
    expect([...home.state.owners.keys()]).toEqual([passkey.id, third.id, fourth.id]);
    expect(home.state.owners.get(passkey.id)).toMatchObject({ roles: ROLES, count: 6 });
  });

  test.each<[string, (home: Home) => void, RegExp]>([
    ["an owner enrolled by nobody", (home) => home.enrol(third, { by: third }), /does not verify/],
    ["one enrolled without administer", (home) => home.enrol(third, { by: second }), /may not sign for enrol-owner/],
    ["a policy by one who only approves", (home) => home.setPolicy(second), /may not sign for set-policy/],
    ["the last who can administer removed", (home) => home.remove(first, { by: first }), /nobody who can administer/],
    [
      "the last who can administer at a terminal removed, beside a passkey that no page has sign that",
      (home) => {
        home.enrol(withPasskey(), { by: first });
        home.remove(first, { by: first });
      },
      /nobody who can administer/,
    ],
    [
      "a policy by one who was removed",
      (home) => {
        home.remove(second, { by: first });
        home.setPolicy(second);
      },
      /does not verify/,
    ],
    [
      "another owner than the one that was signed",
      (home) =>
        home.replay(
          { kind: "owner-enrolled", owner: third.id, key: first.id },
          {
            by: first,
            purpose: "enrol-owner",
            document: { name: "x", roles: ROLES, key: jsonView(withKeyFile(4).key) },
          },
        ),
      /another owner/,
    ],
    [
      "somebody removed by a statement for another purpose",
      (home) =>
        home.replay(
          { kind: "owner-removed", owner: second.id, key: first.id },
          { by: first, purpose: "enrol-owner", document: { owner: second.id } },
        ),
      /signed for enrol-owner/,
    ],
    ["one key enrolled twice", (home) => home.enrol(second, { by: first }), /already/],
  ])("attack: with %s it does not start", (_, forge, why) => {
    const home = new Home();
    home.enrol(first, { by: first });
    home.enrol(second, { by: first, roles: ["approve"] });
    expect(() => forge(home)).toThrow(StateFault);
    const again = new Home();
    again.enrol(first, { by: first });
    again.enrol(second, { by: first, roles: ["approve"] });
    expect(() => forge(again)).toThrow(why);
  });

  test("attack: the first owner is nobody with fewer roles or a passkey", () => {
    expect(() => new Home().enrol(first, { by: first, roles: ["approve"] })).toThrow(/does not verify/);
    const passkey = withPasskey();
    expect(() => new Home().enrol(passkey, { by: passkey })).toThrow(/does not verify/);
  });
});

describe("the sign count of a passkey", () => {
  const records: RecordBody[] = [];
  const start = (count: number) => {
    const home = new Home();
    const passkey = withPasskey();
    home.enrol(first, { by: first });
    home.enrol(passkey, { by: first });
    const owner = home.state.owners.get(passkey.id);
    if (owner !== undefined) owner.count = count;
    const journal = {
      state: home.state,
      size: () => 0,
      write: (body: RecordBody) => Promise.resolve(records.push(body)),
    };
    return { id: passkey.id, counts: createSignCounts(journal) };
  };

  test("twin: rises, from zero or from where it was, or is always zero", () => {
    const { id, counts } = start(7);
    counts.take(id, 8);
    counts.take(id, 100);
    const still = start(0);
    still.counts.take(still.id, 0);
    still.counts.take(still.id, 0);
    counts.take(first.id, null);
    expect(records).toEqual([]);
  });

  test.each([[7], [6], [0]])("attack: %i after 7 is refused and recorded", (found) => {
    const { id, counts } = start(7);
    expect(() => counts.take(id, found)).toThrow(/may be a copy/);
    expect(records.pop()).toEqual({ kind: "passkey-rolled-back", key: id, kept: 7, found });
  });

  test("attack: two signatures with one count, before the first is in the log, are one too many", () => {
    const { id, counts } = start(7);
    counts.take(id, 8);
    expect(() => counts.take(id, 8)).toThrow(/may be a copy/);
  });
});

describe("the document of an owner", () => {
  const good = { name: "maria", roles: ["approve", "administer"], key: jsonView(first.key) };
  const passkey = withPasskey().passkey;

  test("twin: is read", () => {
    expect(decodeOwner(good).kind).toBe("ok");
    expect(
      decodeOwner({ ...good, key: jsonView({ ...passkey, origin: "https://aios.example", rpId: "aios.example" }) })
        .kind,
    ).toBe("ok");
  });

  test.each<[string, object]>([
    ["no role", { ...good, roles: [] }],
    ["a role that there is not", { ...good, roles: ["root"] }],
    ["a role twice", { ...good, roles: ["approve", "approve"] }],
    ["roles in another order", { ...good, roles: ["administer", "approve"] }],
    ["a name with a control character", { ...good, name: "a\u001b[2K" }],
    ["a name that ends in a space, as another's that looks the same", { ...good, name: "maria " }],
    ["a name that looks like another's in other letters", { ...good, name: "m\u0430ria" }],
    ["a field more", { ...good, admin: true }],
    ["a short key", { ...good, key: { kind: "ed25519", publicKey: "AAAA" } }],
    ["a key of another kind", { ...good, key: { kind: "password", publicKey: "AAAA" } }],
    ["a parent domain as relying party", { ...good, key: { ...passkey, rpId: "localhost" } }],
    ["an origin with a path", { ...good, key: { ...passkey, origin: `${AT_HOME.origin}/a` } }],
    [
      "an origin with the usual port",
      { ...good, key: { ...passkey, rpId: "a.example", origin: "https://a.example:443" } },
    ],
    ["http to another machine", { ...good, key: { ...passkey, rpId: "a.example", origin: "http://a.example" } }],
    ["an address", { ...good, key: { ...passkey, rpId: "127.0.0.1", origin: "http://127.0.0.1:8000" } }],
    ["a key that is no COSE key", { ...good, key: { ...passkey, publicKey: "AAAA" } }],
    ["a key with bytes after it", { ...good, key: { ...passkey, publicKey: toBase64(new Uint8Array(90)) } }],
  ])("attack: with %s is refused", (_, document) => {
    expect(decodeOwner(jsonView(document)).kind).toBe("refused");
  });
});

describe("recovery in the log", () => {
  const code = createSigner(new Uint8Array(32).fill(9));
  const publicKey = toBase64(code.publicKey);
  const codeId = recoveryKeyId(publicKey, crypto.sha256);
  const holder: Person = { key: { kind: "ed25519", publicKey }, id: codeId, seal: (made) => sealEnvelope(made, code) };
  const codes = [{ id: codeId, salt: "ab".repeat(16), key: publicKey }];

  function set(home: Home, by = first, document: JsonObject = { codes, wait: 1000 }) {
    home.replay({ kind: "recovery-set", codes: 1, key: by.id }, { by, purpose: "set-recovery", document });
  }
  function begin(home: Home, by: Person = holder, key = second.key) {
    const document = { name: "again", roles: ROLES, key: jsonView(key) };
    const body = { kind: "recovery-begun", owner: ownerKeyId(key, crypto.sha256), key: by.id } as const;
    home.replay(body, { by, purpose: "recover-owner", document });
  }
  function stop(home: Home, by: Person, record = 2) {
    home.replay(
      { kind: "recovery-stopped", record, key: by.id },
      { by, purpose: "stop-recovery", document: { record } },
    );
  }
  function complete(
    home: Home,
    { at, owner = second.id, record = 2 }: { at: number; owner?: string; record?: number },
  ) {
    const body = { kind: "owner-recovered", owner, record } as const;
    applyRecord(home.state, { seq: home.seq, at, body, payload: null, replay: true });
  }
  function ready(): Home {
    const home = new Home();
    home.enrol(first, { by: first });
    set(home);
    return home;
  }

  test("twin: who holds a code is an owner when the wait is over, and signs from then on", () => {
    const home = ready();
    begin(home);
    expect(home.state.owners.has(second.id)).toBe(false);
    complete(home, { at: 1002 });
    home.setPolicy(second);
    expect(home.state.recovery.pending).toBeNull();
  });

  test("twin: any owner stops it, and all codes end with it", () => {
    const home = ready();
    home.enrol(third, { by: first, roles: ["approve"] });
    begin(home);
    stop(home, third, 3);
    expect(home.state.recovery).toEqual(NO_RECOVERY);
    expect(() => begin(home)).toThrow(/does not verify/);
  });

  test("twin: codes outlive another's removal, and what was begun with one goes on when their owner leaves", () => {
    const home = ready();
    home.enrol(third, { by: first });
    home.enrol(fourth, { by: first });
    home.remove(fourth, { by: third });
    begin(home);
    home.remove(first, { by: third });
    complete(home, { at: 9999, record: 5 });
    expect(home.state.owners.has(second.id)).toBe(true);
    expect(home.state.recovery).toEqual(NO_RECOVERY);
  });

  test.each<[string, (home: Home) => void, RegExp]>([
    [
      "a code of an owner who was removed",
      (home) => (home.enrol(third, { by: first }), home.remove(first, { by: third }), begin(home)),
      /does not verify/,
    ],
    [
      "a code used twice",
      (home) => (begin(home), complete(home, { at: 9999 }), begin(home, holder, third.key)),
      /may not sign/,
    ],
    ["two recoveries at once", (home) => (begin(home), begin(home, holder, third.key)), /may not sign/],
    ["a code that signs a policy", (home) => home.setPolicy(holder), /may not sign for set-policy/],
    ["a code that enrols at once", (home) => home.enrol(second, { by: holder }), /may not sign for enrol-owner/],
    ["an owner who recovers without a code", (home) => begin(home, first), /may not sign for recover-owner/],
    ["a code that stops a recovery", (home) => (begin(home), stop(home, holder)), /may not sign for stop-recovery/],
    ["a stranger's code", (home) => begin(home, withKeyFile(7)), /does not verify/],
    ["its end before its time", (home) => (begin(home), complete(home, { at: 500 })), /wait is not over/],
    ["its end without a beginning", (home) => complete(home, { at: 9999 }), /no such recovery/],
    [
      "its end for another key",
      (home) => (begin(home), complete(home, { at: 9999, owner: third.id })),
      /no such recovery/,
    ],
    [
      "its end after it was stopped",
      (home) => (begin(home), stop(home, first), complete(home, { at: 9999 })),
      /no such/,
    ],
    ["codes that a stranger made", (home) => set(home, withKeyFile(7)), /does not verify/],
    [
      "codes by one who only approves",
      (home) => (home.enrol(third, { by: first, roles: ["approve"] }), set(home, third)),
      /may not/,
    ],
    ["codes without a wait", (home) => set(home, first, { codes, wait: 0 }), /do not decode/],
  ])("attack: with %s it does not start", (_, forge, why) => {
    expect(() => forge(ready())).toThrow(why);
  });
});
