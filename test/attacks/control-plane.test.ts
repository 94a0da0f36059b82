import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { keyId, type Statement } from "../../src/protocol/statement.ts";
import { scriptSource } from "../e2e/sources.ts";
import { asJson, ownerDocument, signed, startSubstrate, type Substrate } from "../e2e/substrate.ts";

/*
 * Attacks on authority itself (THREATS, control plane): each with its harmless twin. Passed means that the effect did not
 * happen, that a record names the reason, and that the monitor goes on working for everybody else.
 */
let aios: Substrate;
const crypto = createCrypto();
const call = (name: string, args: object = {}) => ({ method: "tools/call", params: { name, arguments: args } });
const grantDocument = (id: string) =>
  asJson({
    v: 1,
    id,
    agents: ["climber"],
    drivers: {},
    allow: [{ what: "notes/add", where: {} }],
    limits: { uses: null, rate: null, bytes: null, notBefore: 0, expires: Date.now() + 3_600_000 },
    lease: false,
    sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
  });

beforeAll(async () => {
  aios = await startSubstrate();
  await aios.grant({
    id: "notes",
    agents: ["honest", "climber", "worker"],
    drivers: {
      notes: {
        source: scriptSource("test/fakes/notes-server.ts", { args: ["/workspace/notes.txt"], workspace: "write" }),
        tools: { add: { risk: "stage", fields: { text: "string" } }, burn: { risk: "reserved" } },
      },
    },
    allow: ["notes/add", "notes/burn"],
  });
});
afterAll(() => aios.stop());

async function lastOf(kind: string): Promise<{ [key: string]: unknown }> {
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 10_000, instance: null, kinds: [kind] });
  return { ...entries.at(-1)?.record };
}
const workspace = () => ({ workspace: aios.workspace });

async function whenHeld(): Promise<string> {
  for (let tries = 0; tries < 3000; tries++) {
    const [first] = await aios.held();
    if (first !== undefined) return first.request;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("nothing was held");
}

describe("an agent that tries to switch approvals off", () => {
  test.each([
    ["a tool of the substrate's own name", call("aios__set_approval_mode", { mode: "never" })],
    ["the setter of another gateway", { method: "exec.approvals.set", params: { defaults: { security: "full" } } }],
    ["a configuration patch", { method: "config.patch", params: { raw: "{}" } }],
  ])("with %s is ended for good, and only an owner starts its agent again", async (_name, attempt) => {
    const ran = await aios.follow(
      "climber",
      [call("notes__add", { text: "before" }), attempt, { wait: 2000 }, call("notes__add", { text: "after" })],
      workspace(),
    );
    expect(ran.state).toBe("terminal");
    expect(
      ran.answers.filter((answer) => answer.result?.isError === false || answer.result?.content !== undefined).length,
    ).toBeLessThanOrEqual(2);
    expect(await lastOf("terminal")).toMatchObject({ agent: "climber", code: "control-verb" });
    await expect(aios.follow("climber", [], workspace())).rejects.toThrow(/ended for good/);
    await aios.sign("restart-agent", { agent: "climber" });
    const again = await aios.follow("climber", [call("notes__add", { text: "fresh" })], workspace());
    expect(again.answers[0]?.result?.isError).not.toBe(true);
  });

  test("twin: a method that nobody knows is refused and recorded, and the agent goes on", async () => {
    const ran = await aios.follow(
      "honest",
      [{ method: "notes/unknown" }, call("notes__add", { text: "still here" })],
      workspace(),
    );
    expect(ran.state).toBe("ended");
    expect(ran.answers[0]?.error).toMatchObject({ code: -32601 });
    expect(ran.answers[1]?.result?.isError).not.toBe(true);
  });
});

describe("an agent that slips consent into its arguments", () => {
  test.each([
    { approved: true },
    { approvalId: "0".repeat(32) },
    { __proto__x: { approved: true } },
    { statement: { decision: "allow" } },
  ])("%j changes nothing: the reserved action is held all the same", async (extra) => {
    const ran = await aios.follow("worker", [call("notes__burn", extra)], { ...workspace(), holdSeconds: 1 });
    expect(ran.answers[0]?.result?.structuredContent).toMatchObject({ stage: "approve", code: "hold-expired" });
  });
});

describe("statements", () => {
  const owner = () => ({ decision: "allow" as const, key: keyId(aios.owner.publicKey, crypto.sha256) });

  test("twin: one that was asked for and signed as it is takes effect", async () => {
    await aios.sign("sign-grant", grantDocument("twin"));
    expect((await aios.client.request("grants", {})).grants.map(({ id }) => id)).toContain("twin");
  });

  const attacks: readonly [
    string,
    RegExp,
    (made: Statement) => { statement?: Partial<Statement>; document?: string; signer?: "stranger"; break?: boolean },
  ][] = [
    [
      "signed by a key that nobody enrolled",
      /no owner of this home has the key .*bad-signature/,
      () => ({ signer: "stranger" }),
    ],
    ["whose signature has one bit changed", /bad-signature/, () => ({ break: true })],
    ["over another document", /wrong-subject/, () => ({ document: "widened" })],
    ["signed for another purpose", /wrong-purpose|replayed/, () => ({ statement: { purpose: "approve-action" } })],
    ["that says deny", /wrong-purpose/, () => ({ statement: { decision: "deny" } })],
    ["with a nonce that nobody gave out", /replayed/, () => ({ statement: { nonce: "f".repeat(32) } })],
    ["for another start of the monitor", /stale-statement/, () => ({ statement: { start: "e".repeat(32) } })],
    ["for another policy", /moved/, () => ({ statement: { policy: `sha256:${"d".repeat(64)}` } })],
    ["that is past its end", /stale-statement/, () => ({ statement: { expires: Date.now() - 1 } })],
  ];
  test.each(attacks)("one %s is refused and changes nothing", async (_name, code, change) => {
    const id = `forged-${randomBytes(4).toString("hex")}`;
    const document = grantDocument(id);
    const { statement } = await aios.client.request("prepare", { purpose: "sign-grant", document });
    const made: Statement = { ...statement, ...owner() };
    const { statement: part = {}, document: other, signer, break: broken } = change(made);
    const stranger = createSigner(randomBytes(32));
    const forged: Statement = {
      ...made,
      ...part,
      ...(signer === undefined ? {} : { key: keyId(stranger.publicKey, crypto.sha256) }),
    };
    let envelope = signed(forged, signer === undefined ? aios.owner : stranger);
    if (broken === true) {
      const bytes = Buffer.from(envelope.signatures[0].sig, "base64");
      bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
      envelope = { ...envelope, signatures: [{ ...envelope.signatures[0], sig: bytes.toString("base64") }] };
    }
    await expect(
      aios.client.request("submit", {
        envelope,
        document: other === undefined ? document : grantDocument(`${id}-wider`),
      }),
    ).rejects.toThrow(code);
    const ids = (await aios.client.request("grants", {})).grants.map((grant) => grant.id);
    expect(ids.filter((known) => known.startsWith(id))).toEqual([]);
  });

  test("one that was used cannot be used again", async () => {
    const document = { grant: "twin" };
    const { statement } = await aios.client.request("prepare", { purpose: "revoke-grant", document });
    const envelope = signed({ ...statement, ...owner() }, aios.owner);
    await aios.client.request("submit", { envelope, document });
    await expect(aios.client.request("submit", { envelope, document })).rejects.toThrow();
    expect((await aios.client.request("grants", {})).grants.find(({ id }) => id === "twin")?.state).toBe("revoked");
  });

  test("two submissions of one grant at the same moment give one grant", async () => {
    const document = grantDocument("race");
    const envelopes = await Promise.all(
      [1, 2].map(async () => {
        const { statement } = await aios.client.request("prepare", { purpose: "sign-grant", document });
        return signed({ ...statement, ...owner() }, aios.owner);
      }),
    );
    const results = await Promise.allSettled(
      envelopes.map((envelope) => aios.client.request("submit", { envelope, document })),
    );
    expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });

  test("a yes to one held action is no yes to another, and a no is no yes", async () => {
    const first = aios.follow("worker", [call("notes__burn", { page: 1 })], workspace());
    const one = await aios.client.request("held-show", { request: await whenHeld() });
    const yes = signed({ ...one.statement, ...owner() }, aios.owner);
    await aios.client.request("submit", { envelope: yes, document: JSON.parse(one.action) });
    await first;
    const second = aios.follow("worker", [call("notes__burn", { page: 2 })], { ...workspace(), holdSeconds: 3 });
    const two = await aios.client.request("held-show", { request: await whenHeld() });
    await expect(aios.client.request("submit", { envelope: yes, document: JSON.parse(two.action) })).rejects.toThrow(
      /wrong-subject/,
    );
    await expect(aios.client.request("submit", { envelope: yes, document: JSON.parse(one.action) })).rejects.toThrow(
      /replayed/,
    );
    const ran = await second;
    expect(ran.answers[0]?.result?.structuredContent).toMatchObject({ code: "hold-expired" });
  });

  test("a second owner cannot enrol themselves", async () => {
    const stranger = createSigner(randomBytes(32));
    const document = ownerDocument("stranger", stranger);
    const { statement } = await aios.client.request("prepare", { purpose: "enrol-owner", document });
    const key = keyId(stranger.publicKey, crypto.sha256);
    const envelope = signed({ ...statement, decision: "allow", key }, stranger);
    await expect(aios.client.request("submit", { envelope, document })).rejects.toThrow(/bad-signature/);
  });
});

describe("a peer that breaks the protocol on the home's socket", () => {
  const open = async (): Promise<Socket> => {
    const socket = connect(join(aios.home, "run", "aiosd.sock"));
    await new Promise((resolve) => socket.once("connect", resolve));
    return socket;
  };
  const refusals = async (): Promise<number> => {
    const query = { from: 0, limit: 10_000, instance: null, kinds: ["refused"] };
    return (await aios.client.request("log-show", query)).entries.length;
  };
  /** Refusals of what came before may be written a moment later. */
  const settled = async (): Promise<number> => {
    for (let last = await refusals(); ;) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const now = await refusals();
      if (now === last) return now;
      last = now;
    }
  };
  const frame = (value: unknown): Buffer => {
    const body = Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
    const head = Buffer.alloc(4);
    head.writeUInt32BE(body.length);
    return Buffer.concat([head, body]);
  };

  test.each<[string, Buffer]>([
    ["an unknown request", frame({ id: 1, request: "set-approval-mode", body: { mode: "never" } })],
    ["a request of another kind of peer", frame({ id: 1, request: "propose", body: {} })],
    ["an unknown field", frame({ id: 1, request: "ps", body: { all: true, approved: true } })],
    ["__proto__ as a field", frame('{"id":1,"request":"ps","body":{"all":true,"__proto__":{"all":true}}}')],
    ["a key that occurs twice", frame('{"id":1,"request":"ps","request":"stop","body":{}}')],
    ["what is not JSON", frame("GET / HTTP/1.1\r\n\r\n")],
    ["a length of four gigabytes", Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ["an empty frame", Buffer.from([0, 0, 0, 0])],
    ["an answer that nobody asked for", frame({ id: 7, ok: {} })],
  ])("with %s is ended, the fact is recorded, and others are served", async (_name, bytes) => {
    const before = await settled();
    const socket = await open();
    const ended = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {});
    socket.write(bytes);
    await ended;
    await aios.client.request("ps", { all: false });
    await expect.poll(refusals).toBe(before + 1);
  });

  test("twin: a well-formed request on a fresh connection is answered", async () => {
    const socket = await open();
    const answer = new Promise<Buffer>((resolve) => socket.once("data", resolve));
    socket.write(frame({ id: 1, request: "ps", body: { all: false } }));
    expect((await answer).subarray(4).toString()).toContain('"instances"');
    socket.destroy();
  });
});
