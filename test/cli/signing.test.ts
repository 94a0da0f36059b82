import { describe, expect, test } from "vitest";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { isObject, parseJson, type JsonObject } from "../../src/kernel/json.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { runProgram } from "../../src/cli/program.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import { verifyEnvelope } from "../../src/protocol/dsse.ts";
import type { CliRequests } from "../../src/protocol/requests.ts";
import type { Statement } from "../../src/protocol/statement.ts";
import { createDesk, NOW, PASSPHRASE, type Desk, type Setting } from "../fakes/cli-powers.ts";
import { grant, held, heldOver, INSTANCE, REQUEST } from "./cast.ts";
import { pageOf } from "../fakes/monitor-client.ts";

const crypto = createCrypto();
const hello: Setting["answers"] = {
  hello: () => ({ version: "0.1.0", start: "0", home: "/h", owners: 0, policy: "p", limits: "watch" }),
};

/** Draws up a statement as the monitor would. */
function prepare({ purpose, document }: CliRequests["prepare"]["body"]): CliRequests["prepare"]["ok"] {
  return {
    statement: {
      v: 1,
      purpose,
      nonce: "ab".repeat(16),
      subject: crypto.digest(canonicalize(document)),
      policy: `sha256:${"2".repeat(64)}`,
      start: "cd".repeat(16),
      expires: NOW + 300_000,
    },
  };
}

/** What was handed in, checked as the monitor checks it. */
function submitted(desk: Desk): { readonly statement: Statement; readonly document: JsonObject } {
  const bodies = desk.monitor.asked.filter((asked) => asked.name === "submit").map((asked) => asked.body);
  expect(bodies).toHaveLength(1);
  const { envelope, document } = bodies[0] as CliRequests["submit"]["body"]; // the one body of that name
  const verified = verifyEnvelope(envelope, {
    findKey: () => ({ kind: "ed25519", publicKey: toBase64(desk.signer.publicKey) }),
    at: null,
    crypto,
  });
  if (verified.kind === "refused") throw new Error(verified.message);
  expect(verified.statement.subject).toBe(crypto.digest(canonicalize(document)));
  return { statement: verified.statement, document };
}

function askedFor(desk: Desk, name: string): number {
  return desk.monitor.asked.filter((asked) => asked.name === name).length;
}

/** No grant is there yet, so no server of one is in quarantine. */
const granting: Setting["answers"] = { prepare, grants: () => ({ grants: [] }), submit: () => ({ seq: 7 }) };

const approvals: Setting["answers"] = {
  held: () => pageOf([held]),
  "held-show": () => held,
  submit: () => ({ seq: 42 }),
};

describe("an approval", () => {
  test("is signed over exactly the action that was shown", async () => {
    const desk = createDesk({ typed: ["y", PASSPHRASE], answers: approvals });
    expect(await runProgram(["approvals", "approve", REQUEST], desk.powers)).toBe(EXIT.ok);
    const { statement, document } = submitted(desk);
    expect(canonicalize(document)).toBe(held.action);
    expect(statement).toMatchObject({
      purpose: "approve-action",
      decision: "allow",
      nonce: REQUEST,
      subject: held.digest,
    });
  });

  test("and a denial is signed as a denial", async () => {
    const desk = createDesk({ typed: ["y", PASSPHRASE], answers: approvals });
    expect(await runProgram(["approvals", "deny", REQUEST], desk.powers)).toBe(EXIT.ok);
    expect(submitted(desk).statement.decision).toBe("deny");
  });

  test.each([
    ["no", ["n"], EXIT.no],
    ["nothing", [null], EXIT.no],
    ["something like yes", ["yep"], EXIT.no],
    ["yes, and then no passphrase", ["y", null], EXIT.no],
    ["yes, and then a wrong passphrase three times", ["y", "a", "b", "c"], EXIT.no],
  ])("is not signed after %s", async (_name, typed, exit) => {
    const desk = createDesk({ typed, answers: approvals });
    expect(await runProgram(["approvals", "approve", REQUEST], desk.powers)).toBe(exit);
    expect(askedFor(desk, "submit")).toBe(0);
  });

  test("is not signed without a terminal, whatever standard input holds", async () => {
    const desk = createDesk({ answers: approvals });
    expect(await runProgram(["approvals", "approve", REQUEST], desk.powers)).toBe(EXIT.terminal);
    expect(askedFor(desk, "submit")).toBe(0);
  });

  test.each([
    [
      "the statement is over another action",
      { ...held, statement: { ...held.statement, subject: `sha256:${"9".repeat(64)}` } },
    ],
    [
      "the statement has another purpose",
      { ...held, statement: { ...held.statement, purpose: "sign-grant" as const } },
    ],
    ["the action is another than its digest says", { ...held, action: heldOver({ to: ["eve@evil.example"] }).action }],
    ["the action answers another request", { ...held, request: "f".repeat(32) }],
    ["the action has a second reading", { ...heldOver({}), action: `${heldOver({}).action} ` }],
    ["the action is too long to read", heldOver({ body: "x\n".repeat(500) })],
  ])("is not signed when %s", async (_name, detail) => {
    const desk = createDesk({ typed: ["y", PASSPHRASE], answers: { ...approvals, "held-show": () => detail } });
    expect(await runProgram(["approvals", "approve", REQUEST], desk.powers)).toBe(EXIT.no);
    expect(askedFor(desk, "submit")).toBe(0);
  });

  test("closes its connection, also when it fails", async () => {
    const desk = createDesk({ answers: { held: () => pageOf([]) } });
    await runProgram(["approvals", "show", REQUEST], desk.powers);
    expect(desk.monitor.closed()).toBe(1);
  });
});

describe("the other signed acts", () => {
  test.each([
    [["thaw", INSTANCE], "thaw-instance", { instance: INSTANCE }],
    [["thaw", "--agent", "notes"], "restart-agent", { agent: "notes" }],
    [["grants", "revoke", "notes"], "revoke-grant", { grant: "notes" }],
    [["doctor", "--set-clock"], "set-clock", { at: NOW }],
  ] as const)("%s", async (words, purpose, document) => {
    const desk = createDesk({ typed: ["y", PASSPHRASE], answers: { prepare, submit: () => ({ seq: 7 }) } });
    expect(await runProgram(words, desk.powers)).toBe(EXIT.ok);
    const handedIn = submitted(desk);
    expect(handedIn.statement).toMatchObject({ purpose, decision: "allow" });
    expect({ ...handedIn.document }).toEqual(document);
  });

  test("rules are put in force as they were read, and only when they type-check", async () => {
    const files = { "r.cedar": "forbid (principal, action, resource);\n" };
    const good = createDesk({
      files,
      typed: ["y", PASSPHRASE],
      answers: { prepare, submit: () => ({ seq: 7 }), "policy-check": () => ({ problems: [], version: "v" }) },
    });
    expect(await runProgram(["policy", "set", "r.cedar"], good.powers)).toBe(EXIT.ok);
    expect({ ...submitted(good).document }).toEqual({ text: files["r.cedar"] });

    const problems = [{ rule: "rule0", message: "no", line: null }];
    const bad = createDesk({
      files,
      typed: ["y", PASSPHRASE],
      answers: { "policy-check": () => ({ problems, version: "" }) },
    });
    expect(await runProgram(["policy", "set", "r.cedar"], bad.powers)).toBe(EXIT.no);
    expect(askedFor(bad, "submit")).toBe(0);
  });

  test("a grant is signed as the document that was shown", async () => {
    const files = { "g.json": canonicalize(parseDocument(grant)) };
    const desk = createDesk({ files, typed: ["y", PASSPHRASE], answers: granting });
    expect(await runProgram(["grants", "sign", "g.json"], desk.powers)).toBe(EXIT.ok);
    expect(canonicalize(submitted(desk).document)).toBe(files["g.json"]);
    expect(desk.err()).toContain("files/write_file where path is one of");
  });

  test("a grant is shown anew for the width that there is, and an answer to rows of another width is asked for again", async () => {
    const files = { "g.json": canonicalize(parseDocument(grant)) };
    const desk = createDesk({ files, typed: ["y", "y", PASSPHRASE], answers: granting });
    let columns = 80;
    const err = {
      ...desk.powers.err,
      get columns() {
        return columns;
      },
    };
    const person = desk.powers.person && {
      ...desk.powers.person,
      askLine(prompt: string) {
        // It is made narrower while the first answer is typed.
        columns = 60;
        return desk.powers.person?.askLine(prompt) ?? Promise.resolve(null);
      },
    };
    expect(await runProgram(["grants", "sign", "g.json"], { ...desk.powers, err, person })).toBe(EXIT.ok);
    expect(desk.prompts.filter((prompt) => prompt.startsWith("Sign this grant?"))).toHaveLength(2);
    const [wide = "", narrow = ""] = desk
      .err()
      .split(/(?=^grant )/mu)
      .slice(-2);
    expect(Math.max(...wide.split("\n").map((row) => row.length))).toBeGreaterThan(60);
    expect(Math.max(...narrow.split("\n").map((row) => row.length))).toBeLessThanOrEqual(60);
  });

  test("a monitor that has something else signed gets nothing", async () => {
    const other = (body: CliRequests["prepare"]["body"]): CliRequests["prepare"]["ok"] =>
      prepare({ ...body, document: { grant: "another" } });
    const desk = createDesk({ typed: ["y", PASSPHRASE], answers: { prepare: other, submit: () => ({ seq: 7 }) } });
    expect(await runProgram(["grants", "revoke", "notes"], desk.powers)).toBe(EXIT.no);
    expect(desk.err()).toContain("(changed-on-the-way)");
    expect(askedFor(desk, "submit")).toBe(0);
  });
});

describe("init", () => {
  test("makes a key and enrols it with its own signature", async () => {
    const desk = createDesk({
      home: "empty",
      typed: [PASSPHRASE, PASSPHRASE],
      answers: { ...hello, prepare, submit: () => ({ seq: 1 }) },
    });
    expect(await runProgram(["init", "--name", "maria"], desk.powers)).toBe(EXIT.ok);
    const { statement, document: enrolled } = submitted(desk);
    expect(statement.purpose).toBe("enrol-owner");
    expect(enrolled).toEqual({
      name: "maria",
      roles: ["approve", "grant", "administer"],
      key: { kind: "ed25519", publicKey: toBase64(desk.signer.publicKey) },
    });
  });

  test("makes nothing in a new home before its passphrase was given", async () => {
    const desk = createDesk({ home: "none", typed: [null], answers: hello });
    expect(await runProgram(["init"], desk.powers)).toBe(EXIT.no);
    expect(await desk.powers.home(null).exists()).toBe(false);
    expect(desk.monitor.asked).toEqual([]);
  });

  test("takes up a key that an interrupted one left, with its passphrase", async () => {
    const answers = { ...hello, prepare, submit: () => ({ seq: 1 }) };
    const desk = createDesk({ home: "ready", typed: [PASSPHRASE], answers });
    expect(await runProgram(["init"], desk.powers)).toBe(EXIT.ok);
    expect(submitted(desk).statement.purpose).toBe("enrol-owner");
    const wrong = createDesk({ home: "ready", typed: ["guess"], answers });
    expect(await runProgram(["init"], wrong.powers)).toBe(EXIT.no);
    expect(askedFor(wrong, "submit")).toBe(0);
  });

  test("makes no key behind a weak passphrase", async () => {
    const desk = createDesk({ home: "empty", typed: ["short", "short"], answers: { ...hello } });
    expect(await runProgram(["init"], desk.powers)).toBe(EXIT.no);
    expect(await desk.powers.home(null).key.exists()).toBe(false);
  });
});

function parseDocument(value: object): JsonObject {
  const parsed = parseJson(JSON.stringify(value));
  if (parsed.kind === "refused" || !isObject(parsed.value)) throw new Error("not an object");
  return parsed.value;
}
