import {
  createHash,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify as verifySignature,
  createPublicKey,
} from "node:crypto";
import { describe, expect, test } from "vitest";
import * as fc from "fast-check";
import { newBreaker } from "../../src/kernel/breaker.ts";
import type { Evaluator } from "../../src/kernel/decision.ts";
import type { Grant } from "../../src/kernel/grant.ts";
import { ROLES } from "../../src/kernel/owner-roles.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { createConduct } from "../../src/monitor/conduct.ts";
import type { Conduct } from "../../src/monitor/conduct-ports.ts";
import type { RunningDriver } from "../../src/monitor/driver-pool.ts";
import { createJournal, replay, type Journal } from "../../src/monitor/journal.ts";
import { type LiveInstance, newLive } from "../../src/monitor/live.ts";
import type { Entry } from "../../src/monitor/log/log.ts";
import { createSeen } from "../../src/monitor/provenance.ts";
import { RESTARTED } from "../../src/monitor/reducer.ts";
import { recordEnds } from "../../src/monitor/restart.ts";
import { emptyState } from "../../src/monitor/state.ts";
import { createStatements, type Statements } from "../../src/monitor/statements.ts";
import { createTrustedClock } from "../../src/monitor/trusted-clock.ts";
import { createCrypto } from "../../src/platform/crypto.ts";
import { sealEnvelope } from "../../src/protocol/dsse.ts";
import type { Outcome } from "../../src/protocol/requests.ts";
import { keyId, type Envelope, type Statement } from "../../src/protocol/statement.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import { asJson } from "../e2e/substrate.ts";
import { createMemoryLog, type MemoryLog } from "../fakes/memory-log.ts";

/*
 * The approval protocol against a model: random programs of proposals, answers (one, two at once, stale, for another
 * action), expiries, revocations, failing writes and restarts. Whatever the order:
 *
 * - nothing reserved runs without an owner's yes to exactly that action that is in the log before it runs,
 * - nothing runs twice, nothing runs after a no, an expiry or a revocation,
 * - every effect has its intent in the log first,
 * - a held action is settled once, or still held,
 * - whoever answered is told the number of the record that keeps the answer.
 */
const crypto = createCrypto();
const PIN = `sha256:${"a".repeat(64)}`;
const AGENT = "worker";
const INSTANCE = "i-0123456789abcdef";
const seed = generateKeyPairSync("ed25519");
const publicKey = new Uint8Array(
  createPublicKey(seed.privateKey).export({ format: "der", type: "spki" }).subarray(-32),
);
const owner = { publicKey, sign: (message: Uint8Array) => new Uint8Array(sign(null, message, seed.privateKey)) };
const key = keyId(publicKey, crypto.sha256);

function grantOf(id: string): Grant {
  const tool = { labels: [], fields: {}, recipients: {} };
  return {
    v: 1,
    id,
    agents: [AGENT],
    drivers: {
      notes: {
        source: { kind: "stdio", command: ["node"], code: [], workspace: "none" },
        pin: PIN,
        tools: { look: { ...tool, risk: "observe" }, burn: { ...tool, risk: "reserved" } },
        resources: [],
        prompts: [],
      },
    },
    allow: ["notes/look", "notes/burn"].map((what) => ({ what, where: {} })),
    limits: { uses: null, rate: null, bytes: null, notBefore: 0, expires: 8e15 },
    lease: false,
    sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
  };
}

/** One monitor's worth of deciding over a log in memory, with a driver that remembers what it did. */
class World {
  readonly kept: Entry[] = [];
  readonly effects: { digest: string; at: number }[] = [];
  readonly answers: Promise<Outcome>[] = [];
  readonly stale: { envelope: Envelope; document: JsonObject }[] = [];
  #grants = 0;
  log!: MemoryLog;
  journal!: Journal;
  conduct!: Conduct;
  statements!: Statements;
  live!: LiveInstance;
  timers: (() => void)[] = [];
  time = 1_000_000;

  async start(): Promise<void> {
    const start = randomBytes(16).toString("hex");
    const state = emptyState();
    this.timers = [];
    this.log = createMemoryLog(start, this.kept);
    await replay(this.log, state, () => {});
    const clock = { wall: () => this.time, boot: () => this.time, micros: () => this.time * 1000 };
    const trusted = createTrustedClock(clock, 0);
    this.journal = createJournal(this.log, { state, now: trusted.now, onRecord: () => {} });
    const evaluator: Evaluator = {
      version: `sha256:${"b".repeat(64)}`,
      evaluate: ({ agent }, action) => ({
        permits: [...state.active.values()]
          .filter(
            (grant) =>
              grant.agents.includes(agent) &&
              grant.allow.some(({ what }) => what === `${action.driver}/${action.name}`),
          )
          .map(({ id }) => id),
        forbids: [],
        errors: [],
      }),
    };
    const driver: RunningDriver = {
      name: "notes",
      pin: PIN,
      offer: { server: { name: "notes", version: "1" }, tools: [], resources: [], resourceTemplates: [], prompts: [] },
      peer: {
        request: async (name, body) => {
          if (name === "run") {
            // The effect, dated by the length of the log at that moment.
            const tag = (body as unknown as { arguments: { tag: string } }).arguments.tag;
            this.effects.push({ digest: tag, at: this.kept.length });
          }
          return { result: { content: [] }, isError: false } as never;
        },
        close: () => {},
      },
      lasting: null,
      stop: () => {},
    };
    const random = {
      bytes: (count: number) => new Uint8Array(randomBytes(count)),
      hex: (count: number) => randomBytes(count).toString("hex"),
    };
    this.conduct = createConduct({
      journal: this.journal,
      crypto,
      clock,
      powers: {
        random,
        timer: {
          after: (_ms, callback) => {
            this.timers.push(callback);
            return () => {
              this.timers = this.timers.filter((timer) => timer !== callback);
            };
          },
        },
      },
      trusted,
      digest: (text) => crypto.digest(text),
      start,
      ownPaths: [],
      facts: () => ({ injections: [], infer: { providers: new Map(), seesWorkspace: false } }),
      now: trusted.now,
      evaluator: () => evaluator,
      contextOf: () => null,
      witnessed: () => Promise.resolve(true),
      openDriver: async () => driver,
      lookup: () => () => {
        const spec = [...state.active.values()][0]?.drivers["notes"];
        return spec === undefined
          ? { kind: "unknown" }
          : { kind: "ready", pin: PIN, expected: PIN, tools: spec.tools, offers: () => true };
      },
      climbed: async () => {},
      freeze: async () => {},
      emit: () => {},
    });
    this.statements = createStatements({
      journal: this.journal,
      crypto,
      random,
      start,
      vault: { isDeposited: () => false, keep: async () => false, destroy: async () => {} },
      policy: () => evaluator.version,
      now: trusted.now,
      owners: {
        counts: { take: () => {} },
        recovery: { admit: () => {}, watch: () => {} },
        desk: { offered: () => false },
      },
      effects: {
        settle: (answer) => this.conduct.settle(this.live, answer),
        checkPolicy: async () => ({ kind: "refused", message: "not in this test" }),
        policySet: async () => {},
        grantsChanged: () => {},
        secretChanged: () => {},
        thawed: () => {},
        homeHolder: () => null,
        homePut: () => {},
        homeWiped: async () => {},
        clockAccepted: () => {},
        settingChanged: () => {},
        keptOf: () => Promise.resolve({}),
        memoryErased: async () => {},
        erase: () => Promise.resolve(),
      },
    });
    if (state.owners.size === 0) {
      await this.sign("enrol-owner", {
        name: "owner",
        roles: ROLES,
        key: { kind: "ed25519", publicKey: toBase64(publicKey) },
      });
      await this.journal.write(
        { kind: "instance-started", instance: INSTANCE, agent: AGENT, ancestry: [] },
        { command: [], workspace: null, strict: false, holdAt: [], holdSeconds: 60, words: [] },
      );
    } else {
      await this.journal.write({ kind: "start", code: PIN, constitution: PIN, version: "1", node: "24" });
      await recordEnds(this.journal);
    }
    const instance = state.instances.get(INSTANCE);
    if (instance === undefined) throw new Error("the instance is gone");
    // Proposals need a running instance; after a restart the same one goes on here, which is harder on the protocol.
    this.live = newLive(instance, { breaker: newBreaker(false), seen: createSeen([]) });
  }

  async sign(
    purpose: Statement["purpose"],
    document: JsonObject,
    decision: "allow" | "deny" = "allow",
  ): Promise<number> {
    const statement = await this.statements.prepare(purpose, document);
    return this.statements.submit(sealEnvelope({ ...statement, decision, key }, owner), document);
  }

  async grant(): Promise<void> {
    await this.sign("sign-grant", asJson(grantOf(`g${this.#grants++}`)));
  }
}

type Step =
  | { readonly kind: "propose"; readonly tool: "look" | "burn" }
  | { readonly kind: "answer"; readonly which: number; readonly decision: "allow" | "deny"; readonly times: number }
  | { readonly kind: "expire"; readonly which: number }
  | { readonly kind: "replay-stale"; readonly which: number }
  | { readonly kind: "cross"; readonly which: number }
  | { readonly kind: "fail-write"; readonly when: "before" | "after" }
  | { readonly kind: "recover" | "revoke" | "grant" | "restart" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("propose" as const),
      tool: fc.constantFrom("look" as const, "burn" as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("answer" as const),
      which: fc.nat(5),
      decision: fc.constantFrom("allow" as const, "deny" as const),
      times: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("expire" as const), which: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("replay-stale" as const), which: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cross" as const), which: fc.nat(5) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("fail-write" as const),
      when: fc.constantFrom("before" as const, "after" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("recover" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("revoke" as const, "grant" as const, "restart" as const) }),
  },
);

async function play(world: World, steps: readonly Step[]): Promise<void> {
  let tag = 0;
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const heldAt = (which: number) => [...world.journal.state.held.values()][which];
  for (const one of steps) {
    switch (one.kind) {
      case "propose": {
        const proposal = {
          verb: "call" as const,
          driver: "notes",
          name: one.tool,
          arguments: { tag: `${one.tool}-${tag++}` },
        };
        world.answers.push(world.conduct.propose(world.live, proposal, tag));
        break;
      }
      case "answer": {
        const held = heldAt(one.which);
        if (held === undefined) break;
        const document: JsonObject = JSON.parse(held.text);
        const statement = await world.statements.prepare("approve-action", document);
        const envelope = sealEnvelope({ ...statement, decision: one.decision, key }, owner);
        world.stale.push({ envelope, document });
        // At once, and not one after the other.
        const answers = await Promise.allSettled(
          Array.from({ length: one.times }, () => world.statements.submit(envelope, document)),
        );
        for (const answer of answers) {
          if (answer.status === "rejected") continue;
          // The number that a person is told is that of the record that keeps the answer.
          const kept = world.kept.find(({ record }) => record.seq === answer.value)?.record;
          expect(kept).toMatchObject({ action: held.digest });
          expect(one.decision === "allow" ? ["approved", "denied"] : ["denied"]).toContain(kept?.kind);
        }
        break;
      }
      case "expire":
        world.timers[one.which]?.();
        break;
      case "replay-stale": {
        const old = world.stale[one.which];
        if (old !== undefined) await world.statements.submit(old.envelope, old.document).catch(() => {});
        break;
      }
      case "cross": {
        const [from, to] = [world.stale[one.which], heldAt(0)];
        if (from !== undefined && to !== undefined)
          await world.statements.submit(from.envelope, JSON.parse(to.text)).catch(() => {});
        break;
      }
      case "fail-write":
        world.log.failNext(one.when);
        break;
      case "recover":
        await world.log.recover();
        break;
      case "revoke": {
        const [first] = world.journal.state.active.keys();
        if (first !== undefined) await world.sign("revoke-grant", { grant: first }).catch(() => {});
        break;
      }
      case "grant":
        await world.grant().catch(() => {});
        break;
      case "restart":
        await world.start().catch((error: unknown) => {
          // Only the write that was told to fail may fail a start.
          if (!(error instanceof Error && error.message === "log-unavailable")) throw error;
          return world.start();
        });
        break;
    }
    await settle();
  }
  await settle();
}

/** Reads the log alone, as an auditor would, and holds the effects against it. */
function judge(world: World): void {
  const byTag = new Map<string, { intents: number[]; approved: number[]; ended: number[]; risk: string }>();
  for (const { record, payload } of world.kept) {
    if (!("action" in record)) continue;
    const entry = byTag.get(record.action) ?? { intents: [], approved: [], ended: [], risk: record.risk };
    byTag.set(record.action, entry);
    if (record.kind === "intent") entry.intents.push(record.seq);
    if (record.kind === "denied") entry.ended.push(record.seq);
    if (record.kind === "approved") {
      const envelope = payload?.["envelope"] as unknown as Envelope;
      const bytes = Buffer.from(envelope.payload, "base64");
      const said = JSON.parse(bytes.toString()) as Statement;
      const head = Buffer.from(`DSSEv1 ${envelope.payloadType.length} ${envelope.payloadType} ${bytes.length} `);
      const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), publicKey]);
      const genuine = verifySignature(
        null,
        Buffer.concat([head, bytes]),
        createPublicKey({ key: spki, format: "der", type: "spki" }),
        Buffer.from(envelope.signatures[0].sig, "base64"),
      );
      expect(
        genuine && said.purpose === "approve-action" && said.decision === "allow" && said.subject === record.action,
      ).toBe(true);
      entry.approved.push(record.seq);
    }
  }
  const digests = new Map<string, string>();
  for (const { record, payload } of world.kept) {
    if (record.kind !== "intent") continue;
    const text = JSON.stringify(payload?.["action"]).startsWith('"') ? (payload?.["action"] as string) : "";
    expect(`sha256:${createHash("sha256").update(text).digest("hex")}`).toBe(record.action);
    digests.set((JSON.parse(text) as { arguments: { tag: string } }).arguments.tag, record.action);
  }
  const ran = world.effects.map(({ digest }) => digest);
  expect(new Set(ran).size).toBe(ran.length);
  for (const { digest: tag, at } of world.effects) {
    const entry = byTag.get(digests.get(tag) ?? "");
    expect(entry, `${tag} ran without an intent`).toBeDefined();
    if (entry === undefined) continue;
    expect(entry.intents.length, `${tag} has ${entry.intents.length} intents`).toBe(1);
    expect(entry.intents[0]).toBeLessThan(at);
    expect(
      entry.ended.filter((seq) => seq < at),
      `${tag} ran after it was denied`,
    ).toEqual([]);
    if (tag.startsWith("burn"))
      expect(entry.approved.filter((seq) => seq < (entry.intents[0] ?? 0)).length).toBeGreaterThan(0);
  }
}

describe("the approval protocol", () => {
  test("keeps its promises in every random program", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const world = new World();
        await world.start();
        await world.grant();
        await play(world, steps);
        judge(world);
      }),
      { numRuns: 400 },
    );
  }, 120_000);

  test("twin: with the check of the answer taken out, the judge finds it", async () => {
    const world = new World();
    await world.start();
    await world.grant();
    await play(world, [{ kind: "propose", tool: "burn" }]);
    const [held] = world.journal.state.held.values();
    if (held === undefined) throw new Error("nothing is held");
    // What an implementation without the protocol would do: run it because somebody asked.
    world.effects.push({
      digest: (JSON.parse(held.text) as { arguments: { tag: string } }).arguments.tag,
      at: world.kept.length,
    });
    expect(() => judge(world)).toThrow(/without an intent/);
  });

  test("a yes runs a held action once, a restart in between asks again and loses nothing", async () => {
    const world = new World();
    await world.start();
    await world.grant();
    await play(world, [
      { kind: "propose", tool: "burn" },
      { kind: "restart" },
      { kind: "answer", which: 0, decision: "allow", times: 3 },
      { kind: "replay-stale", which: 0 },
    ]);
    expect(world.live.state.why).toBe(RESTARTED);
    const ends = world.kept.filter(({ record }) => record.kind === "instance-ended").map(({ record }) => record);
    expect(ends).toMatchObject([{ instance: INSTANCE, why: RESTARTED, exit: null }]);
    await world.start();
    expect(world.kept.filter(({ record }) => record.kind === "instance-ended").length).toBe(1);
    expect(world.effects.length).toBe(1);
    expect(world.journal.state.held.size).toBe(0);
  });
});
