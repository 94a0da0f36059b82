import { armingsOf } from "./agent-network.ts";
import { createAlerts } from "./alerts.ts";
import type { Digest } from "../kernel/action.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { Injection } from "../kernel/secrets.ts";
import type { AlertReceiver } from "../protocol/alert-setting.ts";
import type { RecordBody } from "../protocol/record.ts";
import { createPeer } from "../protocol/rpc.ts";
import { MONITOR_CLI } from "../protocol/cli-side.ts";
import { MONITOR_DRIVER } from "../protocol/driver-table.ts";
import { MONITOR_FACE } from "../protocol/face-table.ts";
import { MONITOR_GATE } from "../protocol/port-gate-table.ts";
import type { Channel } from "../platform/powers.ts";
import { carrierPeers } from "./carrier-peers.ts";
import { createCliHandlers, type CliPorts } from "./cli-requests.ts";
import { createConduct } from "./conduct.ts";
import type { Conduct } from "./conduct-ports.ts";
import type { ConsoleName } from "./console-name.ts";
import { createConsoleDesk, type ConsoleDesk } from "./console.ts";
import { createCosigning, createSubmit } from "./cosigning.ts";
import type { ConnectDriver } from "./driver-pool.ts";
import { createDriverTable } from "./driver-table.ts";
import { createAsked } from "./asked-before.ts";
import { answering } from "./answering.ts";
import { keptOf } from "./erasing.ts";
import { faceHandlers } from "./face-requests.ts";
import { createInside } from "./inside.ts";
import { newlyHeld } from "./instance-view.ts";
import { createExtensionDesk } from "./extensions/desk.ts";
import { createFound } from "./found.ts";
import { inferFacts } from "./infer-facts.ts";
import { createInstances } from "./instances.ts";
import { createAway } from "./away.ts";
import { unready } from "./unready.ts";
import { createDigestPieces } from "./digest-pieces.ts";
import { createJournal } from "./journal.ts";
import { createKeeper } from "./kept-state/keeper.ts";
import { type KeptFiles, startState } from "./kept-state/start.ts";
import type { IndexView } from "./index/index-view.ts";
import type { Log } from "./log/log.ts";
import type { PolicyEngine } from "./policy/policy-engine.ts";
import { createLogins } from "./logins.ts";
import { checkText } from "./policy/check-text.ts";
import type { LogKeys } from "./log/keys.ts";
import { openMemory } from "./memory/memory.ts";
import type { Examiner } from "./memory/shelf-examiner.ts";
import type { AskShelf } from "./memory/shelf-orders.ts";
import { isAboutRecovery, viewPending } from "./recovery.ts";
import type { MonitorPowers } from "./powers.ts";
import { createReconsidering } from "./reconsider.ts";
import { StateFault } from "./reducer.ts";
import type { CodeLayout } from "./sandbox-plans.ts";
import { createAsking } from "./refreshing.ts";
import { type LateForLog, letLogFrozenGoOn } from "./going-on.ts";
import { recovering } from "./recovering.ts";
import { recordEnds, recordUnknown } from "./restart.ts";
import { createOwnerParts } from "./owner-parts.ts";
import { createEnding } from "./ending.ts";
import { createFaults } from "./refusals.ts";
import { createRetention } from "./retention.ts";
import type { RelyingParty } from "./relying-party.ts";
import { injectionsOf } from "./secrets.ts";
import type { InstanceState } from "./state.ts";
import { createStatements } from "./statements.ts";
import type { Vault } from "./vault.ts";
import { createContexts, createTelemetry, type Telemetry } from "./telemetry.ts";
import { createTrustedClock, type TrustedClock } from "./trusted-clock.ts";
import { createWatching, tellWatchers, type Watcher } from "./watching.ts";

export interface MonitorParts {
  readonly powers: MonitorPowers;
  readonly log: Log;
  readonly index: IndexView;
  /** Where the state is kept, and the keys and the name of the log that it is bound to. */
  readonly kept: { readonly files: KeptFiles; readonly keys: Pick<LogKeys, "epoch" | "key">; readonly origin: string };
  readonly engine: PolicyEngine;
  readonly vault: Vault;
  /** Keys of entries of memory, the thread that has them to read from, and another that verifies its file. */
  readonly memory: { readonly keys: LogKeys; readonly shelf: AskShelf; readonly examine: () => Examiner };
  readonly code: CodeLayout;
  readonly home: string;
  /** Where its console is found, and what passkeys are bound to. */
  readonly relyingParty: RelyingParty;
  readonly consoleName: ConsoleName;
  /** Start id of this run: 32 lower-case hex digits; the log stamps it on every record. */
  readonly start: string;
  readonly version: string;
  /** Digests for the first record: of our own code, and of the constitution's text. */
  readonly identity: { readonly code: string; readonly constitution: string; readonly node: string };
  /** Set before the first append, so that records carry trusted time. */
  useClock(clock: TrustedClock): void;
  /** Says a fault of ours or a broken peer on standard error, for whoever runs the monitor. No content of requests. */
  report(words: string): void;
  /** Where people are alerted, beside their terminals; none: nowhere else. */
  readonly alertReceivers: readonly AlertReceiver[];
  /** Ends the process; called once, after everything was stopped. */
  exit(): void;
}

export interface Monitor {
  /** Serves one command line, whose user the platform has already checked. */
  acceptCli(channel: Channel): void;
  stop(why: string): Promise<void>;
  /** Has the log looked at, with what was found of its disk without a write. */
  lookAtLog(found: Error | null): void;
}

/** Puts the monitor together and takes up where the log left off. Throws when the log holds what no monitor writes. */
export async function startMonitor(parts: MonitorParts): Promise<Monitor> {
  const { powers, log, engine, vault } = parts;
  const digest: Digest = (text) => powers.crypto.digest(text);
  const keeping = { ...powers, ...parts.kept, log, report: parts.report };
  const started = await startState(keeping);
  const { state } = started.folded;
  const asked = createAsked(digest, started.folded.asked);
  const digests = createDigestPieces(log, state);
  const trusted = createTrustedClock(powers.clock, state.highWater);
  parts.useClock(trusted);
  engine.setGrants(state.active);
  const restored = await engine.restore(state.policyText);
  if (restored.kind === "refused") {
    throw new StateFault(log.size, `the policy in force does not load: ${restored.problems[0]?.message ?? ""}`);
  }

  // Conduct and instances need each other. First of all, since records are written while memory opens.
  const late: LateForLog & { conduct?: Conduct; telemetry?: Telemetry; pages?: ConsoleDesk } = {};
  const watchers = new Set<Watcher>();
  const refused = createFaults({ ...parts, ...powers, journal: { write: (...record) => journal.write(...record) } });
  const alerts = createAlerts({ ...parts, state, refused, consoleOrigin: () => late.pages?.origin() ?? null });
  const tell = (seq: number, body: RecordBody, payload: JsonObject | null): void => {
    asked.note(body, payload);
    alerts.note(body);
    late.telemetry?.recorded();
    void keeper.recorded();
    const record = { v: 1 as const, seq, at: trusted.now(), start: parts.start, payload: null, ...body };
    digests.add(record, payload);
    if (watchers.size === 0) return;
    if (isAboutRecovery(body)) for (const watcher of watchers) watcher.send("recovering", viewPending(state));
    tellWatchers(watchers, { record, held: newlyHeld({ state, asked }, body) });
  };
  const logWorks = (): void => void letLogFrozenGoOn({ ...parts, journal, late });
  const journal = recovering(
    { ...parts, logWorks, diskIsOut: () => late.telemetry?.rest() },
    createJournal(log, { state, now: trusted.now, onRecord: tell }),
  );
  const keeper = createKeeper({ ...keeping, journal });
  await keeper.begin(started);

  const failed = (error: unknown, name: string): void => {
    parts.report(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  };
  const failedQuietly = (error: unknown): void => failed(error, "monitor");
  const connectDriver: ConnectDriver = (channel, events) => {
    const peer = createPeer(channel, {
      side: MONITOR_DRIVER,
      requests: {},
      events: { progress: events.onProgress, changed: ({ offer }) => events.onChanged(offer) },
      onFault: (fault) => refused("driver", fault),
      onError: failed,
    });
    void peer.closed.then(events.onGone);
    return peer;
  };
  const injections = (acting: InstanceState): readonly Injection[] =>
    injectionsOf({ state, vault, now: trusted.now() }, acting);
  const ask = createAsking({ powers, code: parts.code, refused: (fault) => refused("refresher", fault) });
  const logins = createLogins({ journal, vault, random: powers.random, now: trusted.now, ask });
  const memory = await openMemory({ ...powers, ...parts.memory, log, journal, trusted, report: parts.report });
  const drivers = createDriverTable(powers, {
    memory,
    journal,
    code: parts.code,
    connect: connectDriver,
    ...carrierPeers({ refused, failed }),
    logins,
    injections,
    vault,
    hear: (server, news) => hearInside(server, news),
  });

  const conductOf = (): Conduct => late.conduct ?? unready();
  const instances = createInstances({
    powers,
    journal,
    code: parts.code,
    drivers,
    frozen: memory.frozen,
    vault,
    now: trusted.now,
    admission: () => (trusted.state() === "steady" ? "open" : "closed"),
    logWorks,
    withdraw: (live, request) => conductOf().release(live, request, "withdrawn"),
    hear: (live, news) => hearInside(live, news),
    connectGate: (channel, handlers) => {
      const peer = createPeer(channel, {
        side: MONITOR_GATE,
        requests: answering(handlers),
        events: {},
        onFault: (fault) => refused("gate", fault),
        onError: failed,
      });
      return { event: (name, body) => void peer.event(name, body), close: () => peer.close() };
    },
    connectFace: (live, channel, hooks) => {
      const peer = createPeer(channel, {
        side: MONITOR_FACE,
        requests: answering(
          faceHandlers({ live, hooks, journal, drivers, conduct: conductOf(), instances, now: trusted.now }),
        ),
        events: {},
        onFault: (fault) => {
          refused("face", fault);
          const by = `broken frame: ${fault.code}`;
          void instances.terminate(live, { code: "control-verb", by, what: "face", action: null });
        },
        onError: failed,
      });
      void peer.closed.then(hooks.onGone);
      return {
        progress: (event) => void peer.event("progress", event),
        held: (token) => void peer.event("held", { token }),
        granted: (event) => void peer.event("granted", event),
        changed: () => void peer.event("changed", {}),
        close: () => peer.close(),
      };
    },
  });
  late.instances = instances;
  const hearInside = createInside({ journal, instances, timer: powers.timer, now: () => powers.clock.boot() });
  const ownPaths = [parts.home, "/run/aios", "/aios"];
  const cosigning = createCosigning({
    ...parts,
    journal,
    submit: createSubmit({ powers, code: parts.code, refused: (fault) => refused("cosigner", fault) }),
    witnesses: () => state.witnesses,
    witnessed: () => state.witnessed,
    now: trusted.now,
  });
  const telemetry = createTelemetry({ ...parts, state, failed, refused: (fault) => refused("telemetry", fault) });
  late.telemetry = telemetry;
  const retention = createRetention({ ...parts, ...powers, journal, trusted, forget: digests.forget });
  const set = { "witnesses-set": cosigning, "telemetry-set": telemetry, "retention-set": retention };
  const conduct = createConduct({
    journal,
    crypto: powers.crypto,
    clock: powers.clock,
    powers,
    trusted,
    digest,
    start: parts.start,
    ownPaths,
    facts: (live, driver) => ({
      injections: injections(live.state),
      infer: inferFacts(live, { state, instances, driver }),
    }),
    now: trusted.now,
    evaluator: () => engine.evaluator,
    witnessed: (intent, risk) =>
      state.witnesses.before === "reserved" && risk === "reserved" ? cosigning.covers(intent) : Promise.resolve(true),
    contextOf: createContexts(parts, state),
    openDriver: drivers.open,
    lookup: drivers.lookup,
    signed: drivers.signed,
    climbed: instances.terminate,
    freeze: instances.freeze,
    emit: (event) => {
      for (const watcher of watchers)
        if (watcher.instance === null || watcher.instance === event.instance) watcher.send("stage", event);
    },
  });
  late.conduct = conduct;
  const owners = createOwnerParts({ ...parts, ...powers, journal, trusted, failed: failedQuietly });
  const anew = { ...powers, state, conduct, instances, engine, now: trusted.now, drivers, failed: failedQuietly };
  const { reconsider, grantsChanged, takeUpHeld, stopStandIn } = createReconsidering(anew);
  late.reconsider = reconsider;
  const found = createFound(state, { powers, crypto: powers.crypto });
  const extensions = createExtensionDesk({ powers, journal, code: parts.code, refused, withdrawn: instances.revoked });
  const away = createAway({ journal, timer: powers.timer, trusted, grantsChanged, failed: failedQuietly });
  const statements = createStatements({
    ...parts,
    ...powers,
    journal,
    found,
    policy: () => engine.version,
    now: trusted.now,
    owners,
    effects: {
      async settle(answer) {
        const live = instances.live(answer.held.instance);
        try {
          return await conduct.settle(live, answer);
        } finally {
          if (live.agent === null) await stopStandIn(live);
        }
      },
      checkPolicy: (text) => checkText(engine, text),
      async policySet(text) {
        const result = await engine.load(text);
        // It was checked a moment ago; if it does not load now, the rules in force are not those recorded: stop.
        if (result.kind === "refused") await ending.stop("the policy that was recorded does not load");
        else reconsider();
      },
      grantsChanged,
      wentAway: away.begun,
      homeHolder: (agent) => instances.homes.holder(agent),
      homePut: ({ agent, text, path: _path }) => instances.homes.put(agent, { digest: digest(text), text }),
      homeWiped: (agent) => instances.homes.wipe(agent),
      secretChanged(secret) {
        for (const live of instances.running()) {
          if (!state.secrets.has(secret)) live.gitCarrier?.forget(secret);
          void live.carrier
            ?.renew(secret, armingsOf({ state, vault, now: trusted.now() }, live.state))
            .catch(failedQuietly);
        }
      },
      thawed(instance) {
        instances.thaw(instance);
        reconsider();
      },
      clockAccepted: trusted.accept,
      memoryErased: () => memory.store.sweep(),
      lotOf: (lot) => memory.lots.find(lot),
      checkFreeze: memory.freezing.check,
      memoryImported: memory.takeIn,
      keptOf: (seq) => keptOf(seq, { log, state }),
      erase: (seq) => log.erase([seq]).then(() => digests.forget(seq)),
      publishersSet: instances.revoked,
      settingChanged: (kind) => set[kind].changed(),
    },
  });

  await vault.keepOnly(new Set([...state.secrets.values()].map(({ commitment }) => commitment)));
  await extensions.tidy();
  await journal.write({ kind: "start", ...parts.identity, version: parts.version });
  await retention.begin();
  await keeper.ready();
  await recordUnknown(journal);
  await recordEnds(journal);
  owners.recovery.watch();
  away.watch();
  takeUpHeld();

  const ending = createEnding(powers.timer, async (why) => {
    await pages.close();
    await Promise.all([...instances.running()].map((live) => instances.end(live, "monitor-stopped")));
    await journal.write({ kind: "stop", why }).catch(() => {});
    await keeper.stop();
    telemetry.stop();
    retention.stop();
    await memory.stop().catch(() => {});
    await log.close().catch(() => {});
    parts.exit();
  });

  const pages = createConsoleDesk({ ...parts, journal, identity: parts.identity.code, watchers, refused, failed });
  late.pages = pages;
  const cliPorts: CliPorts = {
    console: pages,
    ...parts,
    journal,
    asked,
    away,
    digests,
    extensions,
    instances,
    statements,
    found,
    desk: owners.desk,
    proposed: owners.proposed,
    memory,
    keeper,
    policy: engine,
    connectDriver,
    digest,
    ownPaths,
    now: trusted.now,
    telemetry: telemetry.standing,
    retention: retention.view,
    alerts: alerts.standing,
    witnesses: cosigning.standing,
    stop: ending.asked,
  };

  return {
    acceptCli(channel) {
      const watching = createWatching(watchers);
      const peer = createPeer(channel, {
        side: MONITOR_CLI,
        requests: answering(createCliHandlers(cliPorts, { watch: (instance) => watching.watch(peer, instance) })),
        events: {},
        onFault: (fault) => refused("cli", fault),
        onError: failed,
      });
      void peer.closed.then(watching.end);
      if (state.recovery.pending !== null) peer.event("recovering", viewPending(state));
    },
    stop: ending.stop,
    lookAtLog: journal.look,
  };
}
