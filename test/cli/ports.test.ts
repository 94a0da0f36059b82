import { describe, expect, test } from "vitest";
import { canonicalize } from "../../src/kernel/canonical.ts";
import type { Grant } from "../../src/kernel/grant.ts";
import { runProgram } from "../../src/cli/program.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { createCrypto } from "../../src/platform/crypto.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import { verifyEnvelope } from "../../src/protocol/dsse.ts";
import type { CliRequests, GrantView } from "../../src/protocol/requests.ts";
import { createDesk, NOW, PASSPHRASE, type Desk, type Setting } from "../fakes/cli-powers.ts";
import { grant as other } from "./cast.ts";

const crypto = createCrypto();
const KEY = `${"k".repeat(42)}A`;
const gateway: Grant = {
  ...other,
  id: "claw",
  agents: ["claw"],
  sandbox: {
    workspace: "write",
    folder: null,
    programs: "any",
    home: null,
    ports: [{ name: "gateway", inside: 18_789, outside: 18_790, keys: [] }],
  },
};
const view: GrantView = {
  id: "claw",
  agents: ["claw"],
  state: "active",
  lease: false,
  uses: 0,
  bytes: 0,
  spent: { input: 0, output: 0, cost: 0 },
  expires: NOW + 3_600_000,
  opens: null,
  quarantined: [],
  key: `ed25519:${"0".repeat(16)}`,
};
const answers: Setting["answers"] = {
  hello: () => ({ version: "0.1.0", start: "0", home: "/h", owners: 1, policy: "p", limits: "watch" }),
  grants: () => ({ grants: [view, { ...view, id: "old", state: "revoked" }] }),
  "grant-show": ({ id }) => ({ grant: { ...gateway, id }, cedar: "", view }),
  prepare: ({ purpose, document }) => ({
    statement: {
      v: 1,
      purpose,
      nonce: "ab".repeat(16),
      subject: crypto.digest(canonicalize(document)),
      policy: `sha256:${"2".repeat(64)}`,
      start: "cd".repeat(16),
      expires: NOW + 300_000,
    },
  }),
  submit: () => ({ seq: 42 }),
};

function submitted(desk: Desk): readonly CliRequests["submit"]["body"][] {
  return desk.monitor.asked
    .filter(({ name }) => name === "submit")
    .map(({ body }) => body as CliRequests["submit"]["body"]); // bodies of that name
}

describe("aios ports", () => {
  test("list shows where a port is visited, by the grants that are in force", async () => {
    const desk = createDesk({ answers });
    expect(await runProgram(["ports", "list"], desk.powers)).toBe(EXIT.ok);
    expect(desk.out()).toContain("http://gateway.claw.localhost:18790/");
    expect(desk.out()).not.toContain("old");
  });

  test("pair signs one grant with that key for that port and nothing else, and shows it first", async () => {
    const desk = createDesk({ answers, typed: ["y", PASSPHRASE] });
    expect(await runProgram(["ports", "pair", "claw", "gateway", KEY, "--for", "2d"], desk.powers)).toBe(EXIT.ok);
    const [only] = submitted(desk);
    if (only === undefined) throw new Error("nothing was handed in");
    const verified = verifyEnvelope(only.envelope, {
      findKey: () => ({ kind: "ed25519", publicKey: toBase64(desk.signer.publicKey) }),
      at: null,
      crypto,
    });
    expect(verified.kind === "ok" && verified.statement.purpose).toBe("sign-grant");
    expect(only.document).toMatchObject({
      agents: ["claw"],
      drivers: {},
      allow: [],
      lease: false,
      limits: { notBefore: NOW, expires: NOW + 2 * 86_400_000 },
      sandbox: {
        workspace: "none",
        programs: "none",
        ports: [{ name: "gateway", inside: 18_789, outside: 18_790, keys: [KEY] }],
      },
    });
    expect(`${desk.out()}${desk.err()}`.replaceAll(/\s+/g, "")).toContain(KEY);
  });

  test.each([
    ["a port that nobody publishes", ["claw", "web", KEY], "not-found"],
    ["another agent", ["other", "gateway", KEY], "not-found"],
    ["a key that is none", ["claw", "gateway", "abc"], "usage"],
    ["a second spelling of a key", ["claw", "gateway", `${"k".repeat(42)}B`], "usage"],
  ])("pair refuses %s, and signs nothing", async (_what, words, code) => {
    const desk = createDesk({ answers, typed: ["y", PASSPHRASE] });
    expect(await runProgram(["ports", "pair", ...words], desk.powers)).not.toBe(EXIT.ok);
    expect(desk.err()).toContain(`(${code})`);
    expect(submitted(desk)).toEqual([]);
  });

  test("pair signs nothing when the person says no", async () => {
    const desk = createDesk({ answers, typed: ["n"] });
    expect(await runProgram(["ports", "pair", "claw", "gateway", KEY], desk.powers)).not.toBe(EXIT.ok);
    expect(submitted(desk)).toEqual([]);
  });
});
