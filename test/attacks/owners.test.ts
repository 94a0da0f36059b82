import { execFile as execFileCallback } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROLES, type Role } from "../../src/kernel/owner-roles.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import type { Signer } from "../../src/platform/powers.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import { ownerKeyId } from "../../src/protocol/owner-key.ts";
import { recoveryKeyId } from "../../src/protocol/recovery.ts";
import type { CliRequests } from "../../src/protocol/requests.ts";
import { scriptSource } from "../e2e/sources.ts";
import { pae } from "../../src/protocol/pae.ts";
import { challengeOf, ENROLMENT_TYPE, SIGN_IN_TYPE } from "../../src/protocol/passkey.ts";
import {
  keyId,
  STATEMENT_TYPE,
  statementText,
  type Envelope,
  type Purpose,
  type Statement,
} from "../../src/protocol/statement.ts";
// @ts-expect-error -- a verifier of plain JavaScript, which shares no types with the rest
import { createOwners } from "../../verifier/owners.mjs";
import { describeConsoleSessions } from "./console-sessions.ts";
import { describeProposedGrants } from "./proposed-grants.ts";
import { describeSecondScreen } from "./second-screen.ts";
import { COMMAND } from "../fakes/command.ts";
import { createAuthenticator, UP, type Authenticator, type Odd } from "../fakes/authenticator.ts";
import { asJson, connectClient, ownerDocument, signed, startSubstrate, type Substrate } from "../e2e/substrate.ts";

const execFile = promisify(execFileCallback);

/*
 * Attacks on who may sign what, against one real monitor: each with its harmless twin.
 */
let aios: Substrate;
const crypto = createCrypto();
const idOf = (signer: Signer): string => keyId(signer.publicKey, crypto.sha256);
const makeSigner = (): Signer => createSigner(randomBytes(32));

beforeAll(async () => {
  aios = await startSubstrate();
});
afterAll(() => aios.stop());

function grant(id: string): JsonObject {
  return asJson({
    v: 1,
    id,
    agents: ["worker"],
    drivers: {},
    allow: [{ what: "notes/add", where: {} }],
    limits: { uses: null, rate: null, bytes: null, notBefore: 0, expires: Date.now() + 3_600_000 },
    lease: false,
    sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
  });
}

/** An envelope by a key file, ready to be handed in. */
async function seal(signer: Signer, purpose: Purpose, document: JsonObject): Promise<Envelope> {
  const { statement } = await aios.client.request("prepare", { purpose, document });
  return signed({ ...statement, decision: "allow", key: idOf(signer) }, signer);
}
async function sign(signer: Signer, purpose: Purpose, document: JsonObject): Promise<number> {
  return (await aios.client.request("submit", { envelope: await seal(signer, purpose, document), document })).seq;
}
async function enrol(name: string, roles: readonly Role[]): Promise<Signer> {
  const signer = makeSigner();
  await aios.sign("enrol-owner", ownerDocument(name, signer, roles));
  return signer;
}
async function owners(): Promise<readonly string[]> {
  return (await aios.client.request("owners", {})).owners.map(({ name }) => name);
}
async function lastOf(kind: string): Promise<{ [key: string]: unknown }> {
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 10_000, instance: null, kinds: [kind] });
  return { ...entries.at(-1)?.record };
}

/** Where browsers find the console just now, by the name of this start. */
const place = { rpId: "", origin: "" };

/** As the console's page does it: an invitation, a registration, and the terminal's signature. */
async function enrolPasskey(name: string, roles: readonly Role[]): Promise<[Authenticator, string]> {
  const { code, origin } = await aios.client.request("invite", { name, roles });
  const { text, rpId } = await aios.client.request("enrolment-open", { code });
  Object.assign(place, { rpId, origin });
  const made = createAuthenticator(place);
  const registration = made.register(challengeOf(ENROLMENT_TYPE, text));
  const { key } = await aios.client.request("enrolment-offer", { code, ...registration });
  const { document } = await aios.client.request("invited", { code });
  if (document === null) throw new Error("nothing was offered");
  await aios.sign("enrol-owner", asJson(document));
  return [made, ownerKeyId(key, crypto.sha256)];
}

function sealBy(made: Authenticator, statement: Statement, odd: Odd = {}): Envelope {
  const payload = Buffer.from(statementText(statement));
  const assertion = made.assert(pae(STATEMENT_TYPE, payload), odd);
  const signatures = [{ keyid: statement.key, ...assertion }] as const;
  return { payloadType: STATEMENT_TYPE, payload: payload.toString("base64"), signatures };
}

describe("roles", () => {
  test("twin: one who may grant signs a grant, and one who administers enrols another", async () => {
    const granter = await enrol("granter", ["grant"]);
    await sign(granter, "sign-grant", grant("by-granter"));
    const administrator = await enrol("administrator", ["administer"]);
    await sign(administrator, "enrol-owner", ownerDocument("by-administrator", makeSigner(), ["approve"]));
    expect(await owners()).toEqual(["owner", "granter", "administrator", "by-administrator"]);
    expect(await lastOf("owner-enrolled")).toMatchObject({ key: idOf(administrator) });
  });

  test.each<[string, Role, Purpose, () => JsonObject]>([
    ["a grant", "approve", "sign-grant", () => grant("stolen")],
    ["a grant", "administer", "sign-grant", () => grant("stolen")],
    ["a policy", "grant", "set-policy", () => ({ text: "" })],
    ["an owner", "approve", "enrol-owner", () => ownerDocument("friend", makeSigner())],
    ["the end of a rule about publishers", "grant", "set-publishers", () => ({ kind: "only", only: false })],
    ["an owner's end", "grant", "remove-owner", () => ({ owner: idOf(aios.owner) })],
  ])("attack: %s signed by one who has only the role %s is refused and recorded", async (_, role, purpose, make) => {
    const signer = await enrol(`${role}-${purpose}-${randomBytes(2).toString("hex")}`, [role]);
    await expect(sign(signer, purpose, make())).rejects.toThrow(/wrong-role/);
    // It says whose and what it was; what follows another within a second is summed up.
    const what = expect.stringContaining(`statement of ${idOf(signer)} for ${purpose}, request `);
    await expect.poll(() => lastOf("refused")).toMatchObject({ peer: "cli", code: "wrong-role", what });
    expect((await aios.client.request("grants", {})).grants.map(({ id }) => id)).not.toContain("stolen");
    expect(await owners()).not.toContain("friend");
  });
});

describe("an owner who was removed", () => {
  test("attack: signs nothing any more, and what they signed before is not taken later", async () => {
    const leaver = await enrol("leaver", ["grant", "administer"]);
    const [document, other] = [grant("by-leaver"), grant("kept-back")];
    await sign(leaver, "sign-grant", document);
    const keptBack = await seal(leaver, "sign-grant", other);
    await aios.sign("remove-owner", { owner: idOf(leaver) });
    await expect(aios.client.request("submit", { envelope: keptBack, document: other })).rejects.toThrow(
      /bad-signature/,
    );
    await expect(sign(leaver, "sign-grant", grant("late"))).rejects.toThrow(/bad-signature/);
    expect(await owners()).not.toContain("leaver");
    // Twin: what they signed while they could is in force until somebody revokes it.
    const { grants } = await aios.client.request("grants", {});
    expect(grants.find(({ id }) => id === "by-leaver")?.state).toBe("active");
  });

  test("attack: what they sign while their removal is on its way is not recorded after it, so the log still starts", async () => {
    const leaver = await enrol("leaving", ["grant"]);
    const [document, removal] = [grant("at-the-door"), { owner: idOf(leaver) }];
    const [late, remove] = [
      await seal(leaver, "sign-grant", document),
      await seal(aios.owner, "remove-owner", removal),
    ];
    const both = await Promise.allSettled([
      aios.client.request("submit", { envelope: remove, document: removal }),
      aios.client.request("submit", { envelope: late, document }),
    ]);
    expect(both).toMatchObject([
      { status: "fulfilled" },
      { reason: { message: expect.stringMatching(/bad-signature/) } },
    ]);
    expect((await aios.client.request("grants", {})).grants.map(({ id }) => id)).not.toContain("at-the-door");
    await aios.crash();
    await aios.restart();
  });

  test("attack: the last who administers cannot be removed; attack: nor the last but a passkey", async () => {
    const [, passkey] = await enrolPasskey("only-a-passkey", ROLES);
    const { owners: all } = await aios.client.request("owners", {});
    const administrators = all.filter(({ roles }) => roles.includes("administer"));
    const others = administrators.filter(({ id }) => id !== idOf(aios.owner) && id !== passkey);
    for (const { id } of others) await aios.sign("remove-owner", { owner: id });
    await expect(aios.sign("remove-owner", { owner: idOf(aios.owner) })).rejects.toThrow(/nobody could add/i);
    await aios.sign("remove-owner", { owner: passkey });
    await expect(aios.sign("remove-owner", { owner: idOf(aios.owner) })).rejects.toThrow(/nobody could add/i);
    expect(await owners()).toContain("owner");
  });
});

describe("enrolment", () => {
  test("attack: a stranger enrols themselves, and a passkey that no invitation asked for is not taken", async () => {
    const stranger = makeSigner();
    await expect(sign(stranger, "enrol-owner", ownerDocument("stranger", stranger))).rejects.toThrow(/bad-signature/);
    expect(await owners()).not.toContain("stranger");
  });

  test("attack: a name or a key that is there already is not taken, nor a key that is nobody's", async () => {
    await expect(aios.sign("enrol-owner", ownerDocument("owner", makeSigner()))).rejects.toThrow(/already/);
    // Under the identity of the curve anybody signs.
    const anybody = { ...makeSigner(), publicKey: Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0)) };
    await expect(aios.sign("enrol-owner", ownerDocument("anybody", anybody))).rejects.toThrow(/small order/);
    await expect(aios.sign("enrol-owner", ownerDocument("again", aios.owner))).rejects.toThrow(/already/);
  });
});

describeSecondScreen({ aios: () => aios, enrolPasskey, sealBy });
describeProposedGrants({ aios: () => aios, enrolPasskey, sealBy });
describeConsoleSessions({ aios: () => aios, enrolPasskey });

describe("an action that waits", () => {
  let authenticator: Authenticator;
  let passkey: string;
  const call = (name: string, args: object = {}) => ({ method: "tools/call", params: { name, arguments: args } });

  beforeAll(async () => {
    [authenticator, passkey] = await enrolPasskey("answers", ["approve"]);
    await aios.grant({
      id: "notes",
      agents: ["worker", "climber"],
      drivers: {
        notes: {
          source: scriptSource("test/fakes/notes-server.ts", { args: ["/workspace/notes.txt"], workspace: "write" }),
          tools: { add: { risk: "stage", fields: { text: "string" } }, burn: { risk: "reserved" } },
        },
      },
      allow: ["notes/add", "notes/burn"],
    });
  });

  async function whenHeld(): Promise<CliRequests["held-show"]["ok"]> {
    await expect.poll(async () => (await aios.held()).length).toBe(1);
    const [held] = await aios.held();
    return aios.client.request("held-show", { request: held?.request ?? "" });
  }

  test("twin: runs by a passkey's yes, once; attack: that yes is good for no other", async () => {
    const ran = aios.follow("worker", [call("notes__burn", {}), call("notes__burn", {})], {
      workspace: aios.workspace,
      holdSeconds: 20,
    });
    const one = await whenHeld();
    const yes = sealBy(authenticator, { ...one.statement, decision: "allow", key: passkey });
    // Attack: handed in twice at once it is a replay, and no sign of a copied passkey, which would alarm people.
    const twice = await Promise.allSettled([
      aios.client.request("submit", { envelope: yes, document: JSON.parse(one.action) }),
      aios.client.request("submit", { envelope: yes, document: JSON.parse(one.action) }),
    ]);
    expect(twice).toMatchObject([{ status: "fulfilled" }, { reason: { message: expect.stringMatching(/replayed/) } }]);
    expect(await lastOf("passkey-rolled-back")).toEqual({});
    const two = await whenHeld();
    await expect(aios.client.request("submit", { envelope: yes, document: JSON.parse(one.action) })).rejects.toThrow(
      /replayed/,
    );
    await expect(aios.client.request("submit", { envelope: yes, document: JSON.parse(two.action) })).rejects.toThrow(
      /wrong-subject/,
    );
    // What signs in, and a statement for the bare action, say no word about it.
    const { text } = await aios.client.request("sign-in-open", {});
    const statement: Statement = { ...two.statement, decision: "allow", key: passkey };
    const payload = Buffer.from(statementText(statement)).toString("base64");
    for (const message of [challengeOf(SIGN_IN_TYPE, text), Buffer.from(two.action)]) {
      const signatures = [{ keyid: passkey, ...authenticator.assert(message) }] as const;
      await expect(
        aios.client.request("submit", {
          envelope: { payloadType: STATEMENT_TYPE, payload, signatures },
          document: JSON.parse(two.action),
        }),
      ).rejects.toThrow(/bad-signature/);
    }
    const no = sealBy(authenticator, { ...statement, decision: "deny" });
    await aios.client.request("submit", { envelope: no, document: JSON.parse(two.action) });
    // The no is in the log with its signature, and its count with it.
    const denials = { from: 0, limit: 10_000, instance: null, kinds: ["denied"] };
    const { entries } = await aios.client.request("log-show", denials);
    expect(entries.at(-1)?.payload).toMatchObject({ envelope: { signatures: [{ keyid: passkey }] } });
    const { answers } = await ran;
    expect(answers[0]?.result?.isError).not.toBe(true);
    expect(answers[1]?.result?.structuredContent).toMatchObject({ code: "denied-by-owner" });
    // The verifier of evidence, which shares no code with the monitor, tells this no from the machine's.
    const all = await aios.client.request("log-show", { ...denials, kinds: [] });
    const verified = createOwners() as { check(record: object, payload: unknown): void; readonly noes: object };
    for (const entry of all.entries) verified.check(entry.record, entry.payload);
    const said = entries.filter(({ record }) => record.kind === "denied" && record.by.kind === "owner");
    expect(said.length).toBeGreaterThan(0);
    expect(verified.noes).toEqual({ signed: said.length, own: entries.length - said.length });
  });

  test.each([
    ["a tool of the substrate", call("aios__owners_add", { name: "me", roles: ["administer"] })],
    ["a request of the command line", { method: "enrol-owner", params: {} }],
  ])("attack: an agent that asks to be an owner, by %s, is none", async (_, attempt) => {
    const before = await owners();
    await aios.follow("climber", [attempt, { wait: 300 }], { workspace: aios.workspace }).catch(() => null);
    expect(await owners()).toEqual(before);
  });
});

describe("a recovery code", () => {
  const code = createSigner(new Uint8Array(32).fill(3));
  const other = createSigner(new Uint8Array(32).fill(4));
  const of = (signer: Signer) => {
    const key = toBase64(signer.publicKey);
    return { id: recoveryKeyId(key, crypto.sha256), salt: "ab".repeat(16), key };
  };
  const make = (wait = 1000) => aios.sign("set-recovery", asJson({ codes: [of(code), of(other)], wait }));
  const pending = async () => (await aios.client.request("owners", {})).recovery.pending;

  async function recover(by: Signer, name: string): Promise<Signer> {
    const fresh = makeSigner();
    const document = ownerDocument(name, fresh);
    const { statement } = await aios.client.request("prepare", { purpose: "recover-owner", document });
    const envelope = signed({ ...statement, decision: "allow", key: of(by).id }, by);
    await aios.client.request("submit", { envelope, document });
    return fresh;
  }

  test("attack: recovery that nobody set up, or that was switched off, recovers nothing", async () => {
    await expect(recover(code, "thief")).rejects.toThrow(/recovery is off/);
    await make();
    await aios.sign("set-recovery", { codes: [], wait: 0 });
    await expect(recover(code, "thief")).rejects.toThrow(/recovery is off/);
  });

  /** Attack: a program without any key has more statements drawn up than anybody signs. How many it was given. */
  async function flood(): Promise<number> {
    const stranger = await connectClient(aios.home);
    let drawn = 0;
    for (let at = 0; at < 300; at += 1) {
      const asked = stranger.request("prepare", { purpose: "set-clock", document: { at } });
      drawn += await asked.then(
        () => 1,
        () => 0,
      );
    }
    stranger.close();
    return drawn;
  }

  test("twin: an owner who sees it in time stops it, also in a flood of drafts, and every code ends", async () => {
    await make(600_000);
    await recover(code, "thief");
    const record = (await pending())?.record ?? -1;
    expect(await lastOf("recovery-begun")).toMatchObject({ key: of(code).id });
    // Whoever connects meanwhile hears of it before anything else.
    const late = await connectClient(aios.home);
    const told = late.recovering();
    await late.request("ps", { all: false });
    expect(await told).toMatchObject({ pending: { name: "thief", record } });
    late.close();
    // As every command says, which asks the monitor for its version before it listens.
    const listed = await execFile(COMMAND, ["owners", "list", "--home", aios.home]);
    expect(listed.stderr).toMatch(/SOMEBODY RECOVERS A KEY: thief becomes an owner at .+ Stop it: aios owners stop/u);
    const drawn = await flood();
    await aios.sign("stop-recovery", { record });
    expect(drawn).toBe(300);
    expect(await pending()).toBeNull();
    await expect(recover(other, "thief")).rejects.toThrow(/recovery is off/);
    expect(await owners()).not.toContain("thief");
  });

  test("twin: nobody stops it, and the new key signs; attacks: not before, not twice, not for anything else", async () => {
    await make();
    const fresh = await recover(code, "maria-2");
    await expect(sign(fresh, "set-policy", { text: "" })).rejects.toThrow(/bad-signature/);
    await expect(recover(other, "thief")).rejects.toThrow(/waits already/);
    await expect.poll(owners).toContain("maria-2");
    await sign(fresh, "set-policy", { text: "" });
    await expect(recover(code, "thief")).rejects.toThrow(/wrong-role/);
    const document = ownerDocument("thief", makeSigner());
    const { statement } = await aios.client.request("prepare", { purpose: "enrol-owner", document });
    const envelope = signed({ ...statement, decision: "allow", key: of(other).id }, other);
    await expect(aios.client.request("submit", { envelope, document })).rejects.toThrow(/wrong-role/);
  });

  test("attack: whoever guesses is stopped after five tries in an hour", async () => {
    await expect(recover(makeSigner(), "thief")).rejects.toThrow(/bad-signature/);
    await expect(recover(other, "thief")).rejects.toThrow(/too often/);
    expect(await owners()).not.toContain("thief");
  });
});

async function standing(): Promise<readonly object[]> {
  const { owners: all } = await aios.client.request("owners", {});
  return all.map(({ id, name, roles, key }) => ({ id, name, roles, key }));
}

describe("a passkey", () => {
  let authenticator: Authenticator;
  let passkey: string;

  async function asked(purpose: Purpose, document: JsonObject, key = passkey): Promise<Statement> {
    const { statement } = await aios.client.request("prepare", { purpose, document });
    return { ...statement, decision: "allow", key };
  }
  const submit = (envelope: Envelope, document: JsonObject) => aios.client.request("submit", { envelope, document });
  const grants = async () => (await aios.client.request("grants", {})).grants.map(({ id }) => id);

  beforeAll(async () => {
    [authenticator, passkey] = await enrolPasskey("passkey", ROLES);
  });

  test("twin: signs a grant as a key file does", async () => {
    const document = grant("by-passkey");
    await submit(sealBy(authenticator, await asked("sign-grant", document)), document);
    expect(await grants()).toContain("by-passkey");
  });

  test.each<[string, () => Odd]>([
    ["made at another origin", () => ({ origin: "http://evil.localhost:20101" })],
    ["made at the home's own name", () => ({ origin: place.origin.replace(/\/\/[0-9a-f]+\./u, "//") })],
    [
      "made at a name of another console",
      () => ({ origin: place.origin.replace(/\/\/[0-9a-f]{16}/u, `//${"0".repeat(16)}`) }),
    ],
    ["made for another relying party", () => ({ rpId: "localhost" })],
    ["over another challenge", () => ({ challenge: new Uint8Array(32) })],
    ["without verification of the user", () => ({ flags: UP })],
    ["of a registration", () => ({ type: "webauthn.create" })],
  ])("attack: an assertion %s signs nothing", async (_, odd) => {
    const document = grant("forged");
    await expect(submit(sealBy(authenticator, await asked("sign-grant", document), odd()), document)).rejects.toThrow(
      /bad-signature/,
    );
    expect(await grants()).not.toContain("forged");
  });

  test("attack: what signs in signs no statement, and what signs a statement signs nobody in", async () => {
    const document = grant("by-sign-in");
    const statement = await asked("sign-grant", document);
    const { text } = await aios.client.request("sign-in-open", {});
    const signIn = authenticator.assert(challengeOf(SIGN_IN_TYPE, text));
    const payload = Buffer.from(statementText(statement)).toString("base64");
    for (const said of [payload, Buffer.from(text).toString("base64")]) {
      const signatures = [{ keyid: passkey, ...signIn }] as const;
      await expect(submit({ payloadType: STATEMENT_TYPE, payload: said, signatures }, document)).rejects.toThrow(
        /bad-signature/,
      );
    }
    const [{ keyid: _keyid, ...approval }] = sealBy(authenticator, statement).signatures;
    await expect(
      aios.client.request("sign-in", { text, key: passkey, ...(approval as typeof signIn) }),
    ).rejects.toThrow(/another challenge/);
    // Twin: each does what it was made for.
    const again = await aios.client.request("sign-in-open", {});
    const made = authenticator.assert(challengeOf(SIGN_IN_TYPE, again.text));
    expect(await aios.client.request("sign-in", { text: again.text, key: passkey, ...made })).toMatchObject({
      name: "passkey",
    });
    await submit(sealBy(authenticator, statement), document);
  });

  test("attack: an assertion is not taken twice, and not for another purpose or document", async () => {
    const document = grant("once");
    const statement = await asked("sign-grant", document);
    const envelope = sealBy(authenticator, statement);
    const twice = await Promise.allSettled([submit(envelope, document), submit(envelope, document)]);
    expect(twice).toMatchObject([
      { status: "fulfilled" },
      { reason: { message: expect.stringMatching(/\(replayed/) } },
    ]);
    await expect(submit(envelope, document)).rejects.toThrow(/replayed/);
    expect(await lastOf("passkey-rolled-back")).toEqual({});
    const other = await asked("set-policy", { text: "" });
    await expect(submit({ ...envelope, payload: sealBy(authenticator, other).payload }, { text: "" })).rejects.toThrow(
      /bad-signature/,
    );
    await expect(
      submit(sealBy(authenticator, await asked("sign-grant", grant("shown"))), grant("other")),
    ).rejects.toThrow();
    expect(await grants()).not.toContain("other");
  });

  test("attack: one that shows an old count is refused, recorded loudly, also after a restart", async () => {
    const back = async (id: string): Promise<void> => {
      const document = grant(id);
      const statement = await asked("sign-grant", document);
      await expect(submit(sealBy(authenticator, statement, { count: 2 }), document)).rejects.toThrow(/copy of it/);
      expect(await grants()).not.toContain(id);
      await expect.poll(() => lastOf("passkey-rolled-back")).toMatchObject({ key: passkey, found: 2 });
    };
    await back("copied");
    const before = place.origin;
    await aios.crash();
    await aios.restart();
    place.origin = (await aios.client.request("passkey-party", {})).origin;
    expect(place.origin).not.toBe(before);
    await back("copied-later");
    const document = grant("higher");
    await submit(sealBy(authenticator, await asked("sign-grant", document)), document);
    expect(await grants()).toContain("higher");
  });

  test("attack: a passkey that only approves signs no grant; one that was not offered is not enrolled", async () => {
    const [made, key] = await enrolPasskey("approver", ["approve"]);
    const document = grant("by-approver");
    await expect(submit(sealBy(made, await asked("sign-grant", document, key)), document)).rejects.toThrow(
      /wrong-role/,
    );
    const { owners: all } = await aios.client.request("owners", {});
    const known = all.find(({ id }) => id === key)?.key;
    if (known?.kind !== "passkey") throw new Error("it is a passkey");
    const elsewhere = createAuthenticator(known);
    const own = { ...known, credential: elsewhere.credential, publicKey: toBase64(elsewhere.cose) };
    await expect(aios.sign("enrol-owner", asJson({ name: "smuggled", roles: ["approve"], key: own }))).rejects.toThrow(
      /not offered/,
    );
  });
});

test("after a restart the owners are those of the log, with their roles", async () => {
  const before = await standing();
  await aios.crash();
  await aios.restart();
  expect(await standing()).toEqual(before);
});
