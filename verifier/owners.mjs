/**
 * Who may sign in an AIOS log, and whether they did: statements in DSSE envelopes, by Ed25519 keys and by passkeys. Shares no code with
 * AIOS; docs/formats/statement.md has the format. Used by check-evidence.mjs.
 */
import { createPublicKey, verify } from "node:crypto";
import { fromBase64, Refused, sha256 } from "./check-proof.mjs";

const STATEMENT_TYPE = "application/vnd.aios.statement.v1+json";

/** Records that add or take authority: what an owner signed for, and the role that this takes. */
export const SIGNED = new Map([
  ["owner-enrolled", ["enrol-owner", "administer"]],
  ["owner-removed", ["remove-owner", "administer"]],
  ["recovery-set", ["set-recovery", "administer"]],
  ["recovery-begun", ["recover-owner", "recovery"]],
  ["recovery-stopped", ["stop-recovery", "any"]],
  ["grant-signed", ["sign-grant", "grant"]],
  ["grant-revoked", ["revoke-grant", "grant"]],
  ["policy-set", ["set-policy", "administer"]],
  ["clock-set", ["set-clock", "administer"]],
  ["secret-set", ["set-secret", "grant"]],
  ["secret-rotated", ["rotate-secret", "grant"]],
  ["secret-bound", ["bind-secret", "grant"]],
  ["secret-removed", ["remove-secret", "grant"]],
  ["provider-set", ["set-provider", "administer"]],
  ["provider-removed", ["remove-provider", "administer"]],
  ["witnesses-set", ["set-witnesses", "administer"]],
  ["telemetry-set", ["set-telemetry", "administer"]],
  ["second-screen-set", ["set-second-screen", "administer"]],
  ["publishers-set", ["set-publishers", "administer"]],
  ["retention-set", ["set-retention", "administer"]],
  ["payload-erased", ["erase-payload", "administer"]],
  ["instance-thawed", ["thaw-instance", "approve"]],
  ["all-thawed", ["thaw-all", "approve"]],
  ["hold-lifted", ["lift-hold", "approve"]],
  ["away-begun", ["go-away", "grant"]],
  ["agent-restarted", ["restart-agent", "grant"]],
  ["home-put", ["put-home-file", "grant"]],
  ["home-wiped", ["wipe-home", "administer"]],
  ["memory-frozen", ["freeze-memory", "grant"]],
  ["memory-erased", ["erase-memory", "administer"]],
  ["memory-budget-set", ["set-memory-budget", "grant"]],
  ["memory-released", ["release-memory", "grant"]],
  ["memory-imported", ["import-memory", "grant"]],
]);

/** Records that say who may sign from then on: whoever is not shown what was signed there knows nothing of what follows. */
const CHANGING = new Set(["owner-enrolled", "owner-removed", "recovery-set", "recovery-begun", "recovery-stopped"]);

/** The owners of a log, as its records enrol and remove them. */
export function createOwners() {
  /** By key id; a recovery code signs one recovery and nothing else. */
  const keys = new Map();
  /** Who recovers, until the wait is over or somebody stops it. */
  let pending = null;

  function change({ seq, kind, owner, key, days }, document, enrolled) {
    if (kind === "owner-enrolled") keys.set(owner, enrolled);
    if (kind === "owner-removed") {
      if (document?.owner !== owner) refuse(seq, "it removes another owner than the one that was signed");
      keys.delete(owner);
      // Codes end with the owner who made them.
      for (const [id, { by }] of keys) if (by === owner) keys.delete(id);
    }
    if (kind === "retention-set" && canonical(document?.days) !== canonical(days))
      refuse(seq, "it tells of other rules than those that were signed");
    if (kind === "recovery-set" || kind === "recovery-stopped") {
      for (const [id, { roles }] of keys) if (roles.includes("recovery")) keys.delete(id);
      for (const code of (kind === "recovery-set" && document?.codes) || [])
        keys.set(code.id, { ...readCode(code, seq), by: key });
    }
    if (kind === "recovery-begun") pending = { owner, enrolled, record: seq };
    if (kind === "recovery-stopped") pending = null;
  }

  const owners = {
    /** Signatures that verified, and those whose payload is not here. */
    signed: 0,
    unseen: 0,
    /** Denials: an owner's, whose signature verified, and the machine's own. */
    noes: { signed: 0, own: 0 },
    /** Id of the first owner's key, or null. */
    first: null,
    /** Throws Refused when a record that adds authority was not signed for it. */
    check(record, payload) {
      if (record.kind === "owner-recovered") {
        if (pending?.record !== record.record || pending.owner !== record.owner)
          refuse(record.seq, "nobody recovers so");
        keys.set(pending.owner, pending.enrolled);
        pending = null;
      }
      const wanted = wantedOf(record, payload);
      if (record.kind === "denied" && wanted === null) owners.noes.own += 1;
      if (wanted === null) return;
      if (payload === null) {
        if (CHANGING.has(record.kind))
          refuse(record.seq, "what was signed is not here, and who may sign since rests on it");
        owners.unseen += 1;
        return;
      }
      const isOwner = record.kind === "owner-enrolled" || record.kind === "recovery-begun";
      const enrolled = isOwner ? readOwner(payload.document, record) : null;
      // The first owner signs for themselves: nobody else could.
      if (record.kind === "owner-enrolled" && keys.size === 0) keys.set(record.owner, enrolled);
      checkEnvelope(record.seq, payload.envelope, { ...wanted, owner: keys.get(wanted.key) });
      if (record.kind === "recovery-begun") keys.delete(wanted.key);
      change(record, payload.document, enrolled);
      owners.first ??= wanted.key;
      owners.signed += 1;
      if (record.kind === "denied") owners.noes.signed += 1;
    },
  };
  return owners;
}

function wantedOf(record, payload) {
  if (record.kind === "denied") return wantedOfDenial(record, payload);
  if (record.kind === "approved" && record.by.kind === "owner") {
    return { purpose: "approve-action", role: "approve", key: record.by.key, subject: record.action };
  }
  const [purpose, role] = SIGNED.get(record.kind) ?? [];
  if (purpose !== undefined) {
    return { purpose, role, key: record.key, subject: payload === null ? null : digestOf(canonical(payload.document)) };
  }
  if (payload?.envelope !== undefined) {
    refuse(record.seq, `this verifier does not know what ${record.kind} must be signed for; take a newer one`);
  }
  return null;
}

/**
 * A person's no is signed as their yes is. One that says so without a signature is no person's, and neither is one that came of a
 * yes: the machine denies what an owner allowed when something moved in between, and says why in another code.
 */
function wantedOfDenial({ seq, by, code, action }, payload) {
  if (by.kind !== "owner") {
    if (code === "denied-by-owner") refuse(seq, "it tells of an owner's no and names no owner");
    if (payload?.envelope !== undefined) refuse(seq, "it has an owner's statement and names no owner");
    return null;
  }
  const decision = code === "denied-by-owner" ? "deny" : "allow";
  return { purpose: "approve-action", role: "approve", key: by.key, subject: action, decision };
}

/** An owner's key out of the document that enrols them; its id must be the one that the record names. */
function readOwner(document, { seq, owner }) {
  const { kind, publicKey, rpId, origin } = document?.key ?? {};
  const raw = fromBase64(String(publicKey));
  if (raw === null || owner !== `${kind}:${sha256(raw).toString("hex").slice(0, 16)}`) {
    refuse(seq, "it enrols another key than the one that was signed");
  }
  const roles = document.roles ?? [];
  if (kind === "passkey") return { kind, roles, rpId, origin, ...readCose(raw, seq) };
  if (kind !== "ed25519" || raw.length !== 32) refuse(seq, `it enrols a key of an unknown kind, ${kind}`);
  return { kind, roles, ...readJwk({ kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") }, null) };
}

/** The key that scrypt makes of a recovery code. */
function readCode({ id, key }, seq) {
  const raw = fromBase64(String(key));
  if (raw?.length !== 32 || id !== `recovery:${sha256(raw).toString("hex").slice(0, 16)}`)
    refuse(seq, "its codes are none");
  return {
    kind: "ed25519",
    roles: ["recovery"],
    ...readJwk({ kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") }, null),
  };
}

/** A COSE_Key (RFC 9052) of ES256, EdDSA or RS256. */
function readCose(bytes, seq) {
  const map = readCbor(bytes);
  const url = (label) =>
    Buffer.isBuffer(map?.get(label)) ? map.get(label).toString("base64url") : refuse(seq, "its passkey is no key");
  switch (map?.get(3)) {
    case -7:
      return readJwk({ kty: "EC", crv: "P-256", x: url(-2), y: url(-3) }, "sha256");
    case -8:
      return readJwk({ kty: "OKP", crv: "Ed25519", x: url(-2) }, null);
    case -257:
      return readJwk({ kty: "RSA", n: url(-1), e: url(-2) }, "sha256");
    default:
      return refuse(seq, "its passkey is of an algorithm that is not known here");
  }
}

function readJwk(jwk, hash) {
  return { key: createPublicKey({ key: jwk, format: "jwk" }), hash };
}

/** A CBOR map of small integers to integers and byte strings; null for anything else. */
function readCbor(bytes) {
  let at = 0;
  const readHead = () => {
    const first = bytes[at] ?? 0xff;
    at += 1;
    const [type, low] = [first >> 5, first & 31];
    if (low < 24) return [type, low];
    const size = low === 24 ? 1 : low === 25 ? 2 : null;
    if (size === null || at + size > bytes.length) return [7, 0];
    at += size;
    return [type, bytes.readUIntBE(at - size, size)];
  };
  const readItem = () => {
    const [type, value] = readHead();
    if (type === 0) return value;
    if (type === 1) return -1 - value;
    if (type !== 2 || at + value > bytes.length) return null;
    at += value;
    return bytes.subarray(at - value, at);
  };
  const [type, count] = readHead();
  if (type !== 5 || count > 8) return null;
  const map = new Map();
  for (let place = 0; place < count; place += 1) map.set(readItem(), readItem());
  return at === bytes.length ? map : null;
}

/** DSSE: the signature is over type and payload, so that none serves another purpose. */
function checkEnvelope(seq, envelope, { purpose, role, key, subject, owner, decision = "allow" }) {
  const [signature, ...others] = envelope?.signatures ?? [];
  if (envelope?.payloadType !== STATEMENT_TYPE || signature === undefined || others.length > 0)
    refuse(seq, "it has no statement");
  if (signature.keyid !== key || owner === undefined) refuse(seq, `no owner is enrolled with the key ${key}`);
  const body = fromBase64(String(envelope.payload)) ?? refuse(seq, "its statement is not base64");
  const message = Buffer.concat([
    Buffer.from(`DSSEv1 ${STATEMENT_TYPE.length} ${STATEMENT_TYPE} ${body.length} `),
    body,
  ]);
  const sig = fromBase64(String(signature.sig)) ?? refuse(seq, "its signature is not base64");
  const right =
    owner.kind === "passkey" ? isAsserted(owner, { signature, sig, message }) : verify(null, message, owner.key, sig);
  if (!right) refuse(seq, "its signature is wrong");
  const statement = JSON.parse(body.toString("utf8"));
  if (statement?.purpose !== purpose || statement.decision !== decision || statement.key !== key) {
    refuse(seq, "its statement was signed for something else");
  }
  if (statement.subject !== subject) refuse(seq, "its statement was signed over something else");
  const may = role === "any" ? !owner.roles.includes("recovery") : owner.roles.includes(role);
  if (purpose === "set-second-screen" && owner.kind === "passkey")
    refuse(seq, `${key} is a passkey, and may not sign for ${purpose}`);
  if (!may) refuse(seq, `${key} may not sign for ${purpose}`);
}

/** WebAuthn, section 7.2: the challenge is the digest of what is signed; user present and verified, at this home's console. */
function isAsserted({ rpId, origin, key, hash }, { signature, sig, message }) {
  const [data, client] = [fromBase64(String(signature.authenticatorData)), fromBase64(String(signature.clientData))];
  if (data?.length !== 37 || client === null) return false;
  const said = JSON.parse(client.toString("utf8"));
  const isHere =
    said?.type === "webauthn.get" &&
    said.challenge === sha256(message).toString("base64url") &&
    isOrigin(said.origin, origin) &&
    (said.crossOrigin ?? false) === false &&
    said.topOrigin === undefined;
  const isVerified = data.subarray(0, 32).equals(sha256(Buffer.from(rpId))) && (data[32] & 5) === 5;
  return isHere && isVerified && verify(hash, Buffer.concat([data, sha256(client)]), key, sig);
}

/** The origin that the key is bound to, or a console's of that home: one label of 16 hex digits before its host. */
function isOrigin(said, origin) {
  const [scheme, place] = origin.split("://");
  return said === origin || String(said).replace(/^([a-z]+:\/\/)[0-9a-f]{16}\./, "$1") === `${scheme}://${place}`;
}

/** RFC 8785 of what JSON.parse gave. */
function canonical(value) {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const names = Object.keys(value).toSorted();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

function digestOf(text) {
  return `sha256:${sha256(Buffer.from(text ?? "")).toString("hex")}`;
}

function refuse(seq, why) {
  throw new Refused(`record ${seq}: ${why}`);
}
