import { describe, expect, test } from "vitest";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { runProgram } from "../../src/cli/program.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import { verifyEnvelope } from "../../src/protocol/dsse.ts";
import { recoveryKeyId } from "../../src/protocol/recovery.ts";
import type { OwnerView, RecoveryView } from "../../src/protocol/owner-requests.ts";
import type { CliRequests } from "../../src/protocol/requests.ts";
import { createDesk, NOW, PASSPHRASE, type Desk } from "../fakes/cli-powers.ts";
import type { Answers } from "../fakes/monitor-client.ts";

const crypto = createCrypto();
const KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const maria: OwnerView = {
  id: "ed25519:0123456789abcdef",
  name: "maria",
  roles: ["approve"],
  key: { kind: "ed25519", publicKey: KEY },
  since: NOW,
  grants: ["mail"],
};
const CODE = { id: `recovery:${"0".repeat(16)}`, salt: "ab".repeat(16) };
const OFF: RecoveryView = { wait: 0, by: null, codes: [], pending: null };

const chief: OwnerView = { ...maria, id: "ed25519:fedcba9876543210", name: "chief", roles: ["administer"] };
const withPasskey: OwnerView = {
  ...chief,
  id: "passkey:0123456789abcdef",
  name: "page",
  key: {
    kind: "passkey",
    credential: "AAAA",
    publicKey: "",
    rpId: "h.localhost",
    origin: "http://h.localhost:1",
    count: 0,
  },
};

function answering(recovery: RecoveryView = OFF): Answers {
  return {
    owners: () => ({ owners: [maria], recovery, second: "nothing" }),
    prepare: ({ purpose, document }) => ({
      statement: {
        v: 1,
        purpose,
        nonce: "0".repeat(32),
        subject: crypto.digest(canonicalize(document)),
        policy: `sha256:${"a".repeat(64)}`,
        start: "0".repeat(32),
        expires: NOW + 60_000,
      },
    }),
    submit: () => ({ seq: 42 }),
  };
}

/** What doctor asks of a monitor that runs. */
function running(owners: readonly OwnerView[], recovery = OFF): Answers {
  const hello = { version: "0.1.0", start: "0".repeat(32), home: "/h", owners: owners.length, policy: "" };
  return {
    hello: () => ({ ...hello, limits: "watch" }),
    owners: () => ({ owners, recovery, second: "nothing" }),
    ps: () => ({ instances: [], allFrozen: null, log: null }),
    "log-pace": () => ({ slow: false, millis: 1, waiting: 0 }),
    retention: () => ({ days: {}, record: null, next: {}, waits: false }),
    "memory-planes": () => ({ planes: [], snapshots: [], quarantines: [], waits: false, damage: null }),
    telemetry: () => ({ on: false, runs: false, size: 0, deliveries: [], missing: null }),
    alerts: () => ({ receivers: [] }),
    witnesses: () => ({ quorum: 0, before: "nothing", size: 0, witnesses: [] }),
  };
}

/** A desk at which `1-code` opens the key of a code that is left, or (not `right`) a key that no code has. */
function recoveringDesk(asked: {
  readonly typed: readonly string[];
  readonly right: boolean;
  readonly change?: Partial<RecoveryView>;
}): Desk {
  const desk: Desk = createDesk({
    typed: asked.typed,
    answers: {
      ...answering(),
      owners: () => {
        const id = recoveryKeyId(toBase64(desk.signer.publicKey), crypto.sha256);
        const codes = [asked.right ? { ...CODE, id } : CODE];
        const recovery = { wait: 86_400_000, by: maria.id, codes, pending: null, ...asked.change };
        return { owners: [maria], recovery, second: "nothing" };
      },
    },
  });
  return desk;
}

function submitted(desk: Desk): CliRequests["submit"]["body"] {
  const [only, ...others] = desk.monitor.asked.filter(({ name }) => name === "submit");
  expect(others).toEqual([]);
  return only?.body as CliRequests["submit"]["body"]; // the one body of that name
}

describe("aios owners", () => {
  test("list shows names, roles, keys and codes", async () => {
    const desk = createDesk({ answers: answering() });
    expect(await runProgram(["owners", "list"], desk.powers)).toBe(EXIT.ok);
    expect(desk.out()).toMatch(/maria +approve +ed25519:0123456789abcdef +[0-9a-z]{3}(?:-[0-9a-z]{3}){4}/);
    expect(desk.out()).toContain("no recovery code");
  });

  test("add shows kind, name, roles and the code of the key, and signs exactly that", async () => {
    const desk = createDesk({ answers: answering(), typed: ["y", PASSPHRASE] });
    const words = ["owners", "add", "--name", "ben", "--roles", "administer,approve", "--key", KEY];
    expect(await runProgram(words, desk.powers)).toBe(EXIT.ok);
    expect(desk.err()).toMatch(
      /name +ben\n +may +approve, administer\n +kind +key file \(Ed25519\)\n +code +[0-9a-z-]{19}/,
    );
    expect(submitted(desk).document).toEqual({
      name: "ben",
      roles: ["approve", "administer"],
      key: { kind: "ed25519", publicKey: KEY },
    });
  });

  test("add --passkey waits for what is offered at the console, and signs that", async () => {
    const key = {
      kind: "passkey",
      credential: "AAAA",
      publicKey: "",
      rpId: "h.localhost",
      origin: "http://h.localhost:20101",
      count: 0,
    } as const;
    const offered = [null, { name: "ben", roles: ["approve"] as const, key }];
    const desk = createDesk({
      answers: {
        ...answering(),
        "console-open": () => ({ origin: key.origin, code: "0".repeat(32) }),
        invite: () => ({ code: "aaaa-bbbb", origin: key.origin, expires: NOW + 600_000 }),
        invited: () => ({ document: offered.shift() ?? null }),
      },
      typed: ["y", PASSPHRASE],
    });
    expect(await runProgram(["owners", "add", "--name", "ben", "--roles", "approve", "--passkey"], desk.powers)).toBe(
      EXIT.ok,
    );
    expect(desk.err()).toMatch(/http:\/\/h\.localhost:20101\/enrol[\s\S]*aaaa-bbbb[\s\S]*kind +passkey for http:\/\/h/);
    expect(submitted(desk).document).toMatchObject({ name: "ben", key });
  });

  test("add --passkey says first which of these roles a passkey is no use for", async () => {
    const desk = createDesk({ answers: { ...answering(), "console-open": () => Promise.reject(new Error("enough")) } });
    const words = ["owners", "add", "--name", "ben", "--roles", "approve,grant,administer", "--passkey"];
    await runProgram(words, desk.powers);
    expect(desk.err()).toMatch(/With a passkey grant signs only .*revoke-grant.*; the rest takes a key file/);
    expect(desk.err()).toContain("With a passkey administer signs nothing; the rest takes a key file at a terminal.");
    expect(desk.err()).not.toContain("With a passkey approve");
  });

  test.each([
    [["owners", "add", "--name", "ben", "--roles", "root", "--key", KEY]],
    [["owners", "add", "--name", "ben", "--key", KEY]],
    [["owners", "add", "--name", "ben", "--roles", "approve"]],
    [["owners", "add", "--name", "ben", "--roles", "approve", "--key", KEY, "--passkey"]],
    [["owners", "add", "--name", "b\u001b[2K", "--roles", "approve", "--key", KEY]],
    [["owners", "add", "--name", "ben", "--roles", "approve", "--key", "AAAA"]],
    [["owners", "second", "everything"]],
    [["owners", "codes", "--wait", "5m"]],
    [["owners", "codes", "--wait", "31d"]],
    [["owners", "codes", "--wait", "99999d"]],
    [["owners", "codes", "--wait", "2h", "--off"]],
  ])("%j is refused as usage, and nothing is signed", async (words) => {
    const desk = createDesk({ answers: answering(), typed: ["y", PASSPHRASE] });
    expect(await runProgram(words, desk.powers)).toBe(EXIT.usage);
    expect(desk.monitor.asked).toEqual([]);
  });

  test("remove names the grants that stay, and signs the id of the key", async () => {
    const desk = createDesk({ answers: answering(), typed: ["y", PASSPHRASE] });
    expect(await runProgram(["owners", "remove", "maria"], desk.powers)).toBe(EXIT.ok);
    expect(desk.err()).toMatch(/grants +mail \(they stay in force\)/);
    expect(`${desk.err()}${desk.out()}`).not.toContain("codes");
    expect(submitted(desk).document).toEqual({ owner: maria.id });
    expect(await runProgram(["owners", "remove", "nobody"], createDesk({ answers: answering() }).powers)).toBe(EXIT.no);
  });

  test("remove says before and after that their recovery codes end", async () => {
    const recovery = { wait: 3_600_000, by: maria.id, codes: [CODE], pending: null };
    const desk = createDesk({ answers: answering(recovery), typed: ["y", PASSPHRASE] });
    expect(await runProgram(["owners", "remove", "maria"], desk.powers)).toBe(EXIT.ok);
    for (const said of [desk.err(), desk.out()])
      expect(said).toMatch(/codes:? +those that they made end now; aios owners codes makes new ones/);
  });

  test.each<[string, RecoveryView, readonly OwnerView[], RegExp]>([
    ["one alone, without codes", OFF, [chief, withPasskey], /note +owner +2 enrolled; chief alone can administer/],
    ["one with codes", { ...OFF, by: chief.id, codes: [CODE] }, [chief], /ok +owner +1 enrolled\n/],
    ["two", OFF, [chief, { ...chief, id: "ed25519:1111111111111111", name: "two" }], /ok +owner +2 enrolled\n/],
  ])("doctor says who alone can administer: %s", async (_, recovery, owners, said) => {
    const desk = createDesk({ answers: running(owners, recovery) });
    await runProgram(["doctor"], desk.powers);
    expect(desk.out()).toMatch(said);
  });

  test("second demands a second screen, which the list shows, and signs just that", async () => {
    const desk = createDesk({ answers: answering(), typed: ["y", PASSPHRASE] });
    expect(await runProgram(["owners", "second", "reserved"], desk.powers)).toBe(EXIT.ok);
    expect(desk.err().replaceAll("\n", " ")).toContain("only with the code that aios approvals show tells");
    expect(desk.monitor.asked.find(({ name }) => name === "prepare")?.body).toMatchObject({
      purpose: "set-second-screen",
    });
    expect(submitted(desk).document).toEqual({ for: "reserved" });
    const list = createDesk({ answers: { owners: () => ({ owners: [maria], recovery: OFF, second: "reserved" }) } });
    expect(await runProgram(["owners", "list"], list.powers)).toBe(EXIT.ok);
    expect(list.out()).toContain("second screen: a reserved action runs from the console only with the code");
  });

  test("a damaged key file is named where a passphrase is asked for, and by doctor", async () => {
    const damaged = ['Cannot use key file "/h/keys/owner.json": it is not as it was written'];
    const desk = createDesk({ answers: { ...running([maria]), ...answering() }, typed: ["y", PASSPHRASE], damaged });
    expect(await runProgram(["owners", "remove", "maria"], desk.powers)).toBe(EXIT.ok);
    expect(desk.err()).toContain(damaged[0]);
    expect(await runProgram(["doctor"], desk.powers)).toBe(EXIT.setup);
    expect(desk.out()).toContain(`owner key       ${damaged[0]}`);
  });

  test("whoever says no has signed nothing", async () => {
    const desk = createDesk({ answers: answering(), typed: ["n"] });
    expect(await runProgram(["owners", "remove", "maria"], desk.powers)).not.toBe(EXIT.ok);
    expect(desk.monitor.asked.map(({ name }) => name)).not.toContain("submit");
  });
});

describe("recovery at the terminal", () => {
  test("codes are shown once they are in force, at the terminal and not on standard output", async () => {
    const desk = createDesk({ answers: answering(), typed: ["y", PASSPHRASE] });
    expect(await runProgram(["owners", "codes"], desk.powers)).toBe(EXIT.ok);
    expect(desk.err()).toMatch(/1-code[\s\S]*8-code[\s\S]*record 42/);
    expect(desk.out()).not.toContain("code");
    const { document } = submitted(desk);
    expect(document).toMatchObject({ wait: 86_400_000 });
    expect(JSON.stringify(document)).not.toContain("-code");
  });

  test("a refused statement shows no code", async () => {
    const refused = () => Promise.reject(new TypeError("no"));
    const desk = createDesk({ answers: { ...answering(), submit: refused }, typed: ["y", PASSPHRASE] });
    expect(await runProgram(["owners", "codes"], desk.powers)).not.toBe(EXIT.ok);
    expect(desk.err()).not.toContain("1-code");
  });

  test("recover signs with the code's own key over a new key, and never says the code", async () => {
    const typed = ["1-code", "a fresh passphrase of words", "a fresh passphrase of words"];
    const desk = recoveringDesk({ typed, right: true });
    expect(await runProgram(["owners", "recover", "maria-2"], desk.powers)).toBe(EXIT.ok);
    const { envelope, document } = submitted(desk);
    expect(document).toMatchObject({ name: "maria-2", roles: ["approve", "grant", "administer"] });
    const verified = verifyEnvelope(envelope, {
      findKey: (id) =>
        id.startsWith("recovery:") ? { kind: "ed25519", publicKey: toBase64(desk.signer.publicKey) } : null,
      at: null,
      crypto,
    });
    expect(verified).toMatchObject({ kind: "ok", statement: { purpose: "recover-owner" } });
    expect(JSON.stringify(desk.monitor.asked)).not.toContain("1-code");
  });

  test.each([
    ["is written as none", "9-code", true, "That is no code that is left: it is not written as one"],
    ["has another digit in it", "1-code", false, "a digit of it is another. Nothing was signed and no key was made"],
  ])("a code that %s gets a clear answer, and no key is made", async (_, code, right, said) => {
    const desk = recoveringDesk({ typed: [code, PASSPHRASE, PASSPHRASE], right });
    expect(await runProgram(["owners", "recover", "maria-2"], desk.powers)).not.toBe(EXIT.ok);
    expect(desk.err()).toContain(said);
    expect(desk.monitor.asked.map(({ name }) => name)).toEqual(["owners"]);
    // Nobody was asked for the passphrase of a new key.
    expect(desk.prompts).toEqual(["recovery code: "]);
  });

  test.each([
    ["a name that an owner has", "maria", {}],
    ["a name that is none", "Maria!", {}],
    ["while another recovery waits", "maria-2", { pending: { record: 9, owner: maria.id, name: "thief", due: NOW } }],
    ["while recovery is off", "maria-2", { codes: [] }],
  ])("%s is refused before a code is asked for", async (_, name, change) => {
    const desk = recoveringDesk({ typed: ["1-code", PASSPHRASE, PASSPHRASE], right: true, change });
    expect(await runProgram(["owners", "recover", name], desk.powers)).not.toBe(EXIT.ok);
    expect(desk.prompts).toEqual([]);
  });

  test("a recovery that waits is said first, by every command, and stopped by its record", async () => {
    const pending = { record: 9, owner: maria.id, name: "thief", due: NOW + 3_600_000 };
    const desk = createDesk({
      answers: {
        ...answering({ wait: 3_600_000, by: maria.id, codes: [null], pending }),
        ps: () => {
          desk.monitor.say("recovering", { pending });
          return { instances: [], allFrozen: null, log: null };
        },
      },
      typed: ["y", PASSPHRASE],
    });
    await runProgram(["ps"], desk.powers);
    expect(desk.err()).toMatch(
      /SOMEBODY RECOVERS A KEY: thief becomes an owner at [-0-9: ]+ by a recovery code \(record 9\)/,
    );
    expect(await runProgram(["owners", "stop"], desk.powers)).toBe(EXIT.ok);
    expect(submitted(desk).document).toEqual({ record: 9 });
  });
});
