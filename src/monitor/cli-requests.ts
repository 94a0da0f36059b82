import type { Digest } from "../kernel/action.ts";
import { checkLimits, inForceNext, NO_USAGE } from "../kernel/limits.ts";
import { parseJson } from "../kernel/json.ts";
import type { Asked } from "./asked-before.ts";
import { OWN_BOUNDS } from "./action-ends.ts";
import { CONSTITUTION_TEXT } from "../kernel/constitution.ts";
import { decodeAction } from "../kernel/action.ts";
import type { LogRecord } from "../protocol/record.ts";
import { recordText } from "../protocol/record-codec.ts";
import type { WitnessesView } from "../protocol/witness-standing.ts";
import type { AlertStanding } from "../protocol/alert-setting.ts";
import type { TelemetryStanding } from "../protocol/telemetry-table.ts";
import type { RetentionView } from "../protocol/log-requests.ts";
import type { CliRequests, GrantView, LogProof } from "../protocol/requests.ts";
import { toBase64 } from "../protocol/bytes.ts";
import type { ConsoleDesk } from "./console.ts";
import { createDriverPool, type ConnectDriver } from "./driver-pool.ts";
import { probeServer } from "./probe-server.ts";
import type { AwayDesk } from "./away.ts";
import { awayView, isAway } from "./away-state.ts";
import type { DigestPieces } from "./digest-pieces.ts";
import { disclose } from "./disclosing.ts";
import { declaredDriver } from "./driver-table.ts";
import { proposedHandlers } from "./proposed-requests.ts";
import type { OwnerParts } from "./owner-parts.ts";
import { createOwnerHandlers } from "./owner-requests.ts";
import { explainProposal, simulatePolicy } from "./explain.ts";
import { quarantinedServers } from "./grant-state.ts";
import { Refusal } from "./faults.ts";
import { frozenBy } from "./frozen-yes.ts";
import { heldContext } from "./held-context.ts";
import { viewHeld, viewHeldPage } from "./instance-view.ts";
import type { ExtensionDesk } from "./extensions/desk.ts";
import type { Found } from "./found.ts";
import type { Instances } from "./instances.ts";
import type { Journal } from "./journal.ts";
import type { Keeper } from "./kept-state/keeper.ts";
import { KeptStateFault } from "./kept-state/sealing.ts";
import type { IndexView } from "./index/index-view.ts";
import { tellLimit, type LimitPorts } from "./limits.ts";
import { logHandlers } from "./log-handlers.ts";
import { cosignedOver, showLog, showNewest } from "./log-pages.ts";
import type { Log } from "./log/log.ts";
import { GIT_OFFER, gitSpec } from "./git-device.ts";
import { INFER_OFFER, inferSpec } from "./infer-device.ts";
import { MEMORY_OFFER, memorySpec } from "./memory/device.ts";
import { memoryHandlers } from "./memory/memory-requests.ts";
import type { Memory } from "./memory/memory.ts";
import { NET_OFFER, netSpec } from "./net-offer.ts";
import type { PasskeyDesk } from "./passkey-desk.ts";
import type { PolicyEngine } from "./policy/policy-engine.ts";
import type { MonitorPowers } from "./powers.ts";
import type { RecoveringJournal } from "./recovering.ts";
import type { CodeLayout } from "./sandbox-plans.ts";
import type { HeldState } from "./state.ts";
import type { Statements } from "./statements.ts";
import { secretView } from "./secrets.ts";
import type { Vault } from "./vault.ts";
import { undoInstance } from "./undo.ts";

export interface CliPorts {
  readonly version: string;
  readonly home: string;
  readonly start: string;
  readonly powers: MonitorPowers;
  readonly journal: Journal & Pick<RecoveringJournal, "trouble">;
  readonly asked: Asked;
  readonly away: Pick<AwayDesk, "back">;
  readonly digests: Pick<DigestPieces, "since">;
  readonly log: Log;
  readonly index: IndexView;
  readonly instances: Instances;
  readonly statements: Statements;
  readonly found: Found;
  readonly extensions: ExtensionDesk;
  readonly vault: Vault;
  readonly memory: Memory;
  readonly keeper: Pick<Keeper, "compare">;
  readonly desk: PasskeyDesk;
  readonly proposed: OwnerParts["proposed"];
  readonly policy: PolicyEngine;
  readonly code: CodeLayout;
  readonly connectDriver: ConnectDriver;
  readonly console: ConsoleDesk;
  readonly digest: Digest;
  readonly ownPaths: readonly string[];
  telemetry(): TelemetryStanding;
  retention(): RetentionView;
  alerts(): readonly AlertStanding[];
  witnesses(): Promise<WitnessesView>;
  now(): number;
  /** Ends the monitor after the answer has gone out. Whether it was ending already. */
  stop(): boolean;
}

export type CliHandlers = {
  readonly [K in keyof CliRequests]: (body: CliRequests[K]["body"]) => Promise<CliRequests[K]["ok"]>;
};

/** The command line's row of the request table. None of these adds authority; what does is a signed statement. */
export function createCliHandlers(ports: CliPorts, connection: { watch(instance: string | null): void }): CliHandlers {
  const { journal, instances, statements, policy, log } = ports;
  const { state } = journal;
  const pool = createDriverPool(ports.powers, { code: ports.code, connect: ports.connectDriver, state });
  const limitPorts: LimitPorts = {
    timer: ports.powers.timer,
    write: (body) => journal.write(body),
    end: (live, why) => instances.end(live, why),
  };
  const explainPorts = { state, digest: ports.digest, ownPaths: ports.ownPaths };

  const submitFrom = (from: "cli" | "console"): CliHandlers["submit"] => {
    return async ({ envelope, document }) => ({ seq: await statements.submit(envelope, document, from) });
  };
  function grantView(id: string): GrantView {
    const entry = state.grants.get(id);
    if (entry === undefined)
      throw new Refusal("unknown-grant", `There is no grant "${id}".`, "Run `aios grants list`.");
    const { grant, key, revoked } = entry;
    const usage = state.usage.get(id) ?? NO_USAGE;
    const limit = checkLimits(grant, usage, { now: ports.now(), bytes: 0 });
    const suspended = grant.agents.every((agent) => state.tombstones.has(agent));
    const life = revoked
      ? "revoked"
      : limit === "expired"
        ? "expired"
        : limit === "not-yet" || limit === "outside-hours"
          ? limit
          : limit === "limit-uses" || limit === "limit-bytes"
            ? "used-up"
            : suspended
              ? "suspended"
              : "active";
    return {
      id,
      agents: grant.agents,
      state: life,
      lease: grant.lease,
      uses: usage.uses,
      bytes: usage.bytes,
      spent: usage.spent ?? { input: 0, output: 0, cost: 0 },
      expires: grant.limits.expires,
      opens: life === "not-yet" || life === "outside-hours" ? inForceNext(grant.limits, ports.now()) : null,
      key,
      quarantined: quarantinedServers(state, grant),
    };
  }

  function heldOf(request: string): HeldState {
    const held = state.held.get(request);
    if (held !== undefined) return held;
    throw new Refusal("unknown-request", `No action "${request}" is held.`, "Run `aios approvals list`.");
  }

  async function entryAt(
    seq: number,
  ): Promise<{ record: LogRecord; payload: CliRequests["log-show"]["ok"]["entries"][number]["payload"] }> {
    if (seq < log.size) for await (const entry of log.entries(seq, seq + 1)) return entry;
    throw new Refusal("bad-request", `The log has no record ${seq}.`, `It has ${log.size}.`);
  }

  const handlers: CliHandlers = {
    ...createOwnerHandlers(state, ports.desk),
    async hello() {
      return {
        version: ports.version,
        start: ports.start,
        home: ports.home,
        owners: state.owners.size,
        policy: policy.version,
        limits: ports.powers.limits,
      };
    },
    telemetry: async () => ports.telemetry(),
    retention: async () => ports.retention(),
    witnesses: () => ports.witnesses(),
    async alerts() {
      return { receivers: ports.alerts() };
    },
    async run(request) {
      return instances.run(request);
    },
    async "output-over"({ instance, bytes }) {
      const live = [...instances.running()].find((each) => each.state.instance === instance);
      if (live === undefined) return {}; // it has ended meanwhile
      if (live.output === null || bytes <= live.output)
        throw new Refusal(
          "bad-request",
          `Instance ${instance} is not over its limit of output.`,
          "Run `aios kill` to end it.",
        );
      tellLimit(live, { limit: "output", most: live.output, found: bytes }, limitPorts);
      return {};
    },
    async wait({ instance }) {
      const ended = await instances.wait(instance);
      return { state: ended.life, exit: ended.exit, why: ended.why };
    },
    async ps({ all }) {
      return { instances: instances.list(all), allFrozen: state.allFrozen?.record ?? null, log: journal.trouble() };
    },
    async freeze({ instance }) {
      const stopped = await instances.freezeAsked(instance);
      return { instances: stopped, all: state.allFrozen?.record ?? null };
    },
    async kill({ instance }) {
      return { instances: await instances.kill(instance), all: state.allFrozen?.record ?? null };
    },
    async hold({ instance, stages }) {
      if (![...instances.running()].some((live) => live.state.instance === instance))
        throw new Refusal("unknown-instance", `Instance "${instance}" does not run.`, "Run `aios ps`.");
      await journal.write({ kind: "hold-asked", instance, stages });
      return {};
    },
    undo: (request) => undoInstance(ports, request),
    async held({ after }) {
      return viewHeldPage(after, { state, asked: ports.asked });
    },
    async "held-show"({ request }) {
      const held = heldOf(request);
      const parsed = parseJson(held.text, OWN_BOUNDS);
      const decoded = parsed.kind === "ok" ? decodeAction(parsed.value) : parsed;
      if (decoded.kind !== "ok")
        throw new Refusal("unknown-request", "The held action does not decode.", "Run `aios log verify`.");
      const action = decoded.value;
      const live = instances.live(held.instance);
      const declared = declaredDriver(state, held.agent, action.driver);
      const found = await ports.found.of(held);
      return {
        ...viewHeld(held, ports.asked),
        action: held.text,
        ...heldContext({ state, instances, asked: ports.asked }, held, action),
        pin: declared.kind === "declared" ? declared.spec.pin : "",
        found,
        frozen: frozenBy(state, live.state),
        second: statements.second.needOf(held),
        statement: await statements.prepare("approve-action", { ...action }, { found }),
      };
    },
    async "second-code"({ request, beside }) {
      return { code: statements.second.tell(heldOf(request), beside) };
    },
    async prepare({ purpose, document }) {
      return { statement: await statements.prepare(purpose, document) };
    },
    submit: submitFrom("cli"),
    async grants() {
      return { grants: [...state.grants.keys()].map(grantView) };
    },
    async deposit(given) {
      const commitment = ports.vault.deposit(given);
      if (commitment === null)
        throw new Refusal("bad-request", "This value cannot be taken.", "8 to 8192 printable ASCII characters.");
      return { commitment };
    },
    async secrets() {
      return { secrets: [...state.secrets.values()].map(secretView) };
    },
    async providers() {
      return { providers: [...state.providers.values()] };
    },
    async "grant-show"({ id }) {
      const view = grantView(id);
      const { grant } = state.grants.get(id) ?? {};
      if (grant === undefined)
        throw new Refusal("unknown-grant", `There is no grant "${id}".`, "Run `aios grants list`.");
      return { grant, cedar: policy.cedarOf(grant), view };
    },
    async probe({ drivers, workspace }) {
      const probed = await Promise.all(
        Object.entries(drivers).map(async ([name, source]) => {
          // The network device is built in: nothing is started to know it.
          if (source.kind === "net")
            return [name, { pin: netSpec(ports.powers.crypto).pin, offer: NET_OFFER }] as const;
          if (source.kind === "infer")
            return [name, { pin: inferSpec(ports.powers.crypto).pin, offer: INFER_OFFER }] as const;
          if (source.kind === "memory")
            return [name, { pin: memorySpec(ports.powers.crypto).pin, offer: MEMORY_OFFER }] as const;
          if (source.kind === "git-ssh")
            return [name, { pin: gitSpec(ports.powers.crypto).pin, offer: GIT_OFFER }] as const;
          return [name, await probeServer(name, source, { ...ports.powers, pool, journal, workspace })] as const;
        }),
      );
      return { drivers: Object.fromEntries(probed) };
    },
    async "policy-check"({ text }) {
      const { problems, version } = await policy.check(text);
      return { problems, version };
    },
    async "policy-show"() {
      return { text: policy.text, version: policy.version, constitution: CONSTITUTION_TEXT };
    },
    async "policy-explain"({ agent, labels, task, proposal }) {
      return explainProposal(explainPorts, {
        agent,
        labels,
        task,
        proposal,
        evaluator: policy.evaluator,
        now: ports.now(),
      });
    },
    async "policy-simulate"({ text, from }) {
      const draft = await policy.draft(text).catch((error: unknown) => {
        throw new Refusal(
          "policy",
          error instanceof Error ? error.message : "The policy does not load.",
          "Run `aios policy check FILE`.",
        );
      });
      return simulatePolicy(explainPorts, {
        entries: log.entries(Math.min(from, log.size), log.size),
        current: policy.evaluator,
        draft,
      });
    },
    "log-show": (query) => showLog(ports, query),
    "log-newest": (query) => showNewest(ports, query),
    back: () => ports.away.back(),
    away: () => Promise.resolve({ away: isAway(state) ? awayView(state.away) : null }),
    digest: ({ since }) => ports.digests.since(since),
    "log-disclose": (range) => disclose(log, range),
    async "log-prove"({ seq }) {
      const { record } = await entryAt(seq);
      const checkpoint = (await cosignedOver(log, seq)) ?? (await log.checkpoint());
      const path = await log.inclusion(seq, checkpoint.size);
      const proof: LogProof = {
        v: 1,
        seq,
        record: recordText(record),
        path: path.map(toBase64),
        checkpoint: checkpoint.note,
      };
      return { proof };
    },
    ...logHandlers(ports),
    async "state-compare"() {
      return ports.keeper.compare().catch((error: unknown) => {
        if (!(error instanceof KeptStateFault)) throw error;
        throw new Refusal("bad-request", `Nothing can be compared: ${error.message}.`, "Try again in a minute.");
      });
    },
    async watch({ instance }) {
      connection.watch(instance);
      return {};
    },
    async stopped({ instance, go }) {
      const live = [...instances.running()].find((each) => each.state.instance === instance);
      // A frozen one stands still by our own hand, and only an owner's signature ends that.
      if (live?.agent == null || live.state.life !== "running") return { stopped: false };
      const stopped = live.agent.stopped();
      if (go) live.agent.resume();
      return { stopped };
    },
    async homes({ agent }) {
      return { homes: await instances.homes.view(agent) };
    },
    ...memoryHandlers(ports),
    ...proposedHandlers(ports, "cli"),
    ...ports.extensions.handlers,
    "console-open": async () =>
      ports.console.open({ ...handlers, ...proposedHandlers(ports, "console"), submit: submitFrom("console") }),
    async "open-ports"() {
      return { ports: [...instances.running()].flatMap(({ published }) => published?.open() ?? []) };
    },
    async "console-close"() {
      return { closed: await ports.console.close() };
    },
    async stop() {
      return { already: ports.stop() };
    },
  };
  return handlers;
}
