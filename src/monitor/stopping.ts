import type { Decider, RecordBody } from "../protocol/record.ts";
import type { JsonObject } from "../kernel/json.ts";
import { STOP_PARTS, type Part, type StoppedInstance, type StoppedPart } from "../protocol/stop-report.ts";
import type { SandboxedProcess } from "../platform/powers.ts";
import type { Standing } from "../platform/sandbox/sandbox-stop.ts";
import type { OwingJournal } from "./journal.ts";
import type { LiveInstance } from "./live.ts";
import { isFrozenForLog, LOG_UNAVAILABLE } from "./log-freeze.ts";
import type { MonitorPowers } from "./powers.ts";

/** What has not stopped within this is said to be unconfirmed, and ended where a freeze cannot hold it. Milliseconds. */
const CONFIRM_MS = 2000;
/** What is to end and does not stand still within this is killed as it runs. Milliseconds. */
const HOLD_MS = 1000;
/** How long what carries the network may take to say that it closed everything, before it is killed instead. */
const CUT_MS = 300;
/** Parts that others wait for: they stand still last, so that what waits for them can come to a standstill. */
const SERVE: ReadonlySet<Part> = new Set(["broker", "injector", "courier", "storage"]);
/** Parts through which an instance reaches the network. */
const CARRY: ReadonlySet<Part> = new Set(["broker", "injector", "courier"]);

export interface StoppingPorts {
  readonly powers: Pick<MonitorPowers, "stops" | "clock" | "timer">;
  readonly journal: OwingJournal;
}

/** Milliseconds since a stop was asked for. */
export type Since = () => number;

/** Begins to count. */
export function countFrom(clock: MonitorPowers["clock"]): Since {
  const begun = clock.micros();
  return () => Math.ceil((clock.micros() - begun) / 1000);
}

/** Writes a record that must come to be: what it says is in force already, in memory. False when it had to wait. */
export function writeUntilKept(
  { journal }: Pick<StoppingPorts, "journal">,
  body: RecordBody,
  payload: JsonObject | null = null,
): Promise<boolean> {
  return journal.write(body, payload).then(
    () => true,
    () => {
      journal.owe(body, payload);
      return false;
    },
  );
}

/** A freeze that has begun. */
export interface Freezing {
  /** The records are durable, or wait for the log to work again. */
  readonly recorded: Promise<void>;
  readonly report: Promise<readonly StoppedInstance[]>;
}

/**
 * Freezes instances together: admission and network are cut and every process is told to stop before this returns, the record
 * follows (a log that fails cannot delay a stop), and everything is looked at until it was seen to stand still. Those
 * that are frozen already are looked at again.
 */
export function freezeTogether(
  frozen: readonly { readonly live: LiveInstance; readonly by: Decider; readonly code: string }[],
  ports: StoppingPorts,
  since: Since = countFrom(ports.powers.clock),
): Freezing {
  const lives = frozen.map(({ live }) => live);
  const fresh = frozen.filter(({ live }) => live.state.life === "running");
  // One that stood still for the log alone has a reason now that does not lift by itself.
  const more = frozen.filter(({ live, code }) => isFrozenForLog(live.state) && code !== LOG_UNAVAILABLE);
  for (const { live, code } of [...fresh, ...more]) {
    live.state.life = "frozen";
    live.state.why = code;
  }
  const admission = since();
  const cuts = cutAll(fresh.map(({ live }) => live));
  const held = ports.powers.stops.hold(lives.flatMap(firstOf), CONFIRM_MS);
  for (const { live, by, code } of [...fresh, ...more]) {
    const { instance } = live.state;
    live.recorded = writeUntilKept(ports, { kind: "instance-frozen", instance, by, code });
  }
  const recorded = lives.map((live) => live.recorded.then((kept) => (kept ? since() : null)));
  const looked = lookAfter(lives, { ports, since, cuts, held, ms: CONFIRM_MS });
  for (const live of lives) live.stopping = looked.catch(() => {});
  const report = Promise.all([looked, Promise.all(recorded)]).then(([{ standing, closed }, kept]) =>
    lives.map((live, index) =>
      reportOf(live, {
        standing,
        left: "still",
        admission,
        network: closed.get(live) ?? null,
        recorded: kept[index] ?? null,
      }),
    ),
  );
  report.catch(() => {}); // nobody asks for it when the monitor itself froze them
  return { recorded: Promise.all(recorded).then(() => undefined), report };
}

/** Ends what each of them has with the network. */
function cutAll(lives: readonly LiveInstance[]): ReadonlyMap<LiveInstance, Promise<void>> {
  const cuts = new Map(lives.map((live) => [live, cutNetwork(live)]));
  for (const cut of cuts.values()) cut.catch(() => {}); // looked at by whoever sees that the network is closed
  return cuts;
}

async function cutNetwork({ carrier, gitCarrier }: LiveInstance): Promise<void> {
  await Promise.all([carrier?.cut(), gitCarrier?.cut()]);
}

interface Looked {
  readonly standing: ReadonlyMap<SandboxedProcess, Seen>;
  readonly closed: ReadonlyMap<LiveInstance, number | null>;
}

interface Seen extends Standing {
  readonly part: Part;
  readonly live: LiveInstance;
}

async function lookAfter(
  lives: readonly LiveInstance[],
  stop: {
    readonly ports: StoppingPorts;
    readonly since: Since;
    readonly cuts: ReadonlyMap<LiveInstance, Promise<void>>;
    readonly held: ReturnType<MonitorPowers["stops"]["hold"]>;
    /** How long they may take to stand still. */
    readonly ms: number;
  },
): Promise<Looked> {
  const { ports, since, cuts, ms } = stop;
  const { stops, timer } = ports.powers;
  const parts = new Map<SandboxedProcess, { readonly part: Part; readonly live: LiveInstance }>();
  const enter = (): void => {
    for (const live of lives) for (const [sandbox, part] of live.parts) parts.set(sandbox, { part, live });
  };
  enter();
  const [closed] = await Promise.all([
    // The clock of a cut runs from when nothing of an agent takes the processor from what is to say that it did.
    stop.held.then(() => closeNetwork(lives, { ports, since, cuts })),
    orLate(Promise.all(lives.map(({ starts }) => Promise.allSettled(starts))), { timer, ms: CONFIRM_MS }),
  ]);
  enter();
  const standing = new Map(await stops.hold([...parts.keys()], ms));
  // What cannot be held still is ended.
  const wild = [...standing].filter(([, { reached }]) => !reached).map(([sandbox]) => sandbox);
  for (const sandbox of wild) sandbox.kill();
  for (const [sandbox, seen] of await stops.seeGone(wild, CUT_MS)) standing.set(sandbox, seen);
  const now = since();
  const first = await stop.held;
  const seen = new Map<SandboxedProcess, Seen>();
  for (const [sandbox, place] of parts) {
    const found = standing.get(sandbox) ?? { processes: 0, reached: false, ms: 0 };
    const early = first.get(sandbox);
    seen.set(sandbox, { ...place, ...found, ms: early?.reached === true ? early.ms : now });
  }
  return { standing: seen, closed };
}

/**
 * Sees that nothing of these instances is connected any more: what carries the network says so of itself, and the kernel says it
 * of the broker, which reads what strangers send. Where either is missing both are killed. When, by instance.
 */
async function closeNetwork(
  lives: readonly LiveInstance[],
  {
    ports,
    since,
    cuts,
  }: {
    readonly ports: StoppingPorts;
    readonly since: Since;
    readonly cuts: ReadonlyMap<LiveInstance, Promise<void>>;
  },
): Promise<ReadonlyMap<LiveInstance, number | null>> {
  const { stops, timer } = ports.powers;
  const said = new Map<LiveInstance, boolean>();
  const saying = lives.map(async (live) => {
    await cuts.get(live);
    said.set(live, true);
  });
  await orLate(Promise.allSettled(saying), { timer, ms: CUT_MS });
  const brokers = lives.flatMap((live) => sandboxesOf(live, ["broker"]));
  const left = stops.connections(brokers);
  const doomed = lives.filter(
    (live) => said.get(live) !== true || sandboxesOf(live, ["broker"]).some((broker) => left.get(broker) !== 0),
  );
  const killed = doomed.flatMap((live) => sandboxesOf(live, [...CARRY]));
  for (const live of doomed) {
    live.carrier?.stop();
    live.gitCarrier?.stop();
  }
  for (const sandbox of killed) sandbox.kill();
  // With the processor taken by others, what was killed has to wait for its turn to be gone.
  const gone = await stops.seeGone(killed, CONFIRM_MS);
  return new Map(
    lives.map((live) => {
      const carriers = sandboxesOf(live, [...CARRY]);
      return [live, carriers.every((each) => gone.get(each)?.reached !== false) ? since() : null] as const;
    }),
  );
}

/**
 * Ends instances together, for reasons that their records give, and lets `end` finish each of them. They are held still first, as in a freeze that nobody can lift: what stands
 * still acts no more from that moment, while the kernel takes a second and more to give back the memory of many. When nothing
 * acts any more, or cannot be held, they are killed and seen to be gone.
 */
export async function endTogether(
  ended: readonly { readonly live: LiveInstance; readonly why: string }[],
  end: (live: LiveInstance) => void,
  ports: StoppingPorts,
): Promise<readonly StoppedInstance[]> {
  const { stops } = ports.powers;
  const since = countFrom(ports.powers.clock);
  const lives = ended.map(({ live }) => live);
  const running = lives.filter(({ state }) => state.life === "running");
  const open = ended.filter(({ live: { state } }) => state.life === "running" || state.life === "frozen");
  for (const { live, why } of open) {
    live.state.life = "ended";
    live.state.why = why;
  }
  // What comes to be from now on is killed as it comes.
  for (const live of lives) live.over = true;
  const admission = since();
  const cuts = cutAll(running);
  const held = stops.hold(lives.flatMap(firstOf), HOLD_MS);
  for (const { live, why } of open) {
    const { instance } = live.state;
    live.recorded = writeUntilKept(ports, { kind: "instance-ended", instance, why, exit: null });
  }
  const recorded = lives.map((live) => live.recorded.then((kept) => (kept ? since() : null)));
  const looking = lookAfter(lives, { ports, since, cuts, held, ms: HOLD_MS });
  for (const live of lives) live.stopping = looking.then(noop, noop);
  // One that is still starting has nothing to be held, and its start would wait for what stands still.
  for (const live of lives) if (live.agent === null) end(live);
  const { standing, closed } = await looking.finally(() => {
    for (const live of lives) end(live);
  });
  const begun = since();
  const all = new Map(standing);
  for (const live of lives)
    for (const [sandbox, part] of live.parts)
      if (!all.has(sandbox)) all.set(sandbox, { part, live, processes: 0, reached: false, ms: 0 });
  const gone = await stops.seeGone([...all.keys()], CONFIRM_MS);
  const seen = new Map<SandboxedProcess, Seen>();
  for (const [sandbox, before] of all) {
    const { processes, reached, ms } = gone.get(sandbox) ?? { processes: 0, reached: false, ms: 0 };
    seen.set(sandbox, before.reached ? { ...before, processes } : { ...before, processes, reached, ms: begun + ms });
  }
  const kept = await Promise.all(recorded);
  return lives.map((live, index) =>
    reportOf(live, {
      standing: seen,
      left: "ending",
      admission,
      network: closed.get(live) ?? null,
      recorded: kept[index] ?? null,
    }),
  );
}

function noop(): void {}

function reportOf(
  live: LiveInstance,
  found: {
    readonly standing: ReadonlyMap<SandboxedProcess, Seen>;
    /** What is said of a part that acts no more and has processes left. */
    readonly left: "still" | "ending";
    readonly admission: number;
    readonly network: number | null;
    readonly recorded: number | null;
  },
): StoppedInstance {
  const { instance, agent, life: now } = live.state;
  const life = now === "ended" || now === "terminal" ? "ended" : "frozen";
  const mine = [...found.standing.values()].filter((each) => each.live === live);
  const parts = STOP_PARTS.flatMap((part): readonly StoppedPart[] => {
    const seen = mine.filter((each) => each.part === part);
    if (seen.length === 0) return [];
    const processes = seen.reduce((sum, each) => sum + each.processes, 0);
    const state = !seen.every(({ reached }) => reached) ? "unconfirmed" : processes === 0 ? "gone" : found.left;
    return [{ part, state, sandboxes: seen.length, processes, ms: Math.ceil(Math.max(...seen.map(({ ms }) => ms))) }];
  });
  const { admission, recorded } = found;
  const network = found.network === null ? null : Math.ceil(found.network);
  const starting = live.starts.size;
  const confirmed =
    network !== null && recorded !== null && starting === 0 && parts.every(({ state }) => state !== "unconfirmed");
  return { instance, agent, life, confirmed, admission, network, parts, starting, recorded };
}

/** After an owner signed for it: what serves others goes on first. */
export function letGoOn(lives: readonly LiveInstance[], { powers }: Pick<StoppingPorts, "powers">): void {
  powers.stops.letGo(
    lives.flatMap((live) =>
      sandboxesOf(
        live,
        STOP_PARTS.filter((part) => part !== "agent"),
      ),
    ),
  );
  powers.stops.letGo(lives.flatMap((live) => sandboxesOf(live, ["agent"])));
  // A driver that would have begun meanwhile did not, and is missing in a list that was made then.
  for (const { face } of lives) face?.port.changed();
}

function firstOf(live: LiveInstance): readonly SandboxedProcess[] {
  return sandboxesOf(
    live,
    STOP_PARTS.filter((part) => !SERVE.has(part)),
  );
}

function sandboxesOf(live: LiveInstance, wanted: readonly Part[]): readonly SandboxedProcess[] {
  return [...live.parts].filter(([, part]) => wanted.includes(part)).map(([sandbox]) => sandbox);
}

/** Waits until what came of every call of an instance is on record, but no longer than this. Milliseconds. */
export function untilRecorded(live: LiveInstance, ms: number, { powers }: StoppingPorts): Promise<void> {
  const calls = [...live.running.values()].map(({ recorded }) => recorded);
  return calls.length === 0 ? Promise.resolve() : orLate(Promise.all(calls), { timer: powers.timer, ms });
}

/** Waits until what was done in its servers' sandboxes, which were killed, was heard, but no longer than this. Milliseconds. */
export function untilTold(live: LiveInstance, ms: number, { powers }: Pick<StoppingPorts, "powers">): Promise<void> {
  const servers = sandboxesOf(live, ["driver"]).map(({ ended }) => ended);
  return servers.length === 0 ? Promise.resolve() : orLate(Promise.allSettled(servers), { timer: powers.timer, ms });
}

/** Waits for something, but no longer than this. */
async function orLate(
  promise: Promise<unknown>,
  { timer, ms }: { readonly timer: MonitorPowers["timer"]; readonly ms: number },
): Promise<void> {
  const late = Promise.withResolvers<void>();
  const cancel = timer.after(ms, late.resolve);
  await Promise.race([promise, late.promise]);
  cancel();
}
