import type { DriverSource } from "../kernel/grant.ts";
import type { JsonObject } from "../kernel/json.ts";
import { isEnding } from "../kernel/sandbox-limits.ts";
import type { Timer } from "../platform/powers.ts";
import type { WardNews } from "../platform/sandbox/supervisor-link.ts";
import type { Offer } from "../protocol/requests.ts";
import type { ServerClimb } from "../protocol/server-climb.ts";
import { createBegun } from "./begun.ts";
import { type createDriverPool, within } from "./driver-pool.ts";
import { Refusal } from "./faults.ts";
import { countRefused, REFUSED_IN_SPAN } from "./inside.ts";
import type { Journal } from "./journal.ts";
import type { ReachedLimit } from "./limits.ts";

/** How long a server that was asked may take to be gone, milliseconds; killed, it takes some twenty. */
const GONE_MS = 10_000;

interface ProbePorts {
  readonly pool: ReturnType<typeof createDriverPool>;
  readonly journal: Pick<Journal, "write">;
  readonly timer: Timer;
  readonly workspace: string | null;
}

/** For what a server is not to be signed for. */
interface Climbed {
  readonly code: ServerClimb;
  /** The call, where it was one. */
  readonly call: string | null;
}

/**
 * Starts a server that nobody has signed for, to ask what it offers, and ends it. What it does meanwhile is on record before
 * this resolves. Throws Refusal `driver` when it does not say what it offers, and when it made a prohibited system call or
 * hundreds that are refused, or was ended over a limit, which is recorded; rejects when what it did cannot be written.
 */
export async function probeServer(
  name: string,
  source: DriverSource,
  { pool, journal, timer, workspace }: ProbePorts,
): Promise<{ readonly pin: string; readonly offer: Offer }> {
  const begun = createBegun();
  const inside = hearProbe(name, { journal, end: begun.end });
  const asked = await pool
    .start(name, source, {
      workspace,
      storage: null,
      events: { onProgress() {}, onChanged() {}, onGone() {} },
      enlist: (begin) => begun.take(begin()),
      hear: inside.hear,
      reached: inside.reached,
    })
    .then(
      ({ pin, offer }) => ({ kind: "said", pin, offer }) as const,
      (error: unknown) => ({ kind: "failed", error }) as const,
    );
  begun.end();
  // What it did last is looked at too, before anybody can sign for it.
  const waiting = { ms: GONE_MS, what: `Cannot probe server "${name}": it does not end`, promise: begun.gone() };
  await within({ timer }, waiting);
  const climb = await inside.climbed();
  if (climb !== null) {
    const { code, call } = climb;
    await journal.write({ kind: "refused", peer: "server", code, what: call === null ? name : `${name}: ${call}` });
    throw refusal(
      name,
      call === null
        ? "it made hundreds of system calls that are refused"
        : `it made the prohibited system call ${call}`,
    );
  }
  const limit = inside.ended();
  if (limit !== null) throw refusal(name, `it reached its limit of ${limit.limit}, ${limit.most}, and was ended`);
  if (asked.kind === "said") return { pin: asked.pin, offer: asked.offer };
  const { error } = asked;
  if (error instanceof Refusal) throw error;
  throw refusal(name, error instanceof Error ? error.message : "it failed");
}

function refusal(name: string, why: string): Refusal {
  return new Refusal(
    "driver",
    `Cannot probe server "${name}": ${why}.`,
    "Check its command and its code; an extension brings all that it needs itself.",
  );
}

/** Takes down what the supervisor reports of such a server, for which there is no instance yet. */
function hearProbe(
  driver: string,
  { journal, end }: { readonly journal: Pick<Journal, "write">; end(): void },
): {
  hear(news: WardNews): void;
  reached(reached: ReachedLimit): void;
  /** Resolves when all that was heard is on record; rejects when it cannot be. */
  climbed(): Promise<Climbed | null>;
  /** The limit that it was ended over. */
  ended(): ReachedLimit | null;
} {
  const writes: Promise<number>[] = [];
  let refused = 0;
  let climb: Climbed | null = null;
  let over: ReachedLimit | null = null;
  const keep = (written: Promise<number>): void => {
    written.catch(() => {}); // `climbed` says so
    writes.push(written);
  };
  const record = (count: number, calls: { readonly [call: string]: number }, payload: JsonObject): void =>
    keep(journal.write({ kind: "probe-observed", driver, count, calls }, payload));
  return {
    hear(news) {
      if (news.event === "started")
        record(news.programs.length, {}, { programs: news.programs.map((program) => ({ ...program })) });
      else if (news.event === "refused") {
        record(0, news.calls, { examples: news.examples.map((example) => ({ ...example })) });
        refused += countRefused(news.calls);
        if (refused < REFUSED_IN_SPAN) return;
        climb ??= { code: "refused-calls", call: null };
        end();
      } else if (news.event === "terminal") climb ??= { code: "prohibited-call", call: news.call };
    },
    reached(reached) {
      const { limit, most } = reached;
      if (isEnding(limit)) over ??= reached;
      keep(journal.write({ kind: "refused", peer: "server", code: `limit-${limit}`, what: `${driver}: ${most}` }));
    },
    ended: () => over,
    async climbed() {
      await Promise.all(writes);
      return climb;
    },
  };
}
