import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Role } from "../../src/kernel/owner-roles.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { createCrypto } from "../../src/platform/crypto.ts";
import { createSigner } from "../../src/platform/signer.ts";
import type { Signer } from "../../src/platform/powers.ts";
import { keyId, type Envelope, type Purpose } from "../../src/protocol/statement.ts";
import { asJson, ownerDocument, signed, startSubstrate, type Substrate } from "../e2e/substrate.ts";

/*
 * Attacks on who may sign what, against one real monitor: each with its harmless twin.
 */
let aios: Substrate;
const crypto = createCrypto();
const idOf = (signer: Signer): string => keyId(signer.publicKey, crypto.sha256);
const makeSigner = (): Signer => createSigner(randomBytes(32));

beforeAll(async () => {
  aios = await startSubstrate();
}, 60_000);
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
    ["an owner's end", "grant", "remove-owner", () => ({ owner: idOf(aios.owner) })],
  ])("attack: %s signed by one who has only the role %s is refused and recorded", async (_, role, purpose, make) => {
    const signer = await enrol(`${role}-${purpose}-${randomBytes(2).toString("hex")}`, [role]);
    await expect(sign(signer, purpose, make())).rejects.toThrow(/wrong-role/);
    await expect.poll(() => lastOf("refused")).toMatchObject({ peer: "cli", code: "wrong-role" });
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

  test("attack: the last who administers cannot be removed", async () => {
    const { owners: all } = await aios.client.request("owners", {});
    const administrators = all.filter(({ roles }) => roles.includes("administer"));
    for (const { id } of administrators.slice(1)) await aios.sign("remove-owner", { owner: id });
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

  test("attack: a name or a key that is there already is not taken", async () => {
    await expect(aios.sign("enrol-owner", ownerDocument("owner", makeSigner()))).rejects.toThrow(/already/);
    await expect(aios.sign("enrol-owner", ownerDocument("again", aios.owner))).rejects.toThrow(/already/);
  });
});

async function standing(): Promise<readonly object[]> {
  const { owners: all } = await aios.client.request("owners", {});
  return all.map(({ id, name, roles, key }) => ({ id, name, roles, key }));
}

test("after a restart the owners are those of the log, with their roles", async () => {
  const before = await standing();
  await aios.crash();
  await aios.restart();
  expect(await standing()).toEqual(before);
});
