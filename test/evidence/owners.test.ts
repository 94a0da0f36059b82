import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { describe, expect, test } from "vitest";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { SIGNED_BY } from "../../src/kernel/owner-roles.ts";
import { SIGNED } from "../../src/monitor/signed-records.ts";
import { encodeUtf8, toBase64 } from "../../src/protocol/bytes.ts";
import { encodeCoseKey } from "../../src/protocol/cose-key.ts";
import { pae } from "../../src/protocol/pae.ts";
import { STATEMENT_TYPE } from "../../src/protocol/statement.ts";
import { CRYPTO } from "../fakes/open-log.ts";
// @ts-expect-error -- a verifier of plain JavaScript, which shares no types with the rest
import { createOwners, SIGNED as KNOWN } from "../../verifier/owners.mjs";

/* What the verifier of evidence says of owners: the same as the monitor's replay, by code of its own. */

const ORIGIN = "http://aios-1.localhost:20000";
const sha256 = (data: Uint8Array): Uint8Array => CRYPTO.sha256(data);

test("the verifier knows every record that an owner signs, what for, and the role that this takes", () => {
  const ours = [...SIGNED].map(([kind, purpose]) => [kind, [purpose, SIGNED_BY[purpose]]]);
  expect([...(KNOWN as ReadonlyMap<string, unknown>)]).toEqual(ours);
});

interface Signer {
  readonly id: string;
  readonly key: object;
  sign(payload: Uint8Array, change?: (client: Record<string, unknown>) => void): object;
}

function ed25519(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  return {
    id: `ed25519:${Buffer.from(sha256(raw)).toString("hex").slice(0, 16)}`,
    key: { kind: "ed25519", publicKey: toBase64(raw) },
    sign: (payload) => ({ sig: toBase64(sign(null, pae(STATEMENT_TYPE, payload), privateKey)) }),
  };
}

function passkey(kind: "EdDSA" | "ES256" | "RS256"): Signer {
  const { publicKey, privateKey } = makeKeys(kind);
  const jwk = publicKey.export({ format: "jwk" });
  const part = (text: string | undefined): Uint8Array => new Uint8Array(Buffer.from(text ?? "", "base64url"));
  const cose =
    kind === "ES256"
      ? encodeCoseKey({ alg: kind, x: part(jwk.x), y: part(jwk.y) })
      : encodeCoseKey(kind === "EdDSA" ? { alg: kind, x: part(jwk.x) } : { alg: kind, n: part(jwk.n) });
  const data = new Uint8Array(37);
  data.set(sha256(encodeUtf8("aios-1.localhost")));
  data[32] = 5;
  return {
    id: `passkey:${Buffer.from(sha256(cose)).toString("hex").slice(0, 16)}`,
    key: {
      kind: "passkey",
      credential: "AAAA",
      publicKey: toBase64(cose),
      rpId: "aios-1.localhost",
      origin: ORIGIN,
      count: 0,
    },
    sign(payload, change = () => {}) {
      const challenge = Buffer.from(sha256(pae(STATEMENT_TYPE, payload))).toString("base64url");
      const said = { type: "webauthn.get", challenge, origin: ORIGIN, crossOrigin: false };
      change(said);
      const client = encodeUtf8(JSON.stringify(said));
      const signed = Buffer.concat([data, sha256(client)]);
      const sig = sign(kind === "EdDSA" ? null : "sha256", signed, privateKey);
      return { sig: toBase64(sig), authenticatorData: toBase64(data), clientData: toBase64(client) };
    },
  };
}
function makeKeys(kind: "EdDSA" | "ES256" | "RS256"): {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
} {
  if (kind === "EdDSA") return generateKeyPairSync("ed25519");
  return kind === "ES256"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" })
    : generateKeyPairSync("rsa", { modulusLength: 2048 });
}

/** A record with its payload, signed by somebody. */
function made(
  kind: string,
  signer: Signer,
  options: {
    readonly purpose: string;
    readonly document: object;
    readonly fields?: object;
    readonly decision?: "deny";
    readonly change?: (client: Record<string, unknown>) => void;
  },
): readonly [object, object] {
  const statement = {
    purpose: options.purpose,
    decision: options.decision ?? "allow",
    key: signer.id,
    subject: CRYPTO.digest(canonicalize(options.document as never)),
  };
  const payload = encodeUtf8(JSON.stringify(statement));
  const envelope = {
    payloadType: STATEMENT_TYPE,
    payload: toBase64(payload),
    signatures: [{ keyid: signer.id, ...signer.sign(payload, options.change) }],
  };
  return [
    { seq: 1, kind, key: signer.id, payload: {}, ...options.fields },
    { document: options.document, envelope },
  ];
}
const enrol = (
  owner: Signer,
  by: Signer,
  roles: readonly string[] = ["approve", "grant", "administer"],
): readonly [object, object] =>
  made("owner-enrolled", by, {
    purpose: "enrol-owner",
    document: { name: "x", roles, key: owner.key },
    fields: { owner: owner.id },
  });
const policy = (by: Signer, change?: (client: Record<string, unknown>) => void): readonly [object, object] =>
  made("policy-set", by, {
    purpose: "set-policy",
    document: { text: "forbid" },
    ...(change !== undefined && { change }),
  });

interface Owners {
  readonly signed: number;
  readonly first: string | null;
  readonly noes: { readonly signed: number; readonly own: number };
  check(record: object, payload: object | null): void;
}
function read(...records: readonly (readonly [object, object])[]): Owners {
  const owners = createOwners() as Owners;
  for (const [record, payload] of records) owners.check(record, payload);
  return owners;
}

describe("the verifier", () => {
  const first = ed25519();
  const keys = [passkey("ES256"), passkey("EdDSA"), passkey("RS256")] as const;

  test.each(keys.map((key) => [key.id, key] as const))("takes what a passkey signed: %s", (_, key) => {
    expect(read(enrol(first, first), enrol(key, first), policy(key))).toMatchObject({ signed: 3, first: first.id });
  });

  test("takes what a passkey signed at a console of its home, which has another name with every start", () => {
    const at = (client: Record<string, unknown>) =>
      (client["origin"] = "http://00112233aabbccdd.aios-1.localhost:20000");
    expect(read(enrol(first, first), enrol(keys[0], first), policy(keys[0], at))).toMatchObject({ signed: 3 });
  });

  test.each<readonly [string, (client: Record<string, unknown>) => void]>([
    ["at another origin", (client) => (client["origin"] = "http://aios-2.localhost:20000")],
    ["at another home's console", (client) => (client["origin"] = "http://00112233aabbccdd.aios-2.localhost:20000")],
    ["at no console's name of this home", (client) => (client["origin"] = "http://evil.aios-1.localhost:20000")],
    ["below a console's name", (client) => (client["origin"] = "http://a.00112233aabbccdd.aios-1.localhost:20000")],
    ["by another scheme", (client) => (client["origin"] = "https://00112233aabbccdd.aios-1.localhost:20000")],
    ["to sign in", (client) => (client["challenge"] = "AAAA")],
    ["to make a key", (client) => (client["type"] = "webauthn.create")],
    ["in a frame", (client) => (client["crossOrigin"] = true)],
  ])("refuses what a passkey signed %s", (_, change) => {
    expect(() => read(enrol(first, first), enrol(keys[0], first), policy(keys[0], change))).toThrow(
      /signature is wrong/u,
    );
  });

  test("refuses a signature of nobody, of somebody who was removed, and of one without the role", () => {
    const removed = made("owner-removed", first, {
      purpose: "remove-owner",
      document: { owner: keys[0].id },
      fields: { owner: keys[0].id },
    });
    expect(() => read(enrol(first, first), policy(keys[0]))).toThrow(/no owner is enrolled/u);
    expect(() => read(enrol(first, first), enrol(keys[0], first), removed, policy(keys[0]))).toThrow(
      /no owner is enrolled/u,
    );
    expect(() => read(enrol(first, first), enrol(keys[0], first, ["approve"]), policy(keys[0]))).toThrow(
      /may not sign/u,
    );
  });

  test("goes on no further where it is not shown who may sign; twin: what changes nothing of that may be missing", () => {
    const removed = made("owner-removed", first, {
      purpose: "remove-owner",
      document: { owner: keys[0].id },
      fields: { owner: keys[0].id },
    });
    const hidden = ([record]: readonly [object, object]): readonly [object, null] => [record, null];
    const check = (...records: readonly (readonly [object, object | null])[]) => {
      const owners = createOwners() as Owners;
      for (const [record, payload] of records) owners.check(record, payload);
      return owners;
    };
    const begun = [enrol(first, first), enrol(keys[0], first)] as const;
    expect(() => check(...begun, hidden(removed), policy(keys[0]))).toThrow(/who may sign since/u);
    expect(() => check(begun[0], hidden(begun[1]))).toThrow(/who may sign since/u);
    expect(check(...begun, hidden(policy(keys[0])))).toMatchObject({ signed: 2 });
  });

  test("refuses a second screen that a passkey switched, whatever its roles; twin: a key file may", () => {
    const second = (by: Signer) =>
      made("second-screen-set", by, { purpose: "set-second-screen", document: { for: "nothing" } });
    expect(read(enrol(first, first), enrol(keys[0], first), second(first))).toMatchObject({ signed: 3 });
    expect(() => read(enrol(first, first), enrol(keys[0], first), second(keys[0]))).toThrow(/is a passkey/u);
  });

  test("tells a person's no from a machine's, and refuses one that nobody signed", () => {
    const [document, other] = [{ request: "1" }, { request: "2" }];
    const action = CRYPTO.digest(canonicalize(document));
    type Denial = { readonly code?: string; readonly by?: object; readonly over?: object; readonly decision?: "deny" };
    const denied = (
      by: Signer,
      { code = "denied-by-owner", over = document, ...more }: Denial,
    ): readonly [object, object] => {
      const fields = { code, action, key: undefined, by: more.by ?? { kind: "owner", key: by.id } };
      return made("denied", by, { purpose: "approve-action", document: over, fields, ...more });
    };
    const [page] = keys;
    const start = [enrol(first, first), enrol(page, first, ["approve"]), enrol(keys[1], first, ["grant"])] as const;
    const deny = "deny" as const;
    for (const by of [first, page])
      expect(read(...start, denied(by, { decision: deny }))).toMatchObject({ signed: 4, noes: { signed: 1, own: 0 } });
    // A machine's: by a rule, and of an owner's yes after which something had moved.
    const rule = { kind: "rule", rule: "no-grant" };
    const own = [
      { seq: 3, kind: "denied", code: "no-grant", by: rule, action, payload: {} },
      { action: "{}" },
    ] as const;
    expect(read(...start, own)).toMatchObject({ signed: 3, noes: { signed: 0, own: 1 } });
    expect(read(...start, denied(first, { code: "limit-uses" }))).toMatchObject({ signed: 4, noes: { signed: 1 } });
    const forged: readonly (readonly [readonly [object, object], RegExp])[] = [
      [denied(first, {}), /for something else/u],
      [denied(first, { code: "limit-uses", decision: deny }), /for something else/u],
      [denied(first, { over: other, decision: deny }), /over something else/u],
      [denied(keys[1], { decision: deny }), /may not sign/u],
      [denied(keys[2], { decision: deny }), /no owner is enrolled/u],
      [[denied(first, { decision: deny })[0], { action: "{}" }], /no statement/u],
      [denied(first, { by: rule, decision: deny }), /names no owner/u],
      [[{ ...own[0], code: "denied-by-owner" }, own[1]], /names no owner/u],
    ];
    for (const [record, why] of forged) expect(() => read(...start, record)).toThrow(why);
  });

  test("takes an owner back who has a code, once the wait is over, and refuses a code for anything else", () => {
    const code = ed25519();
    const id = code.id.replace("ed25519:", "recovery:");
    const bearer = { ...code, id };
    const codes = [{ id, salt: "0".repeat(32), key: (code.key as { publicKey: string }).publicKey }];
    const set = made("recovery-set", first, { purpose: "set-recovery", document: { codes, wait: 1000 } });
    const [key] = keys;
    const document = { name: "x", roles: ["administer"], key: key.key };
    const begun = made("recovery-begun", bearer, {
      purpose: "recover-owner",
      document,
      fields: { owner: key.id, seq: 7 },
    });
    const over = [{ seq: 9, kind: "owner-recovered", owner: key.id, record: 7, payload: null }, {}] as const;
    const stopped = made("recovery-stopped", first, { purpose: "stop-recovery", document: { record: 7 } });
    const start = [enrol(first, first), set, begun] as const;
    expect(read(...start, over, policy(key))).toMatchObject({ signed: 4 });
    expect(() => read(...start, policy(key))).toThrow(/no owner is enrolled/u);
    expect(() => read(...start, stopped, over)).toThrow(/nobody recovers so/u);
    expect(() => read(...start, begun)).toThrow(/no owner is enrolled/u);
    expect(() => read(enrol(first, first), set, policy(bearer))).toThrow(/may not sign/u);
    // Codes end with the owner who made them, and with no other.
    const remove = (owner: Signer): readonly [object, object] =>
      made("owner-removed", first, {
        purpose: "remove-owner",
        document: { owner: owner.id },
        fields: { owner: owner.id },
      });
    expect(() => read(enrol(first, first), set, remove(first), begun)).toThrow(/no owner is enrolled/u);
    expect(read(enrol(first, first), enrol(keys[1], first), set, remove(keys[1]), begun)).toMatchObject({ signed: 5 });
  });

  test("refuses a second owner who enrols themselves, another purpose, another document, and a kind that it does not know", () => {
    expect(() => read(enrol(first, first), enrol(keys[0], keys[0]))).toThrow(/no owner is enrolled/u);
    const [record, payload] = policy(first);
    expect(() => read(enrol(first, first), [{ ...record, kind: "grant-signed" }, payload])).toThrow(
      /for something else/u,
    );
    expect(() => read(enrol(first, first), [record, { ...payload, document: {} }])).toThrow(/over something else/u);
    expect(() => read(enrol(first, first), [{ ...record, kind: "new-kind" }, payload])).toThrow(/take a newer one/u);
  });
});
