import { verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server";
import { describe, expect, test } from "vitest";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import type { CoseKey } from "../../src/protocol/cose-key.ts";
import type { Passkey } from "../../src/protocol/owner-key.ts";
import { pae } from "../../src/protocol/pae.ts";
import {
  challengeOf,
  ENROLMENT_TYPE,
  readRegistration,
  verifyAssertion,
  type Assertion,
  type Registration,
} from "../../src/protocol/passkey.ts";
import { STATEMENT_TYPE } from "../../src/protocol/statement.ts";
import { AT, BE, BS, createAuthenticator, ED, UP, UV, type Authenticator, type Odd } from "../fakes/authenticator.ts";

/*
 * Our check of passkeys against a library that others wrote: what it refuses we refuse, what is good is good to both, and
 * where we are stricter it is written down.
 */
const crypto = createCrypto();
const AT_HOME = { rpId: "aios-0123456789abcdef.localhost", origin: "http://aios-0123456789abcdef.localhost:20101" };
const message = pae(STATEMENT_TYPE, Buffer.from('{"v":1}'));
const enrolment = challengeOf(ENROLMENT_TYPE, "{}");

const url = (text: string): string => Buffer.from(text, "base64").toString("base64url");
const challenge = (of: Uint8Array): string => Buffer.from(crypto.sha256(of)).toString("base64url");

/** `{"fmt": "none", "attStmt": {}, "authData": …}`, which a browser wraps around what we read. */
function attestationObject(authenticatorData: string): string {
  const data = Buffer.from(authenticatorData, "base64");
  const head = Buffer.from("a363666d74646e6f6e656761747453746d74a0686175746844617461", "hex");
  return Buffer.concat([head, Buffer.of(0x59, data.length >> 8, data.length & 255), data]).toString("base64url");
}

async function libraryRegisters(made: Authenticator, registration: Registration): Promise<boolean> {
  const verified = verifyRegistrationResponse({
    response: {
      id: made.credential,
      rawId: made.credential,
      type: "public-key",
      clientExtensionResults: {},
      response: {
        clientDataJSON: url(registration.clientData),
        attestationObject: attestationObject(registration.authenticatorData),
      },
    },
    expectedChallenge: challenge(enrolment),
    expectedOrigin: AT_HOME.origin,
    expectedRPID: AT_HOME.rpId,
    requireUserVerification: true,
  });
  return verified.then(
    (result) => result.verified,
    () => false,
  );
}

async function libraryVerifies(key: Passkey, assertion: Assertion): Promise<boolean> {
  const verified = verifyAuthenticationResponse({
    response: {
      id: key.credential,
      rawId: key.credential,
      type: "public-key",
      clientExtensionResults: {},
      response: {
        clientDataJSON: url(assertion.clientData),
        authenticatorData: url(assertion.authenticatorData),
        signature: url(assertion.sig),
      },
    },
    expectedChallenge: challenge(message),
    expectedOrigin: key.origin,
    expectedRPID: key.rpId,
    credential: { id: key.credential, publicKey: new Uint8Array(Buffer.from(key.publicKey, "base64")), counter: 0 },
    requireUserVerification: true,
  });
  return verified.then(
    (result) => result.verified,
    () => false,
  );
}

const weVerify = (key: Passkey, assertion: Assertion): boolean =>
  verifyAssertion(key, { assertion, message, at: AT_HOME.origin }, crypto).kind === "ok";

function enrol(made: Authenticator): Passkey {
  const read = readRegistration(
    made.register(enrolment),
    { message: enrolment, ...AT_HOME, at: AT_HOME.origin },
    crypto,
  );
  if (read.kind !== "ok") throw new Error(read.message);
  return read.key;
}

/** Stricter: what the library lets pass and we do not. */
const ASSERTIONS: readonly (readonly [string, Odd, "good" | "refused" | "stricter"])[] = [
  ["nothing odd", {}, "good"],
  ["a member that means nothing", { more: { other_keys_can_be_added_here: "x" } }, "good"],
  ["a key that is backed up", { flags: UP | UV | BE | BS }, "good"],
  ["another type", { type: "webauthn.create" }, "refused"],
  ["another origin", { origin: "http://evil.localhost:20101" }, "refused"],
  ["another relying party", { rpId: "localhost" }, "refused"],
  ["another challenge", { challenge: new Uint8Array(32) }, "refused"],
  ["no presence", { flags: UV }, "refused"],
  ["no verification", { flags: UP }, "refused"],
  ["bytes after it", { tail: Uint8Array.of(0) }, "refused"],
  ["client data that is no JSON", { client: "{" }, "refused"],
  ["a frame of another origin", { more: { crossOrigin: true } }, "stricter"],
  ["a top origin", { more: { topOrigin: AT_HOME.origin } }, "refused"],
  ["extensions that nobody asked for", { flags: UP | UV | ED, tail: Uint8Array.of(0xa0) }, "stricter"],
];

describe.each<CoseKey["alg"]>(["ES256", "EdDSA", "RS256"])("a passkey of %s", (alg) => {
  const made = createAuthenticator(AT_HOME, alg);
  const key = enrol(made);

  test("is registered by both", async () => {
    expect(await libraryRegisters(made, made.register(enrolment))).toBe(true);
    for (const odd of [
      { flags: UP | AT },
      { rpId: "localhost" },
      { type: "webauthn.get" },
      { origin: "http://evil" },
    ]) {
      const registration = made.register(enrolment, odd);
      expect(await libraryRegisters(made, registration)).toBe(false);
      expect(readRegistration(registration, { message: enrolment, ...AT_HOME, at: AT_HOME.origin }, crypto).kind).toBe(
        "refused",
      );
    }
  });

  test.each(ASSERTIONS)("with %s is judged alike, or more strictly", async (_, odd, how) => {
    const assertion = made.assert(message, odd);
    expect([weVerify(key, assertion), await libraryVerifies(key, assertion)]).toEqual([
      how === "good",
      how !== "refused",
    ]);
  });
});

test("attack: whatever bit of an assertion is turned over, neither takes it", async () => {
  const made = createAuthenticator(AT_HOME);
  const key = enrol(made);
  const good = made.assert(message);
  for (const part of ["sig", "authenticatorData", "clientData"] as const) {
    const bytes = Buffer.from(good[part], "base64");
    for (let index = 0; index < bytes.length; index += 3) {
      const turned = bytes.with(index, (bytes[index] ?? 0) ^ (1 << (index % 8)));
      const assertion = { ...good, [part]: Buffer.from(turned).toString("base64") };
      expect([weVerify(key, assertion), await libraryVerifies(key, assertion)], `${part} ${index}`).toEqual([
        false,
        false,
      ]);
    }
  }
  expect([weVerify(key, good), await libraryVerifies(key, good)]).toEqual([true, true]);
});
