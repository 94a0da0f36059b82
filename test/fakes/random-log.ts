import { MAX_LEASE_MS } from "../../src/kernel/grant-decoder.ts";
import { DAYS, type Hours } from "../../src/kernel/hours.ts";
import { canonicalize } from "../../src/kernel/canonical.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { ROLES } from "../../src/kernel/owner-roles.ts";
import { jsonView } from "../../src/monitor/json-view.ts";
import { createFold, emptyFolded, type Folded } from "../../src/monitor/kept-state/folded.ts";
import type { Entry } from "../../src/monitor/log/log.ts";
import { isUnderWay } from "../../src/monitor/erasing.ts";
import { rangesOf } from "../../src/monitor/memory/ranges.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/dsse.ts";
import { ownerKeyId, type OwnerKey } from "../../src/protocol/owner-key.ts";
import { recoveryKeyId } from "../../src/protocol/recovery.ts";
import type { ActionBase, RecordBody } from "../../src/protocol/record.ts";
import type { Purpose } from "../../src/protocol/statement.ts";
import { DAY_MS } from "../../src/protocol/retention.ts";
import { actuallySpent, spentIn } from "../../src/protocol/spent.ts";
import { NO_TELEMETRY } from "../../src/protocol/telemetry-setting.ts";
import { grant } from "./kernel.ts";
import { CRYPTO } from "./open-log.ts";

/** A server of a grant, without its pin. */
const SERVER = {
  source: { kind: "http", url: "https://files.example/mcp" },
  tools: {},
  resources: [],
  prompts: [],
} as const;

/** Hours that count their uses, so that what they count is folded and kept too. */
const ALWAYS: Hours = { zone: "Europe/Vienna", windows: [{ days: [...DAYS], from: 0, to: 1440 }], uses: 1000 };

const NONCE = "0".repeat(32);
const RULES = `sha256:${"a".repeat(64)}`;
const AGENTS = ["worker", "helper", "third"];
const [PEOPLE, CODES] = [people(1, 4), people(11, 2)];

interface Person {
  readonly id: string;
  readonly key: Extract<OwnerKey, { kind: "ed25519" }>;
  sign(message: Uint8Array): Uint8Array;
}

function people(first: number, count: number): readonly Person[] {
  return Array.from({ length: count }, (_, at) => {
    const signer = createSigner(new Uint8Array(32).fill(first + at));
    const key = { kind: "ed25519" as const, publicKey: toBase64(signer.publicKey) };
    return { id: ownerKeyId(key, CRYPTO.sha256), key, sign: (message) => signer.sign(message) };
  });
}

/** One step of a random log: what is done, and two numbers that say with what. */
export interface Step {
  readonly move: number;
  readonly a: number;
  readonly b: number;
}

/** Writes a log as monitors write them, of records that can follow each other; owners' signatures are real. */
export class RandomLog {
  readonly kept: Entry[] = [];
  /** What the records so far make, by which a step knows what can be done next. */
  readonly folded: Folded = emptyFolded();
  readonly #fold = createFold(this.folded, CRYPTO);
  #asked = 0;
  /** Milliseconds that passed beside those between records. */
  #passed = 0;

  constructor() {
    this.#enrol(0);
  }

  /** Does one step, or nothing when there is nothing to do it with. */
  take({ move, a, b }: Step): void {
    const [, step] = MOVES[move % MOVES.length] ?? unreachable();
    step(this, a, b);
  }

  push(body: RecordBody, payload: JsonObject | null = null): void {
    const seq = this.kept.length;
    const commitment = payload === null ? null : { digest: RULES, bytes: 1 };
    const record = {
      v: 1,
      seq,
      at: 1_800_000_000_000 + seq * 1000 + this.#passed,
      start: NONCE,
      payload: commitment,
      ...body,
    } as const;
    const entry: Entry = { record, payload: payload === null ? null : JSON.parse(JSON.stringify(payload)) };
    this.#fold(entry);
    this.kept.push(entry);
  }

  signed(
    body: RecordBody & { readonly key: string },
    purpose: Purpose,
    document: JsonObject,
    more: JsonObject = {},
  ): void {
    const signer =
      [...PEOPLE, ...CODES].find(({ id, key }) => id === body.key || codeId(key) === body.key) ?? unreachable();
    const subject = CRYPTO.digest(canonicalize(document));
    const statement = { v: 1, purpose, decision: "allow", nonce: NONCE, subject, policy: RULES, start: NONCE } as const;
    const envelope = sealEnvelope({ ...statement, expires: 1, key: body.key }, signer);
    this.push(body, { document, envelope: jsonView(envelope), ...more });
  }

  /** Somebody who may sign for everything. */
  get by(): string {
    return [...this.folded.state.owners.keys()][0] ?? PEOPLE[0]?.id ?? "";
  }

  /** The payload of an intent that has ended is destroyed, and what it counts for is in a record; or that of a snapshot. */
  erase(which: number): void {
    const { open, erased } = this.folded.state;
    const done = this.#sinceRestored().filter(({ record, payload }) => {
      const goes = record.kind === "memory-frozen" || (record.kind === "intent" && !open.has(record.seq));
      return goes && payload !== null && !erased.has(record.seq);
    });
    const entry = done[which % Math.max(1, done.length)];
    if (entry === undefined) return;
    const { seq } = entry.record;
    const outcome = this.kept.find(({ record }) => record.kind === "outcome" && record.intent === seq)?.record;
    const bytes = Number(entry.payload?.["bytes"]) + (outcome?.kind === "outcome" ? outcome.bytes : 0);
    const { spent } = entry.payload ?? {};
    const counts = { grants: entry.payload?.["grants"] ?? [], bytes, ...(spent !== undefined && { spent }) };
    const kept = entry.record.kind === "intent" ? { kept: counts } : {};
    this.signed({ kind: "payload-erased", record: seq, key: this.by }, "erase-payload", { record: seq }, kept);
    this.kept[seq] = { record: entry.record, payload: null };
  }

  /** A rule is signed; then payloads that it keeps no longer go on record, and their keys are destroyed at once or later. */
  expire(later: boolean): void {
    const { state } = this.folded;
    if (state.retention.record === null) {
      // What was held stays: how often a person was asked is folded from it, and is no limit.
      const days = { intent: 1, outcome: 1 };
      return this.signed({ kind: "retention-set", days, key: this.by }, "set-retention", { days });
    }
    this.#passed += 2 * DAY_MS;
    const past = this.#sinceRestored().filter(({ record, payload }) => {
      if (payload === null || !Object.hasOwn(state.retention.days, record.kind)) return false;
      return !state.expired.unsettled.includes(record.seq);
    });
    const due = past.filter(({ record }) => !isUnderWay(record, state));
    const numbers = (of: readonly Entry[]): number[] => of.map(({ record }) => record.seq);
    const next = Object.fromEntries(Object.keys(state.retention.days).map((kind) => [kind, this.kept.length]));
    this.push(
      { kind: "payloads-expired", count: due.length, next },
      {
        records: rangesOf(numbers(due)),
        passed: rangesOf(numbers(past.filter((entry) => !due.includes(entry)))),
        kept: due.flatMap((entry) => this.#countOf(entry)),
      },
    );
    if (later) return;
    const gone = state.expired.unsettled;
    for (const seq of gone) this.kept[seq] = { record: this.kept[seq]?.record ?? unreachable(), payload: null };
    this.push({ kind: "payloads-destroyed", count: gone.length });
  }

  /** What a restore ended counts for nothing, so that a fold forgets what is gone of it: in a home its epoch is another then. */
  #sinceRestored(): readonly Entry[] {
    return this.kept.slice(this.kept.findLastIndex(({ record }) => record.kind === "restored") + 1);
  }

  #countOf({ record, payload }: Entry): readonly JsonObject[] {
    if (record.kind !== "intent" && record.kind !== "outcome") return [];
    const intent = record.kind === "intent" ? payload : (this.kept[record.intent]?.payload ?? null);
    if (intent === null) return [];
    const outcome =
      record.kind === "outcome"
        ? { record, payload }
        : this.kept.find(({ record: each }) => each.kind === "outcome" && each.intent === record.seq);
    const [grants, expected] = [intent["grants"] ?? [], spentIn(intent["spent"])];
    const ended = outcome?.record.kind === "outcome" ? outcome.record : unreachable();
    const spent = expected === null ? null : actuallySpent(ended.result, outcome?.payload ?? null, expected);
    const bytes = Number(intent["bytes"]) + ended.bytes;
    if (record.kind === "intent")
      return [{ record: record.seq, grants, bytes, ...(spent !== null && { spent: { ...spent } }) }];
    return expected === null || spent === null
      ? []
      : [{ record: record.seq, grants, expected: { ...expected }, spent: { ...spent } }];
  }

  request(a: number): string {
    this.#asked += 1;
    return (this.#asked * 16 + (a % 16)).toString(16).padStart(32, "0");
  }

  #enrol(which: number): void {
    const person = PEOPLE[which % PEOPLE.length] ?? unreachable();
    if (this.folded.state.owners.has(person.id)) return;
    const document = { name: `owner-${which}`, roles: [...ROLES], key: { ...person.key } };
    const key = this.folded.state.owners.size === 0 ? person.id : this.by;
    this.signed({ kind: "owner-enrolled", owner: person.id, key }, "enrol-owner", document);
  }

  enrol(which: number): void {
    this.#enrol(which);
  }
}

function codeId({ publicKey }: { readonly publicKey: string }): string {
  return recoveryKeyId(publicKey, CRYPTO.sha256);
}

function unreachable(): never {
  throw new Error("there is none");
}

function one<T>(from: Iterable<T>, at: number): T | undefined {
  const all = [...from];
  return all[at % Math.max(1, all.length)];
}

const digestOf = (text: string): string => CRYPTO.digest(text);
const agentAt = (at: number): string => AGENTS[at % AGENTS.length] ?? "worker";
const instanceAt = (at: number): string => `i-${(at % 12).toString(16).padStart(16, "0")}`;

/** What records of an action have in common. */
export function actionBase(a: number, text: string): ActionBase {
  return {
    instance: instanceAt(a),
    agent: agentAt(a),
    ancestry: a % 3 === 0 ? [instanceAt(a + 1)] : [],
    action: digestOf(text),
    what: "files/read",
    risk: "reserved",
    labels: a % 2 === 0 ? ["untrusted"] : [],
    policy: RULES,
  };
}

/** The canonical text of an action. */
export function actionText(log: RandomLog, a: number, b: number): string {
  const head = { v: 1, request: log.request(a), agent: agentAt(a), instance: instanceAt(a) };
  return canonicalize({ ...head, verb: "call", driver: "files", name: "read", arguments: { path: `/${b % 5}` } });
}

type Move = (log: RandomLog, a: number, b: number) => void;

/** Everything that can happen, by name; each does what it can do now. */
export const MOVES: readonly (readonly [string, Move])[] = [
  ["start", (log) => log.push({ kind: "start", code: RULES, constitution: RULES, version: "0", node: "v24" })],
  ["enrol", (log, a) => log.enrol(a)],
  [
    "remove an owner",
    (log, a) => {
      const [first, ...others] = log.folded.state.owners.keys();
      const owner = one(others, a);
      if (first !== undefined && owner !== undefined)
        log.signed({ kind: "owner-removed", owner, key: first }, "remove-owner", { owner });
    },
  ],
  [
    "recovery",
    (log, a) => {
      const { recovery, owners } = log.folded.state;
      const lost = PEOPLE.find(({ id }) => !owners.has(id));
      const unused = [...recovery.codes].find(([, { used }]) => !used)?.[0];
      const last = log.kept.at(-1)?.record.at ?? 0;
      if (recovery.pending !== null && a % 2 === 0) {
        const { record } = recovery.pending;
        log.signed({ kind: "recovery-stopped", record, key: log.by }, "stop-recovery", { record });
      } else if (recovery.pending !== null && recovery.pending.due <= last && !owners.has(recovery.pending.owner)) {
        log.push({ kind: "owner-recovered", owner: recovery.pending.owner, record: recovery.pending.record });
      } else if (recovery.pending === null && unused !== undefined && lost !== undefined) {
        const document = { name: "again", roles: [...ROLES], key: { ...lost.key } };
        log.signed({ kind: "recovery-begun", owner: lost.id, key: unused }, "recover-owner", document);
      } else if (recovery.pending === null) {
        const codes = CODES.map(({ key }) => ({ id: codeId(key), salt: NONCE, key: key.publicKey }));
        log.signed({ kind: "recovery-set", codes: 2, key: log.by }, "set-recovery", { codes, wait: 3000 });
      }
    },
  ],
  [
    "grant",
    (log, a, b) => {
      const id = `g-${log.folded.state.grants.size}`;
      const rate = a % 2 === 0 ? { count: 5, seconds: 30 } : null;
      const made = grant({
        id,
        agents: [agentAt(a), ...(b % 2 === 0 ? [agentAt(a + 1)] : [])],
        // Signed over a pin that may be in quarantine, which ends that.
        ...(b % 5 === 0 && { drivers: { files: { ...SERVER, pin: digestOf(`p${a % 3}`) } } }),
        limits: { rate, ...(b % 3 === 0 && { hours: ALWAYS }) },
      });
      const document = jsonView(made);
      log.signed(
        { kind: "grant-signed", grant: id, digest: digestOf(canonicalize(document)), key: log.by },
        "sign-grant",
        document,
      );
    },
  ],
  [
    "revoke",
    (log, a) => {
      const id = one(log.folded.state.active.keys(), a);
      if (id !== undefined)
        log.signed({ kind: "grant-revoked", grant: id, key: log.by }, "revoke-grant", { grant: id });
    },
  ],
  [
    "policy",
    (log, a) => log.signed({ kind: "policy-set", policy: RULES, key: log.by }, "set-policy", { text: `// ${a}` }),
  ],
  [
    "secret",
    (log, a, b) => {
      const { secrets } = log.folded.state;
      const secret = `s-${a % 3}`;
      const known = secrets.get(secret);
      const login = { endpoint: "https://id.example/token", client: "c", scopes: [], format: "form" as const };
      const commitment = digestOf(`${secret} ${log.kept.length}`);
      const document =
        b % 2 === 0 ? { kind: "value", secret, commitment } : { kind: "oauth", secret, commitment, login };
      if (known === undefined)
        log.signed({ kind: "secret-set", secret, commitment, key: log.by }, "set-secret", document);
      else if (b % 5 === 0) log.signed({ kind: "secret-removed", secret, key: log.by }, "remove-secret", { secret });
      else if (b % 5 === 1)
        log.signed({ kind: "secret-rotated", secret, commitment, key: log.by }, "rotate-secret", document);
      else if (b % 5 === 2) {
        const before = known.commitment;
        log.push({ kind: "secret-refreshed", secret, before, commitment, expires: null });
      } else {
        const to = "https://api.example";
        const binding = { secret, to, methods: ["GET"], path: "/", header: "authorization", scheme: "Bearer" };
        log.signed({ kind: "secret-bound", secret, to, key: log.by }, "bind-secret", binding);
      }
    },
  ],
  [
    "provider",
    (log, a) => {
      const provider = `p-${a % 2}`;
      if (log.folded.state.providers.has(provider) && a % 3 === 0)
        return log.signed({ kind: "provider-removed", provider, key: log.by }, "remove-provider", { provider });
      const models = [{ name: "m", output: 10, price: null }];
      const rest = { format: "anthropic", to: "http://localhost:1", path: "", tier: "local", class: "secret", models };
      log.signed({ kind: "provider-set", provider, key: log.by }, "set-provider", { provider, ...rest, secret: null });
    },
  ],
  [
    "settings",
    (log, a, b) => {
      if (a % 2 === 0 && b % 4 !== 0) {
        const [witness, code] = [`witness.test/${a % 3}`, b % 2 === 0 ? "forked" : "rolled-back"] as const;
        return log.push({ kind: "witness-refused", witness, code, size: b, seen: b + (a % 5) });
      }
      if (a % 2 === 0) {
        const document = { witnesses: [], quorum: 0, before: "nothing" };
        return log.signed({ kind: "witnesses-set", quorum: 0, key: log.by }, "set-witnesses", document);
      }
      if (a % 3 === 0) {
        const demand = a % 9 === 0 ? "nothing" : "reserved";
        const body = { kind: "second-screen-set", demand, key: log.by } as const;
        return log.signed(body, "set-second-screen", { for: demand });
      }
      if (a % 5 === 0) {
        const only = a % 2 === 1;
        const body = { kind: "publishers-set", change: only ? "only" : "any", publisher: null, key: log.by } as const;
        return log.signed(body, "set-publishers", { kind: "only", only });
      }
      if (a % 5 === 1) {
        const [name, there] = ["acme", log.folded.state.publishers.admitted.has("acme")];
        const [change, key] = [there ? ("remove" as const) : ("admit" as const), "A".repeat(43).concat("=")];
        const body = { kind: "publishers-set", change, publisher: name, key: log.by } as const;
        return log.signed(body, "set-publishers", there ? { kind: change, name } : { kind: change, name, key });
      }
      const document = jsonView({ ...NO_TELEMETRY, prometheus: { port: 9000 + (a % 9) } });
      log.signed({ kind: "telemetry-set", on: true, key: log.by }, "set-telemetry", document);
    },
  ],
  [
    "home file",
    (log, a) => {
      const [agent, path, text] = [agentAt(a), "CLAUDE.md", `text ${a}`];
      const body = { kind: "home-put", agent, path, digest: digestOf(text), key: log.by } as const;
      log.signed(body, "put-home-file", { agent, path, text });
    },
  ],
  [
    "restored",
    (log, a) => {
      const size = log.kept.length;
      if (a % 4 === 0) log.push({ kind: "restored", size, known: size + (a % 3) });
      else log.push({ kind: "backup-made", size, manifest: digestOf(`manifest ${a}`), keys: a % 2 === 0 });
    },
  ],
  [
    "extension",
    (log, a, b) => {
      const extension = digestOf(`extension ${a % 7}`);
      if (b % 4 === 0) return log.push({ kind: "extension-removed", extension });
      if (b % 4 === 1) return log.push({ kind: "extension-quarantined", extension, why: `reason ${b}` });
      if (b % 4 === 2)
        return log.push({ kind: "extension-attested", extension, provenance: { kind: "refused", why: `reason ${b}` } });
      if (b % 7 === 3)
        return log.push({ kind: "extension-published", extension, publication: { kind: "refused", why: `${b}` } });
      const [manifest, version] = [digestOf(`manifest ${b}`), b % 3 === 0 ? null : `${b}.0.0`];
      log.push({ kind: "extension-added", extension, manifest, of: "npm", name: "notes", version, source: "notes" });
    },
  ],
  [
    "instance",
    (log, a, b) => {
      const instance = instanceAt(a);
      const known = log.folded.state.instances.get(instance);
      if (known === undefined || known.life === "ended") {
        const started = { workspace: b % 2 === 0 ? null : "/w", strict: b % 3 === 0, holdAt: [], holdSeconds: 60 };
        const body = { kind: "instance-started", instance, agent: agentAt(a), ancestry: [] } as const;
        log.push(body, { ...started, words: [`task ${b}`] });
      } else if (b % 4 === 0) log.push({ kind: "instance-ended", instance, why: "exited", exit: b % 3 });
      else if (b % 4 === 1) log.push({ kind: "hold-asked", instance, stages: ["execute"] });
      else if (b % 4 === 2) log.signed({ kind: "hold-lifted", instance, key: log.by }, "lift-hold", { instance });
      else log.push({ kind: "labelled", instance, labels: ["private", "untrusted"], because: "files/read" });
    },
  ],
  [
    "freeze",
    (log, a, b) => {
      const instance = instanceAt(a);
      const by = { kind: "monitor", why: "asked" } as const;
      if (b % 16 >= 12) log.push({ kind: "instance-frozen", instance, by, code: "log-unavailable" });
      else if (b % 16 >= 9) log.push({ kind: "instance-resumed", instance, why: "the log can be written again" });
      else if (b % 4 === 0) log.push({ kind: "all-frozen", by });
      else if (b % 4 === 1 && log.folded.state.allFrozen !== null)
        log.signed({ kind: "all-thawed", key: log.by }, "thaw-all", { frozen: log.folded.state.allFrozen.record ?? 0 });
      else if (b % 4 === 2) log.push({ kind: "instance-frozen", instance, by, code: "all-frozen" });
      else log.signed({ kind: "instance-thawed", instance, key: log.by }, "thaw-instance", { instance });
    },
  ],
  [
    "terminal",
    (log, a, b) => {
      const agent = agentAt(a);
      if (log.folded.state.tombstones.has(agent) && b % 2 === 0)
        return log.signed({ kind: "agent-restarted", agent, key: log.by }, "restart-agent", { agent });
      log.push({ kind: "terminal", instance: instanceAt(a), agent, code: "control-verb", by: "a call" }, { what: "x" });
    },
  ],
  [
    "quarantine of a driver",
    (log, a) => log.push({ kind: "driver-quarantined", driver: "files", pin: digestOf(`p${a % 3}`), found: RULES }),
  ],
  [
    "held",
    (log, a, b) => {
      const text = actionText(log, a, b);
      const body = { kind: "held", reasons: ["reserved"], expires: 1_900_000_000_000, ...actionBase(a, text) } as const;
      log.push(body, { request: JSON.parse(text).request, action: text });
    },
  ],
  [
    "answer",
    (log, a, b) => {
      const held = one(log.folded.state.held.values(), a);
      if (held === undefined) return;
      const base = { ...actionBase(a, ""), instance: held.instance, agent: held.agent, action: held.digest };
      const by = { kind: "owner", key: log.by } as const;
      if (b % 3 === 0) log.push({ kind: "denied", stage: "approve", code: "denied-by-owner", by, ...base });
      else if (b % 3 === 1) log.push({ kind: "denied", stage: "approve", code: "hold-expired", by, ...base });
      else log.push({ kind: "approved", by, statement: RULES, ...base });
    },
  ],
  [
    "intent",
    (log, a, b) => {
      const held = b % 3 === 0 ? one(log.folded.state.held.values(), a) : undefined;
      const base = actionBase(a, actionText(log, a, b));
      const by = { kind: "monitor", why: "x" } as const;
      const used = [...log.folded.state.active.keys()].slice(0, (a % 3) + 1);
      const spent = b % 2 === 0 ? { spent: { input: b % 100, output: 5, cost: a % 7 } } : {};
      const action = held?.digest ?? base.action;
      log.push({ kind: "intent", by, pin: RULES, ...base, action }, { grants: used, bytes: a % 50, ...spent });
    },
  ],
  [
    "outcome",
    (log, a, b) => {
      const intent = one(log.folded.state.open.values(), a);
      if (intent === undefined) return;
      const { seq, grants: _grants, spent: _spent, ...base } = intent;
      const result = (["ok", "failed", "unknown"] as const)[b % 3] ?? "ok";
      const rest = { code: null, digest: null, bytes: b % 40, micros: 1 };
      const text = canonicalize({ spent: { input: 1, output: b % 3, cost: 0 } });
      log.push({ kind: "outcome", intent: seq, result, ...rest, ...base }, b % 2 === 0 ? { result: text } : null);
    },
  ],
  ["erase", (log, a) => log.erase(a)],
  ["expire", (log, a) => log.expire(a % 3 === 0)],
  [
    "keep in memory",
    (log, a, b) => {
      const { memory } = log.folded.state;
      const plane = b % 2 === 0 ? ("append-only" as const) : ("ephemeral" as const);
      log.push({
        kind: "memory-kept",
        // A number whose write had failed is never given again.
        entry: memory.next + (a % 4 === 0 ? 1 : 0),
        agent: agentAt(a),
        plane,
        by: agentAt(a),
        instance: instanceAt(a),
        labels: [],
        digest: digestOf(`${a} ${b}`),
        bytes: a % 99,
        expires: plane === "ephemeral" ? 1_800_000_000_000 + b : null,
        imported:
          memory.imports.all().find((each) => each.left > 0 && each.agent === agentAt(a) && each.plane === plane)
            ?.record ?? null,
      });
    },
  ],
  [
    "import into memory",
    (log, a, b) => {
      const of = {
        agent: agentAt(a),
        plane: b % 2 === 0 ? "append-only" : "ephemeral",
        origin: `home-${b % 3}`,
        count: 1 + (a % 4),
      } as const;
      const document = { ...of, size: 9, bytes: a % 99, digest: RULES };
      log.signed({ kind: "memory-imported", ...of, key: log.by }, "import-memory", document);
    },
  ],
  [
    "end in memory",
    (log, a, b) => {
      const { memory } = log.folded.state;
      const held = AGENTS.flatMap((agent) => [...memory.entries({ agent, plane: "ephemeral" })]).slice(0, (a % 3) + 1);
      if (b % 3 === 0 && memory.unsettled.length > 0)
        return log.push({ kind: "memory-destroyed", count: 1 + (a % memory.unsettled.length) });
      if (held.length === 0) return;
      const entries = held.toSorted((left, right) => left - right);
      if (b % 3 === 1)
        return log.push({ kind: "memory-expired", count: entries.length }, { entries: rangesOf(entries) });
      log.signed({ kind: "memory-erased", count: entries.length, key: log.by }, "erase-memory", { entries });
    },
  ],
  [
    "rules of memory",
    (log, a, b) => {
      const { memory } = log.folded.state;
      const agent = agentAt(a);
      if (b % 4 === 0) {
        const document = { agent, what: "ephemeral" as const, bytes: a, count: b };
        return log.signed({ kind: "memory-budget-set", ...document, key: log.by }, "set-memory-budget", document);
      }
      if (b % 4 === 1) {
        const version = memory.snapshots.floor({ agent, name: "rules" }) + 1;
        const body = { kind: "memory-frozen", agent, name: "rules", version, digest: RULES, key: log.by } as const;
        return log.signed(body, "freeze-memory", { agent, name: "rules", version, items: [] });
      }
      const gone = one(memory.quarantines, a);
      if (b % 4 === 2 && gone !== undefined)
        return log.signed({ kind: "memory-released", ...gone, key: log.by }, "release-memory", { ...gone });
      log.push({ kind: "memory-quarantined", by: "instance", value: instanceAt(a) });
    },
  ],
  ["clock", (log, a) => log.signed({ kind: "clock-set", key: log.by }, "set-clock", { at: 1_800_000_000_000 + a })],
  ["sign in", (log, a) => log.push({ kind: "owner-signed-in", key: log.by, count: a % 50 })],
  [
    "away",
    (log, a) => {
      const { away, grants } = log.folded.state;
      if (away !== null && !away.ended) return log.push({ kind: "away-ended", why: a % 2 === 0 ? "back" : "over" });
      const until = (log.kept.at(-1)?.record.at ?? 0) + 3_600_000;
      const lease = grant({
        id: `g-${grants.size}`,
        agents: [agentAt(a)],
        lease: true,
        limits: { uses: 2, notBefore: 0, expires: Math.min(until, MAX_LEASE_MS) },
      });
      const asked = a % 2 === 0 ? ("wait" as const) : ("deny" as const);
      const leases = a % 3 === 0 || lease.limits.expires > until ? [] : [lease];
      const document = jsonView({ until, asked, leases });
      const body = { kind: "away-begun" as const, until, asked, leases: leases.map(({ id }) => id), key: log.by };
      return log.signed(body, "go-away", document);
    },
  ],
];
