import { newBreaker } from "../kernel/breaker.ts";
import type { Decider } from "../protocol/record.ts";
import type { CliRequests, InstanceView, RunRequest } from "../protocol/requests.ts";
import type { Channel } from "../platform/powers.ts";
import type { SocketEnd } from "../platform/channels/socket-end.ts";
import type { WardNews } from "../platform/sandbox/supervisor-link.ts";
import { type AskedStops, createAskedStops } from "./asked-stops.ts";
import { closeEnds, prepareNetwork } from "./agent-network.ts";
import type { DriverTable } from "./driver-table.ts";
import { type FaceHooks, startFace } from "./face-start.ts";
import { Refusal, REFUSALS } from "./faults.ts";
import { createHomeDesk, type HomeDesk } from "./home-desk.ts";
import type { FrozenTexts } from "./memory/frozen.ts";
import { viewInstances } from "./instance-view.ts";
import { type PublishedPorts, publishPorts } from "./published.ts";
import { tellLimit, endInTime, grantedDevices, grantedLimits, lessDevices, type LimitPorts } from "./limits.ts";
import { type Climb, type FacePort, forgottenState, type LiveInstance, newLive } from "./live.ts";
import { EVERY_SOURCE } from "../kernel/memory-sources.ts";
import { createSeen, sourcesAbove } from "./provenance.ts";
import { enlist } from "./parts.ts";
import { RESTARTED } from "./reducer.ts";
import { isLess, leastSandbox } from "./sandbox-grant.ts";
import { ancestryBelow, isAskedEnd, refuseWider, refuseWorkspace, startFailure } from "./run-refusals.ts";
import { freezeUnasked } from "./freezing.ts";
import type { OwingJournal } from "./journal.ts";
import { untilRecorded, untilTold, writeUntilKept } from "./stopping.ts";
import { stoppedBy } from "./subjects.ts";
import { refuseWhileAll } from "./thaw-statements.ts";
import { overruledIn, planAgent } from "./sandbox-plans.ts";
import type { HeldState, InstanceState } from "./state.ts";
import type { Vault } from "./vault.ts";
import { endStorage, startStorage } from "./storage-start.ts";

/** How long what an agent left open when it ended by itself may take to end in order, before it is cut. Milliseconds. */
const DRAIN_MS = 300;
/** How long an end waits for what its servers did, and its news for the outcomes of calls that were cut. Milliseconds. */
const RECORDED_MS = 5000;
const STOP_MOVED = "Run `aios serve --stop --home DIR` with the place where it is now, then start again.";

export interface Instances extends AskedStops {
  run(request: RunRequest): Promise<CliRequests["run"]["ok"]>;
  /** Resolves when the instance has ended, however. */
  wait(instance: string): Promise<InstanceState>;
  list(all: boolean): readonly InstanceView[];
  /** Cuts admission and network and stops every process of it and of all below it; resolves with the record. */
  freeze(live: LiveInstance, why: { readonly by: Decider; readonly code: string }): Promise<void>;
  /** Ends it, its drivers and its face; what it waits for is withdrawn. */
  end(live: LiveInstance, why: string): Promise<void>;
  /** TERMINAL: cut, killed, tombstoned, in that order and before anything is awaited. */
  terminate(live: LiveInstance, climb: Climb): Promise<void>;
  /** The live side of an instance; of one that a restart ended, made anew so that its held actions can be settled. */
  live(instance: string): LiveInstance;
  /** The live side, or one that stands in for an instance that is gone: enough to end what it left held. Never throws. */
  standIn(held: HeldState): LiveInstance;
  /** After a grant was revoked: what runs on it stops. */
  revoked(): Promise<void>;
  /** The homes that instances have. */
  readonly homes: HomeDesk;
  /** Whether an instance or one above it has its workspace in its own sandbox: its user's data, whatever its labels say. */
  seesWorkspace(live: LiveInstance): boolean;
  /** Only those with processes. */
  running(): Iterable<LiveInstance>;
}

export interface InstancePorts extends PublishedPorts {
  readonly journal: OwingJournal;
  readonly drivers: DriverTable;
  readonly vault: Pick<Vault, "placeholder">;
  readonly frozen: Pick<FrozenTexts, "given">;
  /** The clock jumped and nobody has said which time it is. */
  admission(): "open" | "closed";
  /** What happens inside an agent's sandbox. */
  hear(live: LiveInstance, news: WardNews): void;
  connectFace(live: LiveInstance, channel: Channel, hooks: FaceHooks): FacePort;
  withdraw(live: LiveInstance, request: string): Promise<void>;
  /** The log takes records: who stands still for it alone goes on. */
  logWorks(): void;
}

export function createInstances(ports: InstancePorts): Instances {
  const { powers, journal, drivers, code } = ports;
  const homes = createHomeDesk({ powers, journal, frozen: ports.frozen, freeze: (live, why) => api.freeze(live, why) });
  const lives = new Map<string, LiveInstance>();
  /** Those that `terminate` finishes, after its record: nobody is told of such an end before the log knows of it. */
  const claimed = new WeakSet<LiveInstance>();
  const waiters = new Map<string, ((state: InstanceState) => void)[]>();
  /** Gone, and the record that says how is still being written. */
  const ending = new Set<string>();

  function find(instance: string): InstanceState {
    const state = journal.state.instances.get(instance);
    if (state === undefined)
      throw new Refusal("unknown-instance", `There is no instance "${instance}".`, "Run `aios ps --all`.");
    return state;
  }

  function stopProcesses(live: LiveInstance): void {
    live.over = true;
    live.agent?.kill();
    live.published?.kill();
    live.face?.port.close();
    drivers.stopAll(live);
    // The storage device ends by itself, when it has noted how everything was left.
    for (const sandbox of live.parts.keys()) if (sandbox !== live.storage?.process) sandbox.kill();
    closeEnds(live);
  }

  async function finish(
    live: LiveInstance,
    end: { readonly why: string; readonly exit: number | null },
  ): Promise<void> {
    const { instance } = live.state;
    if (!lives.delete(instance)) return;
    ending.add(instance);
    const byItself = end.why === "exited" && live.state.life === "running";
    if (byItself) live.over = true;
    else stopProcesses(live);
    const children = below(live);
    // Nothing of the agent is left; what it had open ends over there as it left it, and says how.
    const cut = byItself ? untilRecorded(live, DRAIN_MS, ports).then(() => stopProcesses(live)) : Promise.resolve();
    const told = cut.then(() => untilTold(live, RECORDED_MS, ports));
    // Otherwise a record says it already.
    if (live.state.life === "running" || live.state.life === "frozen") {
      live.state.life = "ended";
      live.recorded = told.then(() => writeUntilKept(ports, { kind: "instance-ended", instance, ...end }));
    }
    await Promise.all([...children.map((child) => finish(child, { why: "ancestor-ended", exit: null })), cut]);
    const stored = endStorage(live, powers);
    await Promise.all([told, live.recorded]);
    for (const request of live.waiting.keys()) await ports.withdraw(live, request);
    await stored;
    await untilRecorded(live, RECORDED_MS, ports);
    await powers.removeSocketFolder(instance).catch(() => {});
    // Only when nothing of it runs any more: whoever gets the home next has it alone.
    if (live.sandbox.home !== null) await live.agent?.ended.catch(() => {});
    homes.close(instance);
    ending.delete(instance);
    for (const answer of waiters.get(instance) ?? []) answer(live.state);
    waiters.delete(instance);
  }

  function below(live: LiveInstance): readonly LiveInstance[] {
    return [...lives.values()].filter((each) => each.state.ancestry.includes(live.state.instance));
  }

  function refuseStopped(state: InstanceState): void {
    const stopped = stoppedBy(journal.state, state);
    if (stopped !== null) throw new Error(`it was stopped while it started: ${stopped}`);
  }

  const limitPorts: LimitPorts = {
    timer: powers.timer,
    write: (body) => journal.write(body),
    end: (live, why) => finish(live, { why, exit: null }),
  };

  const api: Instances = {
    async run(request) {
      if (!powers.homeStands()) throw new Refusal("home-moved", REFUSALS["home-moved"], STOP_MOVED);
      if (ports.admission() === "closed") {
        throw new Refusal(
          "clock-jumped",
          "The clock jumped; nothing starts until an owner says which time it is.",
          "Run `aios doctor`.",
        );
      }
      refuseWhileAll(journal.state);
      if (journal.state.tombstones.has(request.agent)) {
        const { code: why, instance } = journal.state.tombstones.get(request.agent) ?? { code: "", instance: "" };
        throw new Refusal(
          "agent-tombstoned",
          `Agent "${request.agent}" was ended for good by ${why} in ${instance}.`,
          `An owner may start it again: aios thaw --agent ${request.agent}`,
        );
      }
      const ancestry = request.parent === null ? [] : ancestryBelow(find(request.parent));
      const chain = [request.agent, ...ancestry.map((id) => find(id).agent)];
      const sandbox = leastSandbox(journal.state, { ...request, ancestry }, ports.now());
      const { mode, programs } = sandbox;
      const limits = grantedLimits(journal.state, chain, ports.now());
      const devices = grantedDevices(journal.state, chain, ports.now());
      for (const path of request.code) {
        const problem = await powers.codeProblem(path);
        if (problem !== null) throw new Refusal("workspace", problem.message, problem.hint);
      }
      if (request.workspace !== null) {
        for (const id of ancestry) refuseWider(request.workspace, find(id));
        await refuseWorkspace(request.workspace, sandbox, powers);
      }
      const streams = await powers.takeStreams(request.streams);
      if (streams === null)
        throw new Refusal("streams", "The terminal was not handed over.", "Start the agent with `aios run`.");
      const instance = `i-${powers.random.hex(8)}`;
      try {
        await journal.write(
          { kind: "instance-started", instance, agent: request.agent, ancestry },
          {
            command: request.command,
            // All that starting it again needs.
            environment: request.environment,
            code: request.code,
            workspace: request.workspace,
            strict: request.strict,
            holdAt: request.holdAt,
            holdSeconds: request.holdSeconds,
            words: request.task === null ? [] : [request.task],
          },
        );
        const state = find(instance);
        const seen = createSeen(state.words, sourcesAbove(ancestry, lives));
        const live = newLive(state, { breaker: newBreaker(request.strict), seen });
        lives.set(instance, live);
        live.sandbox = sandbox;
        live.devices = devices;
        live.output = limits.output;
        const opened: SocketEnd[] = [];
        let overruled: readonly string[] = [];
        try {
          if (devices.length > 0) {
            await journal.write({ kind: "devices-passed", instance, agent: request.agent, devices });
          }
          const inherited = ancestry.flatMap((id) => find(id).labels);
          if (inherited.length > 0) {
            await journal.write({ kind: "labelled", instance, labels: [...new Set(inherited)], because: "delegated" });
          }
          refuseStopped(state);
          const home = sandbox.home === null ? null : await homes.open(live, sandbox.home);
          powers.expectAgent();
          const sockets = await powers.makeSocketFolder(instance);
          // Ahead of need and beside the face: an agent asks for its tools first of all. A driver that fails here is
          // tried again when it is called, and the failure shows then.
          void drivers.openAll(live).catch(() => {});
          const visits = await publishPorts(live, chain, ports);
          if (visits !== null) opened.push(visits);
          const net = prepareNetwork(live, { state: journal.state, now: ports.now(), powers, vault: ports.vault });
          if (net.listener !== null) opened.unshift(net.listener.launcher);
          const onFault = (): void => void finish(live, { why: "storage-gone", exit: null });
          const storage = startStorage(live, { powers, code, onFault });
          const face = startFace(live, {
            powers,
            code,
            sockets,
            listener: net.listener?.face ?? null,
            forwards: net.forwards,
            injectors: net.injectors,
            connect: ports.connectFace,
            // Without its face an agent has no way to act; it ends rather than runs unheard.
            onGone: () => {
              if (live.agent !== null && !claimed.has(live)) void finish(live, { why: "face-gone", exit: null });
            },
          });
          const others = Promise.all([face, storage.stands]).then(() => refuseStopped(state));
          others.catch(() => {}); // the agent's start says so
          const spec = planAgent(code, {
            command: request.command,
            environment: { ...request.environment, ...net.secrets },
            terminal: streams.terminal,
            workspace: request.workspace === null ? null : { host: request.workspace, mode },
            code: request.code,
            programs,
            home,
            sockets,
            network: net.network,
            formats: net.formats,
            forwards: net.forwards,
            git: net.git,
            published: visits !== null,
            limits,
            devices,
          });
          overruled = overruledIn(spec, request.environment);
          const start = () =>
            powers.startAgent(spec, {
              streams,
              hear: (news) => ports.hear(live, news),
              after: others,
              bounds: { cpuSeconds: limits.cpu, writtenBytes: limits.disk },
              reached: (reached) => tellLimit(live, reached, limitPorts),
              ends: opened,
              device: live.storageEnd,
            });
          live.agent = await enlist(live, "agent", start).catch(async (error: unknown) => {
            await others;
            throw error;
          });
        } catch (error) {
          live.storageEnd?.close();
          const stopped = stoppedBy(journal.state, state);
          await finish(live, { why: "not-started", exit: null });
          refuseWhileAll(journal.state);
          // Somebody ended it: that is how it ended, and no fault of its start.
          if (isAskedEnd(state)) return { instance, output: limits.output, overruled };
          throw startFailure(error, stopped);
        } finally {
          for (const end of opened) end.close();
          live.storageEnd?.close();
        }
        const { agent } = live;
        homes.watch(live);
        void agent.ended.then(endInTime(live, limits.wall, limitPorts));
        void agent.ended.then(({ code: exit }) =>
          claimed.has(live) ? undefined : finish(live, { why: live.unstarted ?? "exited", exit }),
        );
        // Killed or cut while it was starting: nothing of it may stay.
        if (stoppedBy(journal.state, state) !== null) stopProcesses(live);
        return { instance, output: limits.output, overruled };
      } finally {
        streams.release();
      }
    },

    async wait(instance) {
      const state = find(instance);
      if (!lives.has(instance) && !ending.has(instance)) return state;
      return new Promise((resolve) => waiters.set(instance, [...(waiters.get(instance) ?? []), resolve]));
    },

    list(all) {
      const { instances, held } = journal.state;
      const shown = [...instances.values()].filter(({ life }) => all || life === "running" || life === "frozen");
      return viewInstances(shown, held);
    },

    freeze: (live, why) => freezeUnasked({ live, children: below(live) }, why, ports),

    ...createAskedStops({
      lives,
      below,
      ports,
      end: (live, why) => void finish(live, { why, exit: null }),
    }),

    end: (live, why) => finish(live, { why, exit: null }),

    async terminate(live, climb) {
      const { instance, agent } = live.state;
      live.state.life = "terminal";
      live.state.why = climb.code;
      // In memory before the record, like a freeze: a log that fails must not let it start again.
      journal.state.tombstones.set(agent, { code: climb.code, instance });
      stopProcesses(live);
      // Every other instance of that agent, and all below any of them, in the same turn.
      const others = [...lives.values()].filter((each) => each !== live && each.state.agent === agent);
      const cut = new Set([...others, ...[live, ...others].flatMap(below)]);
      for (const each of [live, ...cut]) claimed.add(each);
      for (const each of cut) stopProcesses(each);
      const said = { what: climb.what, ...(climb.action === null ? {} : { action: climb.action }) };
      await writeUntilKept(ports, { kind: "terminal", instance, agent, code: climb.code, by: climb.by }, said);
      await Promise.all([
        finish(live, { why: climb.code, exit: null }),
        ...[...cut].map((each) => finish(each, { why: "agent-terminal", exit: null })),
      ]);
    },

    async revoked() {
      // All of them first: to end one instance takes a while, in which nothing else may go on with what was taken.
      for (const live of lives.values()) {
        drivers.stopUndeclared(live);
        drivers.cutRevoked(live);
        live.published?.refresh();
      }
      for (const live of lives.values()) {
        const chain = [live.state.agent, ...live.state.ancestry.map((id) => find(id).agent)];
        const less =
          isLess(leastSandbox(journal.state, live.state, ports.now()), live.sandbox) ||
          lessDevices(live, grantedDevices(journal.state, chain, ports.now()));
        if (less) await finish(live, { why: "revoked", exit: null });
      }
    },

    standIn(held) {
      const found = lives.get(held.instance);
      if (found !== undefined) return found;
      const state = journal.state.instances.get(held.instance) ?? forgottenState(held);
      return newLive(state, { breaker: newBreaker(false), seen: createSeen([], [EVERY_SOURCE]) });
    },

    live(instance) {
      const found = lives.get(instance);
      if (found !== undefined) return found;
      const state = find(instance);
      if (state.why !== RESTARTED)
        throw new Refusal("unknown-instance", `Instance ${instance} has ended.`, "Run `aios ps`.");
      // What it had seen went with the monitor that it ran under.
      return newLive(state, { breaker: newBreaker(state.strict), seen: createSeen(state.words, [EVERY_SOURCE]) });
    },

    homes,
    running: () => lives.values(),

    seesWorkspace: (live) =>
      [live, ...live.state.ancestry.map((id) => lives.get(id))].some(
        (each) => each !== undefined && each.sandbox.mode !== "none",
      ),
  };
  return api;
}
