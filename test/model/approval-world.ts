import {
  createHash,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify as verifySignature,
  createPublicKey,
} from "node:crypto";
import { expect } from "vitest";
import { newBreaker } from "../../src/kernel/breaker.ts";
import type { Evaluator } from "../../src/kernel/decision.ts";
import type { Grant } from "../../src/kernel/grant.ts";
import { ROLES } from "../../src/kernel/owner-roles.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { createConduct } from "../../src/monitor/conduct.ts";
import type { Conduct } from "../../src/monitor/conduct-ports.ts";
import type { RunningDriver } from "../../src/monitor/driver-pool.ts";
import { createJournal, replay, type OwingJournal } from "../../src/monitor/journal.ts";
import { type LiveInstance, newLive } from "../../src/monitor/live.ts";
import type { Entry } from "../../src/monitor/log/log.ts";
import { createSeen } from "../../src/monitor/provenance.ts";
import { createProposedDesk } from "../../src/monitor/proposed-desk.ts";
import { recordEnds, recordUnknown } from "../../src/monitor/restart.ts";
import { emptyState } from "../../src/monitor/state.ts";
import { createTurns } from "../../src/monitor/turns.ts";
import { createStatements, type Statements } from "../../src/monitor/statements.ts";
import { createTrustedClock } from "../../src/monitor/trusted-clock.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { sealEnvelope } from "../../src/protocol/dsse.ts";
import type { Outcome } from "../../src/protocol/requests.ts";
import { keyId, type Envelope, type Statement } from "../../src/protocol/statement.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import { asJson } from "../e2e/substrate.ts";
import { OPEN_CONTEXT } from "../fakes/kernel.ts";
import { createMemoryLog, type MemoryLog } from "../fakes/memory-log.ts";

const crypto = createCrypto();
const PIN = `sha256:${"a".repeat(64)}`;
const AGENT = "worker";
export const INSTANCE = "i-0123456789abcdef";
const seed = generateKeyPairSync("ed25519");
const publicKey = new Uint8Array(
  createPublicKey(seed.privateKey).export({ format: "der", type: "spki" }).subarray(-32),
);
export const owner = { publicKey, sign: (message: Uint8Array) => new Uint8Array(sign(null, message, seed.privateKey)) };
export const key = keyId(publicKey, crypto.sha256);

/** The same log, with a moment before it writes and one before anybody is told. */
function withMoments(log: MemoryLog, moments: Moments): MemoryLog {
  return Object.assign(Object.create(log) as MemoryLog, {
    async append(...entry: Parameters<MemoryLog["append"]>) {
      await moments.pass();
      const seq = await log.append(...entry);
      await moments.pass();
      return seq;
    },
  });
}

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

/** What a start of the monitor goes through: each passing is a moment at which it can be killed. One that was never goes on. */
export interface Moments {
  pass: () => Promise<void>;
}

/** One monitor's worth of deciding over a log in memory, with a driver that remembers what it did. */
export class World {
  readonly kept: Entry[] = [];
  readonly effects: { digest: string; at: number }[] = [];
  readonly answers: Promise<Outcome>[] = [];
  readonly stale: { envelope: Envelope; document: JsonObject }[] = [];
  #grants = 0;
  log!: MemoryLog;
  journal!: OwingJournal;
  conduct!: Conduct;
  statements!: Statements;
  live!: LiveInstance;
  timers: (() => void)[] = [];
  time = 1_000_000;
  /** How often a driver was had. */
  opened = 0;
  /** What happens while one is waited for. */
  opening: () => Promise<unknown> = () => Promise.resolve();
  /** Of this start. */
  moments!: Moments;

  async start(): Promise<void> {
    const start = randomBytes(16).toString("hex");
    const state = emptyState();
    this.timers = [];
    const moments: Moments = { pass: () => Promise.resolve() };
    this.moments = moments;
    this.log = withMoments(createMemoryLog(start, this.kept), this.moments);
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
            await moments.pass();
            this.effects.push({ digest: tag, at: this.kept.length });
            await moments.pass();
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
      facts: () => ({ injections: [], infer: { providers: new Map(), seesWorkspace: false, context: OPEN_CONTEXT } }),
      now: trusted.now,
      evaluator: () => evaluator,
      contextOf: () => null,
      witnessed: () => Promise.resolve(true),
      openDriver: async () => {
        this.opened += 1;
        await this.opening();
        return driver;
      },
      lookup: () => () => {
        const spec = [...state.active.values()][0]?.drivers["notes"];
        return spec === undefined
          ? { kind: "unknown" }
          : { kind: "ready", pin: PIN, expected: PIN, tools: spec.tools, offers: () => true };
      },
      signed: () => () => {
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
      found: { of: async () => null, beside: async () => ({}), holds: async () => true },
      policy: () => evaluator.version,
      now: trusted.now,
      owners: {
        counts: { take: () => {} },
        recovery: { admit: () => {}, watch: () => {} },
        inTurn: createTurns(),
        leaving: new Set(),
        refused: () => {},
        desk: { offered: () => false, here: () => "" },
        proposed: createProposedDesk({ state, random, crypto, now: trusted.now }),
      },
      effects: {
        settle: (answer) => this.conduct.settle(this.live, answer),
        checkPolicy: async () => ({ kind: "refused", message: "not in this test" }),
        policySet: async () => {},
        grantsChanged: () => {},
        wentAway: () => {},
        secretChanged: () => {},
        thawed: () => {},
        homeHolder: () => null,
        homePut: () => {},
        homeWiped: async () => {},
        clockAccepted: () => {},
        publishersSet: async () => {},
        settingChanged: () => {},
        keptOf: () => Promise.resolve({}),
        memoryErased: async () => {},
        checkFreeze: async () => {},
        lotOf: () => null,
        memoryImported: async () => {},
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
      await recordUnknown(this.journal);
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

/** Reads the log alone, as an auditor would, and holds the effects against it. */
export function judge(world: World): void {
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
  expect(new Set(ran).size, "something ran twice").toBe(ran.length);
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
