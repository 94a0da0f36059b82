import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { actionText, decodeAction } from "../kernel/action.ts";
import { parseJson, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { decode } from "./decode.ts";
import { pae, sealEnvelope, verifyEnvelope, type EnvelopeKeys } from "./dsse.ts";
import { encodeFrame, FrameFault, FrameReader } from "./frame.ts";
import { decodeStatement, ENVELOPE, keyId, STATEMENT_TYPE, statementText } from "./statement.ts";

// The files were made without any code of this repository: canonical texts by hand, signatures by OpenSSL.

interface ValidStatement {
  name: string;
  statement: JsonValue;
  text: string;
  pae: string;
  envelope: JsonValue;
}
interface Refused {
  name: string;
  code: string;
}

/** What `JSON.parse` gives; each reader says what it takes it for, and the assertions find out. */
function load(path: string): ReturnType<typeof JSON.parse> {
  return JSON.parse(readFileSync(new URL(`../../test/vectors/${path}.json`, import.meta.url), "utf8"));
}

const sha256 = (data: Uint8Array | string): Buffer => createHash("sha256").update(data).digest();

/** Ed25519 of node:crypto over raw keys: DER prefixes of RFC 8410. */
function publicKeyOf(raw: Uint8Array): ReturnType<typeof createPublicKey> {
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]);
  return createPublicKey({ key: der, format: "der", type: "spki" });
}
function privateKeyOf(seed: string): ReturnType<typeof createPrivateKey> {
  const der = Buffer.from(`302e020100300506032b657004220420${seed}`, "hex");
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

function keysOf(enrolled: { keyid: string; publicKey: string }): EnvelopeKeys {
  return {
    findKey: (id) =>
      id === enrolled.keyid
        ? { kind: "ed25519", publicKey: Buffer.from(enrolled.publicKey, "hex").toString("base64") }
        : null,
    at: null,
    crypto: {
      sha256,
      verify: (raw, message, signature) => verify(null, message, publicKeyOf(raw), signature),
      verifyCose: () => false,
    },
  };
}

describe("test/vectors/action", () => {
  const valid: { name: string; action: JsonValue; text: string; digest: string }[] = load("action/valid");
  it.each(valid)("encodes $name", ({ text, digest }) => {
    const parsed = parseJson(text);
    if (parsed.kind === "refused") throw new Error(parsed.message);
    const decoded = decodeAction(parsed.value);
    if (decoded.kind === "refused") throw new Error(decoded.message);
    expect(actionText(decoded.value)).toBe(text);
    expect(`sha256:${sha256(actionText(decoded.value)).toString("hex")}`).toBe(digest);
  });

  const refused: (Refused & { action: JsonValue })[] = load("action/refused");
  it.each(refused)("refuses $name", ({ action, code }) => {
    expect(decodeAction(action)).toMatchObject({ kind: "refused", code });
  });
});

describe("test/vectors/statement", () => {
  const valid: { privateKey: string; publicKey: string; keyid: string; statements: ValidStatement[] } =
    load("statement/valid");
  const keys = keysOf(valid);
  const raw = Buffer.from(valid.publicKey, "hex");

  it("names the key", () => {
    expect(keyId(raw, sha256)).toBe(valid.keyid);
    expect(() => keyId(raw.subarray(1), sha256)).toThrow(RangeError);
  });

  it.each(valid.statements)("seals and verifies $name", (vector) => {
    const decoded = decodeStatement(vector.statement);
    if (decoded.kind === "refused") throw new Error(decoded.message);
    expect(statementText(decoded.value)).toBe(vector.text);
    expect(Buffer.from(pae(STATEMENT_TYPE, Buffer.from(vector.text))).toString("hex")).toBe(vector.pae);
    const key = privateKeyOf(valid.privateKey);
    const sealed = sealEnvelope(decoded.value, { sign: (message) => sign(null, message, key) });
    expect(sealed).toEqual(vector.envelope);
    const envelope = decode(ENVELOPE, vector.envelope);
    if (envelope.kind === "refused") throw new Error(envelope.message);
    expect(verifyEnvelope(envelope.value, keys)).toEqual({ kind: "ok", statement: vector.statement, count: null });
  });

  it("verifies without any code of this repository", () => {
    const [vector]: { envelope: { payloadType: string; payload: string; signatures: { sig: string }[] } }[] =
      load("statement/valid").statements;
    const payload = Buffer.from(vector?.envelope.payload ?? "", "base64");
    const type = vector?.envelope.payloadType ?? "";
    const message = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
    const signature = Buffer.from(vector?.envelope.signatures[0]?.sig ?? "", "base64");
    expect(verify(null, message, publicKeyOf(raw), signature)).toBe(true);
    expect(verify(null, payload, publicKeyOf(raw), signature)).toBe(false);
  });

  const refused: { publicKey: string; keyid: string; envelopes: (Refused & { envelope: JsonValue })[] } =
    load("statement/refused");
  it.each(refused.envelopes)("refuses $name", ({ envelope, code }) => {
    const shaped = decode(ENVELOPE, envelope);
    const result = shaped.kind === "refused" ? "malformed" : verifyEnvelope(shaped.value, keysOf(refused));
    expect(typeof result === "string" ? result : result.kind === "refused" && result.code).toBe(code);
  });
});

describe("test/vectors/frame", () => {
  const valid: { name: string; frame: JsonObject; hex: string }[] = load("frame/valid");
  it.each(valid)("encodes $name", ({ frame, hex }) => {
    expect(Buffer.from(encodeFrame(frame)).toString("hex")).toBe(hex);
  });

  const streams: { name: string; hex: string; frames: JsonValue; fault: string | null }[] = load("frame/stream");
  it.each(streams)("reads $name", ({ hex, frames, fault }) => {
    const reader = new FrameReader();
    const found: unknown[] = [];
    let code: string | null = null;
    try {
      reader.push(Buffer.from(hex, "hex"), (frame) => found.push(JSON.parse(JSON.stringify(frame))));
    } catch (error) {
      code = error instanceof FrameFault ? error.code : "another error";
    }
    expect({ frames: found, fault: code }).toEqual({ frames, fault });
  });
});
