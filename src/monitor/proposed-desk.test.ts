import { createHash } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { canonicalize } from "../kernel/canonical.ts";
import type { Grant, ToolClass } from "../kernel/grant.ts";
import type { JsonObject } from "../kernel/json.ts";
import { NO_REST, restOf } from "../kernel/rest.ts";
import type { Statement, UnsignedStatement } from "../protocol/statement.ts";
import { MOST_PROPOSED } from "../protocol/proposed-grants.ts";
import { coverExamples, type Example } from "../showing/covering.ts";
import type { DraftPlace } from "./drafts.ts";
import { createProposedDesk, type ProposedDesk } from "./proposed-desk.ts";
import { emptyState, type State } from "./state.ts";

const MINUTE = 60_000;
const POLICY = `sha256:${"a".repeat(64)}`;
const OTHER = `sha256:${"b".repeat(64)}`;
const [PASSKEY, KEY_FILE] = ["passkey:0123456789abcdef", "ed25519:0123456789abcdef"];
const digest = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const json = (grant: Grant): JsonObject => JSON.parse(JSON.stringify(grant));

const grant: Grant = {
  v: 1,
  id: "lease-worker-00000000",
  agents: ["worker"],
  drivers: {},
  allow: [{ what: "notes/add", where: { text: { in: ["a", "b"] } } }],
  limits: { uses: 3, rate: null, bytes: null, notBefore: 0, expires: 60 * MINUTE },
  lease: true,
  sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
};
/** What it was made from, as a plain grant has it: nothing waits. */
const held = { open: [], examples: null, from: "cli" } as const;
const wider: Grant = { ...grant, limits: { ...grant.limits, uses: 4 } };
const narrower: Grant = { ...grant, allow: [{ what: "notes/add", where: { text: { in: ["a"] } } }] };

describe("the desk of proposed grants", () => {
  let state: State;
  let desk: ProposedDesk;
  let now: number;
  let drawn: number;
  let policy: string;

  beforeEach(() => {
    state = emptyState();
    [now, drawn, policy] = [1000, 0, POLICY];
    const random = {
      hex: (count: number) =>
        (drawn += 1)
          .toString(16)
          .padStart(2, "1")
          .padEnd(2 * count, "0"),
    };
    desk = createProposedDesk({ state, random, crypto: { digest }, now: () => now });
    desk.lay({ instance: "i-0123456789abcdef", grant, about: ["calls: 3"], ...held });
  });

  const draw = async (document: JsonObject): Promise<UnsignedStatement> => ({
    v: 1,
    purpose: "sign-grant",
    nonce: (drawn += 1).toString(16).padStart(32, "0"),
    subject: digest(canonicalize(document)),
    policy,
    start: "0".repeat(32),
    expires: now + 5 * MINUTE,
  });
  const show = (id = grant.id) => desk.show(id, { draw, policy });
  const admit = (statement: Statement, place: DraftPlace = "desk") => desk.admit(statement, { place, id: grant.id });
  const signed = (statement: UnsignedStatement, more: Partial<Statement> = {}): Statement => ({
    ...statement,
    decision: "allow",
    key: PASSKEY,
    ...more,
  });

  test("shows to whoever looks the same document and the same draft, until it is half over or the policy is another", async () => {
    const first = await show();
    expect(JSON.parse(first.document)).toEqual(grant);
    expect(first).toMatchObject({ about: ["calls: 3"], frozen: null, second: "nothing", lease: true, agent: "worker" });
    now += 2 * MINUTE;
    expect((await show()).statement).toEqual(first.statement);
    now += MINUTE;
    const second = await show();
    expect(second.statement.nonce).not.toBe(first.statement.nonce);
    policy = OTHER;
    expect((await show()).statement.policy).toBe(OTHER);
    expect(() => admit(signed(second.statement))).toThrow(/moved/);
  });

  test("attack: a page that has another grant signed than it was handed, gets nothing; twin: what it was handed is taken", async () => {
    const { statement } = await show();
    expect(() => admit(signed({ ...statement, subject: digest(canonicalize(json(wider))) }))).toThrow(/\(moved\)/);
    expect(() => admit(signed(statement))).not.toThrow();
  });

  test("attack: nothing is made wider; twin: it is made narrower, and what was drawn up before is good for nothing", async () => {
    const before = await show();
    expect(() => desk.narrow(grant.id, json(wider))).toThrow(/no narrower grant: it may be used more than 3 times/);
    expect(() => desk.narrow(grant.id, { ...json(grant), agents: ["worker", "evil"] })).toThrow(/no narrower/);
    expect(() => desk.narrow(grant.id, { text: "no grant" })).toThrow(/not a grant/);
    expect((await show()).document).toBe(before.document);
    desk.narrow(grant.id, json(narrower));
    const after = await show();
    expect(JSON.parse(after.document)).toEqual(narrower);
    expect(() => admit(signed(before.statement))).toThrow(/\(moved\)/);
    expect(() => desk.narrow(grant.id, json(grant))).toThrow(/no narrower/);
    expect(() => admit(signed(after.statement))).not.toThrow();
  });

  test("attack: a proposal that was made anew between showing and signing is not what was signed", async () => {
    const { statement } = await show();
    desk.lay({ instance: "i-0123456789abcdef", grant: wider, about: [], ...held });
    expect(() => admit(signed(statement))).toThrow(/\(moved\)/);
    await show();
    expect(() => admit(signed(statement))).toThrow(/\(moved\)/);
  });

  test("takes no signature while everything, or its instance, is frozen, nor for an agent that was ended for good", async () => {
    const { statement } = await show();
    state.allFrozen = { record: 7 } as State["allFrozen"];
    expect((await show()).frozen).toBe("everything is frozen");
    expect(() => admit(signed(statement))).toThrow(/not taken: everything is frozen/);
    state.allFrozen = null;
    state.tombstones.set("worker", { code: "control-verb", instance: "i-0123456789abcdef" });
    expect(() => admit(signed(statement))).toThrow(/ended for good/);
    state.tombstones.clear();
    expect(() => admit(signed(statement))).not.toThrow();
  });

  test("takes no signature over a server that is in quarantine: the console would not tell of it", async () => {
    const pin = `sha256:${"c".repeat(64)}`;
    const source = { kind: "http", url: "https://notes.example/mcp" } as const;
    const drivers = { notes: { source, pin, tools: {}, resources: [], prompts: [] } };
    desk.lay({ instance: "i-0123456789abcdef", grant: { ...grant, drivers }, about: ["calls: 3"], ...held });
    const { statement } = await show();
    state.quarantined.set(pin, { found: OTHER, since: 1, record: 7 });
    expect((await show()).frozen).toContain("server notes is in quarantine");
    expect(() => admit(signed(statement))).toThrow(/not taken: server notes is in quarantine/);
    state.quarantined.clear();
    expect(() => admit(signed(statement))).not.toThrow();
  });

  test("takes none over an extension that was in quarantine: removed, added anew and proposed, it must not come back unseen", async () => {
    const extension = `sha256:${"d".repeat(64)}`;
    const source = { kind: "ext", extension, command: ["node"], workspace: "none" } as const;
    const drivers = { notes: { source, pin: OTHER, tools: {}, resources: [], prompts: [] } };
    desk.lay({ instance: "i-0123456789abcdef", grant: { ...grant, drivers }, about: ["calls: 3"], ...held });
    const { statement } = await show();
    state.barred.set(extension, "its author's account was taken over");
    expect((await show()).frozen).toContain("extension of server notes was in quarantine");
    expect(() => admit(signed(statement))).toThrow(/not taken: the extension of server notes was in quarantine/);
    state.barred.clear();
    expect(() => admit(signed(statement))).not.toThrow();
  });

  describe("over actions that wait", () => {
    const TOOL: ToolClass = { risk: "reserved", labels: [], fields: { text: "string" }, recipients: {} };
    const instance = "i-0123456789abcdef";
    /** One that waits, of its own number. */
    const wait = (at: number, args: JsonObject): Example => {
      const request = String(at).repeat(32);
      const action = { v: 1, request, agent: "worker", instance, verb: "call", driver: "notes", name: "add" } as const;
      const whole = { ...action, arguments: args };
      const text = canonicalize(whole);
      state.held.set(request, {
        request,
        digest: digest(text),
        text,
        instance,
        agent: "worker",
        what: "notes/add",
      } as never);
      return { action: whole, tool: TOOL };
    };
    const end = ({ action }: Example): void => void state.held.delete(action.request);
    const propose = (...examples: readonly Example[]): Grant => {
      const { allow } = coverExamples(examples, { lease: true, folders: false, digest });
      const made = { ...grant, allow };
      desk.lay({ ...held, instance, grant: made, about: [], examples });
      return made;
    };
    const only = (lease: Grant, text: string): Grant => ({
      ...lease,
      allow: lease.allow.map((line) => ({ ...line, where: { text: { in: [text] } } })),
    });

    test("attack: as soon as one that it covers waits no more it is gone, and neither signed nor shown; twin: while all wait it is", async () => {
      const [one, other] = [wait(1, { text: "a" }), wait(2, { text: "b" })];
      const lease = propose(one, other);
      const { statement } = await show();
      expect(() => admit(signed(statement))).not.toThrow();
      expect(() => desk.checkWaits(lease)).not.toThrow();
      end(one);
      expect(() => admit(signed(statement))).toThrow(/something that it covers waits no more/);
      expect(desk.list()).toEqual([]);
      await expect(show()).rejects.toThrow(/waits no more/);
      // As it was printed it is not signed either, nor less of it, and no more when the same is proposed again over what is left.
      for (let times = 0; times < 2; times += 1) {
        expect(() => desk.checkWaits(lease)).toThrow(/made from actions of which one waits no more/);
        const left = propose(other);
        expect(() => desk.checkWaits(left)).not.toThrow();
      }
      end(other);
      expect(() => desk.checkWaits(only(lease, "b"))).toThrow(/waits no more/);
      expect(() => desk.checkWaits({ ...lease, id: "my-own" })).not.toThrow();
    });

    test("attack: narrowed to what was taken back it is gone, though more waits; twin: what was taken out of it may end", async () => {
      const [one, other] = [wait(1, { text: "a" }), wait(2, { text: "b" })];
      const lease = propose(one, other);
      desk.narrow(grant.id, json(only(lease, "a")));
      end(other);
      const { statement } = await show();
      expect(() => admit(signed(statement))).not.toThrow();
      expect(() => desk.checkWaits(only(lease, "a"))).not.toThrow();
      expect(() => desk.checkWaits(lease)).toThrow(/waits no more/);
      wait(3, { text: "b" });
      end(one);
      expect(() => admit(signed(statement))).toThrow(/waits no more/);
    });

    test("attack: nor is it narrowed to what nobody asked for", () => {
      const { allow, ...lease } = propose(wait(1, { text: "a" }));
      const nobody = { ...lease, allow: allow.map(({ what }) => ({ what, where: { text: { in: [] } } })) };
      expect(() => desk.narrow(grant.id, json(nobody))).toThrow();
      const under = { ...grant, allow: [{ what: "notes/add", where: { text: { under: "/w" } } }] };
      desk.lay({ ...held, instance, grant: under, about: [], examples: [wait(2, { text: "/w/x" })] });
      const deeper = { ...grant, allow: [{ what: "notes/add", where: { text: { under: "/w/y" } } }] };
      expect(() => desk.narrow(grant.id, json(deeper))).toThrow(/Nothing that waits is left in it/);
    });

    test("attack: a digest that nothing which waits explains is not signed, under any name; twin: one that is read in another action is", () => {
      const [one, other] = [wait(1, { text: "a", more: "x" }), wait(2, { text: "b", more: "x" })];
      const lease = { ...propose(one, other), id: "my-own" };
      expect(() => desk.checkWaits(lease)).not.toThrow();
      end(one);
      expect(() => desk.checkWaits(lease)).not.toThrow();
      expect(() => desk.checkWaits({ ...lease, agents: ["somebody"] })).toThrow(/nobody can read/);
      end(other);
      expect(() => desk.checkWaits(lease)).toThrow(/nobody can read what they are/);
      const rest = [NO_REST];
      expect(() => desk.checkWaits({ ...lease, allow: lease.allow.map((line) => ({ ...line, rest })) })).not.toThrow();
    });

    test("attack: in a folder that was narrowed, the content of what is outside by now is not left unread", () => {
      const [one, other] = [wait(1, { text: "/w/a/x", more: "x" }), wait(2, { text: "/w/b/x", more: "y" })];
      const rest = [one, other].map(({ action }) => restOf({ text: { under: "/w" } }, action.arguments, digest));
      const folder = (under: string): Grant => ({
        ...grant,
        allow: [{ what: "notes/add", where: { text: { under } }, rest }],
      });
      desk.lay({ ...held, instance, grant: folder("/w"), about: [], examples: [one, other] });
      desk.narrow(grant.id, json(folder("/w/a")));
      expect(desk.list()).toHaveLength(1);
      end(other);
      expect(desk.list()).toEqual([]);
    });
  });

  describe("where a second screen is demanded", () => {
    beforeEach(() => {
      state.secondScreen = "reserved";
    });

    test("attack: a passkey signs nothing without the code of that very document; twin: with it, it does; a key file needs none", async () => {
      const { statement, second } = await show();
      expect(second).toBe("code");
      expect(() => admit(signed(statement))).toThrow(/is missing \(second-screen\)/);
      expect(() => admit(signed(statement, { second: "00000000" }))).toThrow(/not the one/);
      const code = desk.tell(grant.id, statement.subject) ?? "";
      expect(desk.tell(grant.id, statement.subject)).toBe(code);
      expect(() => admit(signed(statement, { second: code }))).not.toThrow();
      expect(() => admit(signed(statement, { key: KEY_FILE }))).not.toThrow();
    });

    test("attack: the code of what a terminal showed is no use for what it was narrowed to, or was before", async () => {
      const before = await show();
      const code = desk.tell(grant.id, before.statement.subject) ?? "";
      desk.narrow(grant.id, json(narrower));
      const after = await show();
      expect(() => desk.tell(grant.id, before.statement.subject)).toThrow(/another by now/);
      expect(() => admit(signed(after.statement, { second: code }))).toThrow(/not the one/);
      const told = desk.tell(grant.id, after.statement.subject) ?? "";
      expect(told).not.toBe(code);
      expect(() => admit(signed(after.statement, { second: told }))).not.toThrow();
    });

    test("ends with three wrong codes, also when it is made anew", async () => {
      for (const second of ["00000000", "00000001", "00000002"]) {
        const { statement } = await show();
        expect(() => admit(signed(statement, { second }))).toThrow(/not the one/);
        desk.lay({ instance: "i-0123456789abcdef", grant, about: [], ...held });
      }
      const { statement, second } = await show();
      expect([second, desk.tell(grant.id, statement.subject)]).toEqual(["terminal", null]);
      expect(() => admit(signed(statement, { second: "00000003" }))).toThrow(/terminal only/);
    });

    test("attack: a grant that is not on the desk is no passkey's to sign; twin: it is a key file's, and while none is demanded", async () => {
      const statement = await draw(json(wider));
      expect(() => admit(signed(statement), "asked")).toThrow(/not on the desk/);
      expect(() => admit(signed(statement, { key: KEY_FILE }), "asked")).not.toThrow();
      state.secondScreen = "nothing";
      expect(() => admit(signed(statement), "asked")).not.toThrow();
    });
  });

  describe("under a flood", () => {
    /** One more proposal, of an instance's own number. */
    const lay = (agent: string, { of = 1, from = "console" }: { of?: number; from?: "cli" | "console" } = {}): void => {
      const id = `lease-${agent}-${(laid += 1)}`;
      const instance = `i-${of.toString(16).padStart(16, "0")}`;
      desk.lay({ ...held, instance, from, grant: { ...grant, id, agents: [agent] }, about: [] });
    };
    const agents = (): readonly string[] => desk.list().map(({ agent }) => agent);
    let laid = 0;

    test("attack: one instance takes no place but its own four; another's proposal stays, and the latest of its own", () => {
      for (let times = 0; times < 100; times += 1) lay("flooder");
      expect(agents()).toEqual(["worker", ...Array.from({ length: 4 }, () => "flooder")]);
      expect(desk.list().at(-1)?.id).toBe(`lease-flooder-${laid}`);
    });

    test("attack: nor does an agent with a hundred instances, of which it has eight", () => {
      for (let of = 2; of < 102; of += 1) lay("flooder", { of });
      expect(agents()).toEqual(["worker", ...Array.from({ length: 8 }, () => "flooder")]);
    });

    test("attack: several agents of the console push away none of an agent that has fewer, and nothing of a terminal's", () => {
      lay("quiet");
      for (let of = 2; of < 102; of += 1) for (const agent of ["one", "two", "three"]) lay(agent, { of });
      expect(agents().filter((agent) => agent === "worker" || agent === "quiet")).toEqual(["worker", "quiet"]);
      expect(desk.list()).toHaveLength(1 + 16);
      for (let of = 0; of < 40; of += 1) lay(`agent-${of}`, { of });
      expect(agents()).toContain("worker");
      expect(desk.list()).toHaveLength(1 + 16);
    });

    test("attack: nor does the console take the place of what a terminal proposed over the same instance", () => {
      lay("worker", { from: "cli" });
      expect([desk.isOthers(grant.id, "console"), desk.isOthers(grant.id, "cli")]).toEqual([true, false]);
      for (let times = 0; times < 100; times += 1) lay("worker");
      expect(desk.list().filter(({ id }) => id === grant.id)).toHaveLength(1);
      expect(desk.list()).toHaveLength(2 + 4);
    });

    test("attack: nor does all of it together make the desk larger than it is", () => {
      for (let of = 0; of < 200; of += 1)
        for (const from of ["cli", "console"] as const) lay(`agent-${of % 50}`, { of, from });
      expect(desk.list()).toHaveLength(MOST_PROPOSED);
    });
  });

  test("keeps what is not signed and not over, and of too many the latest", async () => {
    expect(desk.list().map(({ id }) => id)).toEqual([grant.id]);
    state.grants.set(grant.id, { grant, key: PASSKEY, revoked: false });
    expect(desk.list()).toEqual([]);
    state.grants.clear();
    for (let at = 1; at <= 5; at += 1)
      desk.lay({ instance: "i-0123456789abcdef", grant: { ...grant, id: `lease-${at}` }, about: [], ...held });
    expect(desk.list().map(({ id }) => id)).toEqual(["lease-2", "lease-3", "lease-4", "lease-5"]);
    now = 60 * MINUTE;
    expect(desk.list()).toEqual([]);
    await expect(show("lease-2")).rejects.toThrow(/No grant "lease-2" is proposed/);
  });
});
