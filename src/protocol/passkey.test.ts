import { describe, expect, test } from "vitest";
import { AT, BE, BS, createAuthenticator, ED, UP, UV, type Odd } from "../../test/fakes/authenticator.ts";
import { createCrypto } from "../platform/keys/crypto.ts";
import { encodeUtf8, toBase64 } from "./bytes.ts";
import { encodeCoseKey, readCoseKey, type CoseKey } from "./cose-key.ts";
import { decodeOwner, ownerKeyId, type Passkey } from "./owner-key.ts";
import { pae } from "./pae.ts";
import { challengeOf, ENROLMENT_TYPE, readRegistration, SIGN_IN_TYPE, verifyAssertion } from "./passkey.ts";
import { STATEMENT_TYPE } from "./statement.ts";

const crypto = createCrypto();
const AT_HOME = { rpId: "aios-0123456789abcdef.localhost", origin: "http://aios-0123456789abcdef.localhost:20101" };
/** Of the console that runs. */
const at = "http://00112233aabbccdd.aios-0123456789abcdef.localhost:20101";
const AT_CONSOLE = { rpId: AT_HOME.rpId, origin: at };
const TEXT = '{"nonce":"one"}';
const enrolment = challengeOf(ENROLMENT_TYPE, TEXT);
const message = pae(STATEMENT_TYPE, encodeUtf8(TEXT));

function enrolled(authenticator: ReturnType<typeof createAuthenticator>): Passkey {
  const read = readRegistration(authenticator.register(enrolment), { message: enrolment, ...AT_HOME, at }, crypto);
  if (read.kind !== "ok") throw new Error(read.message);
  return read.key;
}

describe("a passkey of a home", () => {
  test.each<CoseKey["alg"]>(["ES256", "EdDSA", "RS256"])("of %s is read, and signs statements", (alg) => {
    const authenticator = createAuthenticator(AT_CONSOLE, alg);
    const key = enrolled(authenticator);
    expect(key).toEqual({
      kind: "passkey",
      credential: authenticator.credential,
      publicKey: toBase64(authenticator.cose),
      ...AT_HOME,
      count: 1,
    });
    expect(decodeOwner({ name: "maria", roles: ["approve"], key: { ...key } }).kind).toBe("ok");
    expect(ownerKeyId(key, crypto.sha256)).toMatch(/^passkey:[0-9a-f]{16}$/);
    const assertion = authenticator.assert(message);
    expect(verifyAssertion(key, { assertion, message, at }, crypto)).toEqual({ kind: "ok", count: 2 });
  });

  const authenticator = createAuthenticator(AT_CONSOLE);
  const key = enrolled(authenticator);
  const check = (odd: Odd) =>
    verifyAssertion(key, { assertion: authenticator.assert(message, odd), message, at }, crypto);

  test.each<[string, Odd]>([
    ["nothing odd", {}],
    ["a member that means nothing, as Chromium adds one", { more: { other_keys_can_be_added_here: "do not compare" } }],
    ["a key that can be backed up and is", { flags: UP | UV | BE | BS }],
    ["a count of zero", { count: 0 }],
  ])("twin: with %s it verifies", (_, odd) => {
    expect(check(odd).kind).toBe("ok");
  });

  test.each<[string, Odd, RegExp]>([
    ["of a sign-in", { challenge: crypto.sha256(challengeOf(SIGN_IN_TYPE, TEXT)) }, /another challenge/],
    ["of another statement", { challenge: crypto.sha256(encodeUtf8("other")) }, /another challenge/],
    ["whose challenge is the bare payload", { challenge: crypto.sha256(encodeUtf8(TEXT)) }, /another challenge/],
    ["of a registration", { type: "webauthn.create" }, /not of type/],
    ["of a payment", { type: "payment.get" }, /not of type/],
    ["at another port", { origin: "http://aios-0123456789abcdef.localhost:20102" }, /another origin/],
    ["at a sibling", { origin: "http://evil.localhost:20101" }, /another origin/],
    ["with a slash after the origin", { origin: `${at}/` }, /another origin/],
    [
      "at the name of the home, where anybody listens while no console runs",
      { origin: AT_HOME.origin },
      /another origin/,
    ],
    ["at the name of a console before", { origin: at.replace("0011", "ffff") }, /another origin/],
    ["in a frame of another", { more: { crossOrigin: true } }, /frame/],
    ["with a top origin", { more: { topOrigin: AT_HOME.origin } }, /frame/],
    ["for another relying party", { rpId: "localhost" }, /another relying party/],
    ["without user verification", { flags: UP }, /not verified/],
    ["without presence", { flags: UV }, /nobody was present/],
    ["backed up without being able to be", { flags: UP | UV | BS }, /contradict/],
    ["with a flag that means nothing", { flags: UP | UV | 0x20 }, /mean nothing/],
    ["with a credential", { flags: UP | UV | AT }, /credential besides/],
    ["with extensions", { flags: UP | UV | ED, tail: Uint8Array.of(0xa0) }, /extensions/],
    ["with bytes after it", { tail: Uint8Array.of(0) }, /bytes besides/],
    ["whose client data is no JSON", { client: "webauthn.get" }, /not one JSON object/],
    ["with two challenges", { client: `{"type":"webauthn.get","challenge":"a","challenge":"b"}` }, /not one JSON/],
    ["whose client data is followed by more", { client: `{"type":"webauthn.get"} {}` }, /not one JSON/],
  ])("attack: an assertion %s is refused", (_, odd, why) => {
    expect(check(odd)).toEqual({ kind: "refused", message: expect.stringMatching(why) });
  });

  test.each<[string, string, boolean]>([
    ["the home, as consoles had it before", AT_HOME.origin, true],
    ["a console of the home, whichever it was", at.replace("0011", "ffff"), true],
    ["another home", "http://00112233aabbccdd.aios-ffffffffffffffff.localhost:20101", false],
    ["another port", at.replace("20101", "20102"), false],
    ["another scheme", at.replace("http:", "https:"), false],
    ["a name of another form", at.replace("00112233aabbccdd", "evil"), false],
    ["a longer name", at.replace("0011", "0.0011"), false],
    ["a name that only ends like it", at.replace(".aios", "-aios"), false],
    ["a user before it", at.replace("http://", "http://a@"), false],
  ])("that was taken in already may have been made at %s (%s): %s", (_, origin, fits) => {
    const assertion = authenticator.assert(message, { origin });
    expect(verifyAssertion(key, { assertion, message, at: null }, crypto).kind === "ok").toBe(fits);
  });

  test("attack: what was changed after it was signed is refused, and another key's signature", () => {
    const good = authenticator.assert(message);
    const later = authenticator.assert(message);
    const stranger = createAuthenticator(AT_CONSOLE).assert(message);
    for (const assertion of [
      { ...good, authenticatorData: later.authenticatorData },
      { ...good, sig: later.sig },
      { ...good, sig: "" },
      { ...good, sig: good.sig.replace("M", "N") },
      { ...good, clientData: good.clientData.slice(0, -1) },
      { ...good, authenticatorData: good.authenticatorData.slice(0, 40) },
      stranger,
    ]) {
      expect(verifyAssertion(key, { assertion, message, at }, crypto).kind).toBe("refused");
    }
    expect(verifyAssertion(key, { assertion: good, message, at }, crypto).kind).toBe("ok");
  });
});

describe("a registration", () => {
  const read = (odd: Odd, authenticator = createAuthenticator(AT_CONSOLE)) =>
    readRegistration(authenticator.register(enrolment, odd), { message: enrolment, ...AT_HOME, at }, crypto);
  const credProtect = Uint8Array.of(0xa1, 0x6b, ...encodeUtf8("credProtect"), 0x02);

  test("twin: may say how a security key protects it", () => {
    expect(read({ flags: UP | UV | AT | ED, tail: credProtect }).kind).toBe("ok");
  });

  test.each<[string, Odd, RegExp]>([
    ["for another challenge", { challenge: crypto.sha256(message) }, /another challenge/],
    ["by an assertion", { type: "webauthn.get" }, /not of type/],
    ["without verification", { flags: UP | AT }, /not verified/],
    ["without a credential", { flags: UP | UV }, /no credential/],
    ["with bytes after the key", { tail: Uint8Array.of(0) }, /bytes besides/],
    ["with other extensions", { flags: UP | UV | AT | ED, tail: Uint8Array.of(0xa0) }, /bytes besides/],
    ["at another origin", { origin: "http://localhost:20101" }, /another origin/],
  ])("attack: %s is refused", (_, odd, why) => {
    expect(read(odd)).toEqual({ kind: "refused", message: expect.stringMatching(why) });
  });

  test("attack: one that is cut off anywhere is refused", () => {
    const { authenticatorData, clientData } = createAuthenticator(AT_CONSOLE).register(enrolment);
    const whole = Buffer.from(authenticatorData, "base64");
    for (let end = 0; end < whole.length; end += 1) {
      const cut = { authenticatorData: whole.subarray(0, end).toString("base64"), clientData };
      expect(readRegistration(cut, { message: enrolment, ...AT_HOME, at }, crypto).kind).toBe("refused");
    }
  });
});

describe("a COSE key", () => {
  const withByte = (bytes: Uint8Array, index: number, value: number): Uint8Array => bytes.with(index, value);
  const { cose } = createAuthenticator(AT_CONSOLE);

  test("has one encoding, and no other is read", () => {
    expect(readCoseKey(cose)).toMatchObject({ length: cose.length, key: { alg: "ES256" } });
    for (const [index, byte] of cose.entries()) {
      const inPoint = (index >= 10 && index < 42) || index >= 45;
      if (!inPoint) expect(readCoseKey(withByte(cose, index, byte ^ 1)), `byte ${index}`).toBeNull();
    }
    expect(readCoseKey(cose.subarray(1))).toBeNull();
    expect(readCoseKey(new Uint8Array())).toBeNull();
  });

  test("of RSA is 2048, 3072 or 4096 bits long", () => {
    const n = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(0xff);
    for (const bytes of [256, 384, 512]) {
      expect(readCoseKey(encodeCoseKey({ alg: "RS256", n: n(bytes) }))?.key.alg).toBe("RS256");
    }
    expect(readCoseKey(encodeCoseKey({ alg: "RS256", n: n(128) }))).toBeNull();
    expect(readCoseKey(encodeCoseKey({ alg: "RS256", n: withByte(n(256), 0, 0x7f) }))).toBeNull();
  });

  test("of a point off its curve verifies nothing", () => {
    const off: CoseKey = { alg: "ES256", x: new Uint8Array(32).fill(1), y: new Uint8Array(32).fill(1) };
    expect(crypto.verifyCose(off, message, new Uint8Array(70))).toBe(false);
  });
});
