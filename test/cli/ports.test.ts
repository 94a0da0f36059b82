import { describe, expect, test, vi } from "vitest";
import { canonicalize } from "../../src/kernel/canonical.ts";
import type { Grant } from "../../src/kernel/grant.ts";
import { runProgram } from "../../src/cli/program.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { encodeUtf8, fromBase64, toBase64 } from "../../src/protocol/bytes.ts";
import { clientKey } from "../../src/cli/port-link.ts";
import { verifyEnvelope } from "../../src/protocol/dsse.ts";
import { entryText, type OpenPort } from "../../src/protocol/port-entry.ts";
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
const HOST = "0123456789abcdef.gateway.claw.localhost";
const ORIGIN = `http://${HOST}:18790`;
const OPEN: OpenPort = {
  instance: `i-${"0".repeat(16)}`,
  agent: "claw",
  port: "gateway",
  host: HOST,
  inside: 18_789,
  outside: 18_790,
  keys: [],
};
const opened = (keys: readonly string[] = [], more: readonly OpenPort[] = []): NonNullable<Setting["answers"]> => ({
  ...answers,
  "open-ports": () => ({ ports: [{ ...OPEN, keys }, ...more] }),
});
const answers: NonNullable<Setting["answers"]> = {
  hello: () => ({ version: "0.1.0", start: "0", home: "/h", owners: 1, policy: "p", limits: "watch" }),
  grants: () => ({ grants: [view, { ...view, id: "old", state: "revoked" }] }),
  "open-ports": () => ({ ports: [] }),
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
  test("list shows where a port is visited while it is open, by the grants that are in force", async () => {
    const closed = createDesk({ answers });
    expect(await runProgram(["ports", "list"], closed.powers)).toBe(EXIT.ok);
    expect(closed.out()).toContain("closed (18790)");
    expect(closed.out()).not.toContain("old");
    const desk = createDesk({ answers: opened() });
    expect(await runProgram(["ports", "list"], desk.powers)).toBe(EXIT.ok);
    expect(desk.out()).toContain(`${ORIGIN}/`);
  });

  test("show tells a program the host of this opening, and says when there is none", async () => {
    const desk = createDesk({ answers: opened([KEY]) });
    expect(await runProgram(["ports", "show", "claw", "gateway", "--json"], desk.powers)).toBe(EXIT.ok);
    expect(JSON.parse(desk.out())).toEqual({
      agent: "claw",
      port: "gateway",
      open: { ...OPEN, keys: [KEY], address: `${ORIGIN}/` },
      grants: [{ grant: "claw", keys: [] }],
    });
    const closed = createDesk({ answers });
    expect(await runProgram(["ports", "show", "claw", "gateway", "--json"], closed.powers)).toBe(EXIT.ok);
    expect(JSON.parse(closed.out())).toMatchObject({ open: null });
    expect(await runProgram(["ports", "show", "claw", "web"], createDesk({ answers }).powers)).toBe(EXIT.no);
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
    // Whoever has a browser's key from before is told the way that there is now.
    expect(desk.err().replaceAll(/\s+/g, " ")).toContain("A browser comes in by aios ports open claw gateway.");
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

/** A gate that answers a key's proof, and a browser; what they were asked. */
function doorsOf(gate: { readonly status?: number; readonly token?: string; readonly challenge?: string } = {}): {
  readonly doors: NonNullable<Setting["doors"]>;
  readonly posted: {
    readonly host: string;
    readonly path: string;
    readonly body: { readonly [name: string]: unknown };
  }[];
  readonly browsed: string[];
  closed(): number;
} {
  const { status = 200, token = "cd".repeat(32), challenge = "ab".repeat(32) } = gate;
  const posted: ReturnType<typeof doorsOf>["posted"] = [];
  const browsed: string[] = [];
  let closed = 0;
  return {
    posted,
    browsed,
    closed: () => closed,
    doors: {
      post({ host }, { path, body }) {
        posted.push({ host, path, body });
        const answer = path === "/.aios/challenge" ? { challenge } : { token };
        return Promise.resolve({ status, body: JSON.stringify(answer) });
      },
      browse(address) {
        browsed.push(address);
        return Promise.resolve({ failed: new Promise(() => {}), close: () => void closed++ });
      },
    },
  };
}

describe("aios ports open", () => {
  /** A desk whose owner's key is paired with the open port. */
  function pairedDesk(setting: Omit<Setting, "answers">): Desk & { readonly key: string } {
    const keys: string[] = [];
    const desk = createDesk({ ...setting, answers: opened(keys) });
    const key = clientKey(desk.signer);
    keys.push(key);
    return { ...desk, key };
  }
  const link = `${ORIGIN}/.aios/open#${"cd".repeat(32)}`;

  test("proves the owner's key for this opening alone, and prints the link", async () => {
    const gate = doorsOf();
    const desk = pairedDesk({ typed: [PASSPHRASE], doors: gate.doors });
    expect(await runProgram(["ports", "open", "--print"], desk.powers)).toBe(EXIT.ok);
    expect(desk.out()).toBe(`${link}\n`);
    expect(gate.browsed).toEqual([]);
    expect(submitted(desk)).toEqual([]);
    expect(gate.posted.map(({ host, path }) => [host, path])).toEqual([
      [HOST, "/.aios/challenge"],
      [HOST, "/.aios/link"],
    ]);
    const { key, challenge, signature } = gate.posted[1]?.body ?? {};
    expect([key, challenge]).toEqual([desk.key, "ab".repeat(32)]);
    const text = encodeUtf8(entryText(ORIGIN, "ab".repeat(32)));
    expect(crypto.verify(desk.signer.publicKey, text, fromBase64(String(signature)) ?? new Uint8Array())).toBe(true);
  });

  test("has a browser open it, stays until that is in, and leaves nothing of the link", async () => {
    const gate = doorsOf();
    const desk = pairedDesk({ typed: [PASSPHRASE], doors: gate.doors });
    const running = runProgram(["ports", "open", "claw"], desk.powers);
    await vi.waitFor(() => expect(gate.browsed).toEqual([link]));
    const { instance, agent, port } = OPEN;
    const base = { v: 1, seq: 9, at: NOW, start: "0".repeat(32), payload: null } as const;
    const record = { ...base, kind: "port-entered", instance, agent, port } as const;
    desk.monitor.say("record", { record: { ...record, key: KEY } });
    desk.monitor.say("record", { record: { ...record, port: "web", key: desk.key } });
    expect(gate.closed()).toBe(0);
    desk.monitor.say("record", { record: { ...record, key: desk.key } });
    expect(await running).toBe(EXIT.ok);
    expect(gate.closed()).toBe(1);
    expect(desk.out()).toContain("Your browser is in");
    expect(`${desk.out()}${desk.err()}`).not.toContain("cd".repeat(32));
  });

  test("prints the link where no browser can be opened", async () => {
    const doors = { ...doorsOf().doors, browse: () => Promise.resolve(null) };
    const desk = pairedDesk({ typed: [PASSPHRASE], doors });
    expect(await runProgram(["ports", "open"], desk.powers)).toBe(EXIT.ok);
    expect(desk.out()).toBe(`${link}\n`);
  });

  test("has the owner sign a grant for their key first, where none pairs it; a no ends it", async () => {
    const gate = doorsOf();
    const desk = createDesk({ answers: opened(), typed: [PASSPHRASE, "y"], doors: gate.doors });
    expect(await runProgram(["ports", "open", "--print", "--for", "2d"], desk.powers)).toBe(EXIT.ok);
    const [only] = submitted(desk);
    expect(only?.document).toMatchObject({
      agents: ["claw"],
      allow: [],
      limits: { notBefore: NOW, expires: NOW + 2 * 86_400_000 },
      sandbox: {
        programs: "none",
        ports: [{ name: "gateway", inside: 18_789, outside: 18_790, keys: [clientKey(desk.signer)] }],
      },
    });
    expect(desk.out()).toBe(`${link}\n`);
    const refused = doorsOf();
    const unsure = createDesk({ answers: opened(), typed: [PASSPHRASE, "n"], doors: refused.doors });
    expect(await runProgram(["ports", "open", "--print"], unsure.powers)).toBe(EXIT.no);
    expect([submitted(unsure), refused.posted]).toEqual([[], []]);
  });

  const two = [{ ...OPEN, port: "web", host: HOST.replace("gateway", "web"), outside: 18_791 }];
  test.each([
    ["no port is open", answers, ["open"], "not-found", "not-found"],
    ["that port is not open", opened(), ["open", "claw", "web"], "not-found", 'no port "web" of claw is open'],
    ["several are open and none is named", opened([], two), ["open"], "ambiguous", "aios ports open claw web"],
    ["a name is none", opened(), ["open", "Claw"], "usage", "usage"],
  ] as const)("asks for no passphrase when %s", async (_what, given, words, code, said) => {
    const gate = doorsOf();
    const desk = createDesk({ answers: given, typed: [PASSPHRASE], doors: gate.doors });
    expect(await runProgram(["ports", ...words], desk.powers)).not.toBe(EXIT.ok);
    expect(desk.err()).toContain(`(${code})`);
    expect(desk.err()).toContain(said);
    expect([desk.prompts, gate.posted]).toEqual([[], []]);
  });

  test("opens nothing without a terminal: a program of the same person gets no link by saying the command", async () => {
    const gate = doorsOf();
    const desk = pairedDesk({ doors: gate.doors });
    expect(await runProgram(["ports", "open", "--print"], desk.powers)).toBe(EXIT.terminal);
    expect([desk.out(), gate.posted]).toEqual(["", []]);
  });

  test.each([
    ["takes no more tries", { status: 429 }, "takes no more tries in this minute"],
    ["refuses the key", { status: 403 }, "refused with 403"],
    ["asks for something else to be signed", { challenge: "DSSEv1 28 application" }, "refused with 200"],
    ["gives a link that is none", { token: "javascript:alert(1)" }, "refused with 200"],
  ])("says so when the gate %s, and opens nothing", async (_what, answer, said) => {
    const gate = doorsOf(answer);
    const desk = pairedDesk({ typed: [PASSPHRASE], doors: gate.doors });
    expect(await runProgram(["ports", "open"], desk.powers)).toBe(EXIT.no);
    expect(desk.err()).toContain("(port-refused)");
    expect(desk.err()).toContain(said);
    expect([desk.out(), gate.browsed]).toEqual(["", []]);
  });
});
