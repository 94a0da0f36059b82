import { beforeEach, describe, expect, test } from "vitest";
import { ROLES } from "../kernel/owner-roles.ts";
import { createCrypto } from "../platform/keys/crypto.ts";
import { createRandom } from "../platform/keys/random.ts";
import { ownerKeyId } from "../protocol/owner-key.ts";
import { pae } from "../protocol/pae.ts";
import { challengeOf, ENROLMENT_TYPE, SIGN_IN_TYPE } from "../protocol/passkey.ts";
import type { RecordBody } from "../protocol/record.ts";
import { STATEMENT_TYPE } from "../protocol/statement.ts";
import { createAuthenticator, UP, type Authenticator } from "../../test/fakes/authenticator.ts";
import { createPasskeyDesk, type PasskeyDesk } from "./passkey-desk.ts";
import { createSignCounts } from "./sign-counts.ts";
import { emptyState, type State } from "./state.ts";

const crypto = createCrypto();
const AT_HOME = { rpId: "aios-0123456789abcdef.localhost", origin: "http://aios-0123456789abcdef.localhost:20101" };
/** Where the console is found. */
const AT_CONSOLE = { rpId: AT_HOME.rpId, origin: "http://00112233aabbccdd.aios-0123456789abcdef.localhost:20101" };
const MARIA = { name: "maria", roles: ROLES };

let desk: PasskeyDesk;
let state: State;
let now: number;
let records: RecordBody[];
let leaving: Set<string>;
let late: (() => void)[];

beforeEach(() => {
  [state, now, records, late, leaving] = [emptyState(), 1_000_000, [], [], new Set()];
  const first = { kind: "ed25519" as const, publicKey: "" };
  state.owners.set("ed25519:0123456789abcdef", { name: "owner", roles: ROLES, key: first, since: 0, count: 0 });
  const journal = { state, size: () => 0, write: (body: RecordBody) => Promise.resolve(records.push(body)) };
  desk = createPasskeyDesk({
    journal,
    crypto,
    random: createRandom(),
    timer: { after: (_ms, callback) => (late.push(callback), () => {}) },
    counts: createSignCounts(journal),
    relyingParty: AT_HOME,
    consoleName: { origin: () => AT_CONSOLE.origin },
    start: "0".repeat(32),
    leaving,
    now: () => now,
  });
});

async function offer(authenticator: Authenticator, code: string) {
  const { text } = await desk.handlers["enrolment-open"]({ code });
  const registration = authenticator.register(challengeOf(ENROLMENT_TYPE, text));
  return desk.handlers["enrolment-offer"]({ code, ...registration });
}

describe("an invitation", () => {
  test("twin: a passkey is offered once, and the terminal hears of it", async () => {
    const { code, origin } = await desk.handlers.invite(MARIA);
    expect(origin).toBe(AT_CONSOLE.origin);
    expect(code).toMatch(/^(?:[0-9a-f]{4}-){4}[0-9a-f]{4}$/);
    const waiting = desk.handlers.invited({ code });
    const authenticator = createAuthenticator(AT_CONSOLE);
    const { key } = await offer(authenticator, code);
    expect(await waiting).toEqual({ document: { ...MARIA, key } });
    expect(desk.offered(key)).toBe(true);
    expect(records).toEqual([]);
  });

  test("waits some seconds and then says that nothing was offered", async () => {
    const { code } = await desk.handlers.invite(MARIA);
    const waiting = desk.handlers.invited({ code });
    late.shift()?.();
    expect(await waiting).toEqual({ document: null });
  });

  test("attack: a second passkey cannot take the place of the one that people compare", async () => {
    const { code } = await desk.handlers.invite(MARIA);
    const { text } = await desk.handlers["enrolment-open"]({ code });
    const message = challengeOf(ENROLMENT_TYPE, text);
    await desk.handlers["enrolment-offer"]({ code, ...createAuthenticator(AT_CONSOLE).register(message) });
    const other = createAuthenticator(AT_CONSOLE).register(message);
    await expect(desk.handlers["enrolment-offer"]({ code, ...other })).rejects.toThrow(/offered already/);
    await expect(desk.handlers["enrolment-open"]({ code })).rejects.toThrow(/offered already/);
  });

  test("attack: a code that was guessed, or is past its end, opens nothing, and the tries are recorded to a bound", async () => {
    for (let tries = 0; tries < 40; tries += 1) {
      await expect(desk.handlers["enrolment-open"]({ code: `0000-${tries}` })).rejects.toThrow(/no such invitation/);
    }
    expect(records).toHaveLength(32);
    expect(records[0]).toMatchObject({ kind: "refused", peer: "passkey", code: "unknown-invitation" });
    const { code, expires } = await desk.handlers.invite(MARIA);
    now = expires;
    await expect(offer(createAuthenticator(AT_CONSOLE), code)).rejects.toThrow(/no such invitation/);
  });

  test("attack: an assertion, another home's passkey or an answer to another challenge is no offer", async () => {
    const { code } = await desk.handlers.invite(MARIA);
    const { text } = await desk.handlers["enrolment-open"]({ code });
    const message = challengeOf(ENROLMENT_TYPE, text);
    const elsewhere = createAuthenticator({ rpId: "aios-ffffffffffffffff.localhost", origin: AT_CONSOLE.origin });
    const other = challengeOf(SIGN_IN_TYPE, text);
    for (const registration of [
      elsewhere.register(message),
      createAuthenticator(AT_CONSOLE).register(other),
      createAuthenticator(AT_CONSOLE).register(message, { type: "webauthn.get" }),
    ]) {
      await expect(desk.handlers["enrolment-offer"]({ code, ...registration })).rejects.toThrow(/is refused/);
    }
    // Twin: the same invitation still takes a good one.
    const good = createAuthenticator(AT_CONSOLE).register(message);
    expect((await desk.handlers["enrolment-offer"]({ code, ...good })).key.kind).toBe("passkey");
  });

  test("attack: a key that is not exactly the one that was offered is not taken for it", async () => {
    const { code } = await desk.handlers.invite(MARIA);
    const { key } = await offer(createAuthenticator(AT_CONSOLE), code);
    if (key.kind !== "passkey") throw new Error("it is a passkey");
    const elsewhere = { rpId: "evil.localhost", origin: "http://evil.localhost:20101" };
    for (const changed of [
      { ...key, ...elsewhere },
      { ...key, count: 0 },
      { ...key, credential: "AAAA" },
    ]) {
      expect(desk.offered(changed)).toBe(false);
    }
    now += 600_000;
    expect(desk.offered(key)).toBe(false);
  });

  test("is not made before there is an owner, and only some are open at once", async () => {
    for (let made = 0; made < 16; made += 1) await desk.handlers.invite(MARIA);
    await expect(desk.handlers.invite(MARIA)).rejects.toThrow(/too many/i);
    state.owners.clear();
    await expect(desk.handlers.invite(MARIA)).rejects.toThrow(/no owner/);
  });
});

describe("signing in", () => {
  let authenticator: Authenticator;
  let key: string;
  beforeEach(async () => {
    authenticator = createAuthenticator(AT_CONSOLE);
    const { code } = await desk.handlers.invite(MARIA);
    const offered = (await offer(authenticator, code)).key;
    if (offered.kind !== "passkey") throw new Error("it is a passkey");
    key = ownerKeyId(offered, crypto.sha256);
    state.owners.set(key, { ...MARIA, key: offered, since: 0, count: offered.count });
    records.length = 0;
  });

  test("twin: with a passkey of this home says who it is, and is recorded", async () => {
    const party = await desk.handlers["passkey-party"]({});
    expect(party).toEqual({ ...AT_CONSOLE, credentials: [{ key, credential: authenticator.credential }] });
    const { text } = await desk.handlers["sign-in-open"]({});
    const assertion = authenticator.assert(challengeOf(SIGN_IN_TYPE, text));
    expect(await desk.handlers["sign-in"]({ text, key, ...assertion })).toEqual({ key, ...MARIA });
    expect(records).toEqual([{ kind: "owner-signed-in", key, count: 2 }]);
  });

  test("attack: an assertion is not good twice, and a text that nobody gave out is good for nothing", async () => {
    const { text } = await desk.handlers["sign-in-open"]({});
    const assertion = authenticator.assert(challengeOf(SIGN_IN_TYPE, text));
    await desk.handlers["sign-in"]({ text, key, ...assertion });
    await expect(desk.handlers["sign-in"]({ text, key, ...assertion })).rejects.toThrow(/it was used/);
    const own = text.replace(/"nonce":"./, '"nonce":"0');
    const made = authenticator.assert(challengeOf(SIGN_IN_TYPE, own));
    await expect(desk.handlers["sign-in"]({ text: own, key, ...made })).rejects.toThrow(/nobody was asked/);
  });

  test.each<[string, (text: string) => Uint8Array, { flags?: number; origin?: string; count?: number }, RegExp]>([
    ["a statement's approval", (text) => pae(STATEMENT_TYPE, Buffer.from(text)), {}, /another challenge/],
    ["an enrolment", (text) => challengeOf(ENROLMENT_TYPE, text), {}, /another challenge/],
    ["no verification", (text) => challengeOf(SIGN_IN_TYPE, text), { flags: UP }, /not verified/],
    ["another origin", (text) => challengeOf(SIGN_IN_TYPE, text), { origin: "http://evil.localhost" }, /origin/],
    ["a count that it showed before", (text) => challengeOf(SIGN_IN_TYPE, text), { count: 1 }, /may be a copy/],
  ])("attack: with %s is refused, and its text is used up", async (_, message, odd, why) => {
    const { text } = await desk.handlers["sign-in-open"]({});
    await expect(desk.handlers["sign-in"]({ text, key, ...authenticator.assert(message(text), odd) })).rejects.toThrow(
      why,
    );
    const good = authenticator.assert(challengeOf(SIGN_IN_TYPE, text));
    await expect(desk.handlers["sign-in"]({ text, key, ...good })).rejects.toThrow(/it was used/);
  });

  test("attack: after its owner was removed, or too late, it signs nobody in", async () => {
    const [one, two] = [await desk.handlers["sign-in-open"]({}), await desk.handlers["sign-in-open"]({})];
    const [early, later] = [one.text, two.text].map((text) => authenticator.assert(challengeOf(SIGN_IN_TYPE, text)));
    if (early === undefined || later === undefined) throw new Error("two were made");
    state.owners.delete(key);
    await expect(desk.handlers["sign-in"]({ text: one.text, key, ...early })).rejects.toThrow(/no owner/);
    now += 120_000;
    await expect(desk.handlers["sign-in"]({ text: two.text, key, ...later })).rejects.toThrow(/nobody was asked/);
  });

  test("attack: while its owner is being removed, nothing of it is recorded, since a log with that does not start", async () => {
    leaving.add(key);
    const { text } = await desk.handlers["sign-in-open"]({});
    const assertion = authenticator.assert(challengeOf(SIGN_IN_TYPE, text));
    await expect(desk.handlers["sign-in"]({ text, key, ...assertion })).rejects.toThrow(/no owner/);
    expect(records.map(({ kind }) => kind)).toEqual(["refused"]);
  });

  test("attack: whose owner is removed while the sign-in is written down is not let in", async () => {
    const { text } = await desk.handlers["sign-in-open"]({});
    const assertion = authenticator.assert(challengeOf(SIGN_IN_TYPE, text));
    const asked = desk.handlers["sign-in"]({ text, key, ...assertion });
    state.owners.delete(key);
    await expect(asked).rejects.toThrow(/removed meanwhile/);
  });

  test("takes a bounded number at once, and more when those are over", async () => {
    for (let made = 0; made < 64; made += 1) await desk.handlers["sign-in-open"]({});
    await expect(desk.handlers["sign-in-open"]({})).rejects.toThrow(/too many/i);
    now += 120_000;
    expect((await desk.handlers["sign-in-open"]({})).text).toContain(AT_CONSOLE.origin);
  });
});
