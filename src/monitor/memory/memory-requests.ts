import { BUDGETED, isOfContext } from "../../kernel/memory-budget.ts";
import { canBeQuarantined, type Quarantine } from "../../kernel/memory-quarantine.ts";
import type { Snapshot } from "../../kernel/memory-snapshots.ts";
import type { EntryView, HoldingView, MemoryRequests, SnapshotView, TakenCount } from "../../protocol/memory-table.ts";
import { Refusal } from "../faults.ts";
import type { Journal } from "../journal.ts";
import type { Instances } from "../instances.ts";
import type { IndexView } from "../index/index-view.ts";
import type { Log } from "../log/log.ts";
import { exportEntries } from "./exporting.ts";
import { MemoryFault, type MemoryFaultCode } from "./fault.ts";
import type { Memory } from "./memory.ts";
import { openProposals } from "./proposals.ts";
import { countTaken } from "./taken.ts";
import { twinsOf } from "./twins.ts";
import { verifyMemory } from "./verifying.ts";
import type { Recalled } from "./store.ts";

/** Entries that one answer has; the command line asks on. */
const PAGE = 50;
/** Entries that are read before others have their turn: a read takes no other thread, and tens of microseconds. */
const STRIDE = 16;

/** The command line's requests about memory. A person sees what is in quarantine, so that they can judge it. */
export function memoryHandlers({
  memory,
  journal,
  log,
  index,
  instances,
}: {
  readonly memory: Memory;
  readonly journal: Journal;
  readonly log: Pick<Log, "size" | "entries" | "records" | "inclusion">;
  readonly index: Pick<IndexView, "find">;
  readonly instances: Pick<Instances, "running">;
}): {
  readonly [K in keyof MemoryRequests]: (body: MemoryRequests[K]["body"]) => Promise<MemoryRequests[K]["ok"]>;
} {
  const { memory: book } = journal.state;

  async function readAny(entry: number): Promise<Recalled> {
    const of = book.placeOf(entry);
    if (of === null) throw new MemoryFault("memory-unknown", `there is no entry ${entry}`);
    return memory.store.read(of, entry, { quarantined: true });
  }

  function viewOf(recalled: Recalled): EntryView {
    const { v: _v, ...entry } = recalled;
    return { ...entry, quarantined: book.quarantineOf(entry) };
  }

  async function* readEach(entries: Iterable<number>): AsyncGenerator<Recalled | null> {
    let read = 0;
    for (const entry of entries) {
      yield await readAny(entry).catch(() => null);
      read += 1;
      if (read % STRIDE === 0) await memory.pause();
    }
  }

  /** A name that was mistyped is told from an agent that keeps nothing. */
  function requireAgent(agent: string): void {
    const keeps = [...book.places(), ...book.snapshots.all()].some((each) => each.agent === agent);
    if (keeps || book.budgeted().includes(agent) || journal.state.byAgent.has(agent)) return;
    throw new Refusal(
      "memory",
      `There is no agent "${agent}": it keeps nothing in memory, and no grant names it (memory-unknown).`,
      "`aios memory planes` lists those that keep something, `aios grants list` those that may.",
    );
  }

  /** Not on record as done what took nothing out, and never will. */
  function requireThere({ by, value }: Quarantine): void {
    const ofEntry = by === "entry" || by === "entry-alone";
    if (canBeQuarantined({ by, value }) && (!ofEntry || book.placeOf(Number(value)) !== null)) return;
    const what = by === "source" ? "source" : ofEntry ? "entry" : "instance";
    throw new Refusal(
      "memory",
      `There is no ${what} ${JSON.stringify(value)}: nothing is put into quarantine (memory-unknown).`,
      by === "source" ? SOURCES : (HINTS["memory-unknown"] ?? ""),
    );
  }

  function weigh(quarantine: Quarantine): Promise<TakenCount> {
    const { running } = instances;
    return countTaken(quarantine, { entries: readEach(book.entries(null)), book, frozen: memory.frozen, running });
  }

  async function snapshotView(of: MemoryRequests["memory-snapshot"]["body"]): Promise<SnapshotView> {
    const { agent, name, version, items } = await memory.frozen.whole(of);
    const snapshot = book.snapshots.newest(of);
    const standing = snapshot === null ? "given" : book.snapshots.standing(snapshot);
    const shown = items.map((item) => ({
      ...item,
      quarantined: item.from === null ? null : book.quarantineOf(item.from),
    }));
    return { agent, name, version, standing, items: shown };
  }

  /** Texts of those that open, and the numbers of those that should and do not. */
  async function textsOf(
    entries: readonly number[],
  ): Promise<{ readonly texts: readonly string[]; readonly unopened: readonly number[] }> {
    const texts: string[] = [];
    const unopened: number[] = [];
    for (const [at, entry] of entries.entries()) {
      try {
        texts.push((await readAny(entry)).text);
      } catch (error) {
        if (error instanceof MemoryFault && error.code === "memory-damaged") unopened.push(entry);
      }
      if ((at + 1) % STRIDE === 0) await memory.pause();
    }
    return { texts, unopened };
  }

  async function holding(entries: readonly number[]): Promise<MemoryRequests["memory-holding"]["ok"]> {
    const { texts, unopened } = await textsOf(entries);
    const { found, unreadable } = await memory.frozen.holding({ entries, texts });
    // Of one that does not open itself nobody knows which others have its text.
    const same = await twinsOf(texts, new Set(entries), { book, ...memory });
    const newest = new Set(book.snapshots.all().map(({ record }) => record));
    const viewHolding = ({ digest: _digest, ...snapshot }: Snapshot, opens: boolean): HoldingView => ({
      ...snapshot,
      newest: newest.has(snapshot.record),
      opens,
    });
    return {
      snapshots: [
        ...found.map((each) => viewHolding(each, true)),
        ...unreadable.map((each) => viewHolding(each, false)),
      ],
      same: { ...same, all: same.all && texts.length === entries.length },
      inLog: [...(await memory.store.inLog(unopened))],
    };
  }

  return {
    async "memory-planes"() {
      const named = [...book.places(), ...book.snapshots.all()].map(({ agent }) => agent);
      const agents = new Set([...named, ...book.budgeted()]);
      const planes = [...agents].toSorted().flatMap((agent) =>
        BUDGETED.map((what) => {
          const used = isOfContext(what) ? { bytes: 0, count: 0 } : book.used({ agent, plane: what });
          const most = book.budget(agent, what);
          return { agent, what, ...used, mostBytes: most.bytes, mostCount: most.count };
        }),
      );
      const snapshots = book.snapshots.all().map((each) => {
        const { agent, name, version } = each;
        return { agent, name, version, standing: book.snapshots.standing(each) };
      });
      return { planes, snapshots, quarantines: book.quarantines, waits: memory.waits, damage: await memory.damage() };
    },
    "memory-proposals": () => openProposals({ log, index, book }),
    "memory-entries": ({ query, before, ...of }) =>
      answering(async () => {
        requireAgent(of.agent);
        const options = { most: PAGE, quarantined: true as const };
        const found =
          query === null
            ? await memory.store.list(of, { before, ...options })
            : await memory.store.search(of, { query, ...options });
        return { ...found, entries: found.entries.map(viewOf) };
      }),
    "memory-entry": ({ entry }) => answering(async () => viewOf(await readAny(entry))),
    "memory-to-freeze": (asked) => memory.freezing.draft(asked),
    "memory-holding": ({ entries }) => answering(() => holding(entries)),
    "memory-snapshot": (of) => answering(() => snapshotView(of), snapshotHint(of)),
    "memory-verify": () => verifyMemory({ ...memory, log, book }),
    "memory-export": (asked) => answering(() => exportEntries({ log, store: memory.store }, asked)),
    "memory-deposit": async (handed) => memory.lots.hand(handed),
    async "memory-weigh"(quarantine) {
      requireThere(quarantine);
      return weigh(quarantine);
    },
    async "memory-quarantine"(quarantine) {
      requireThere(quarantine);
      const there = book.quarantines.some(({ by, value }) => by === quarantine.by && value === quarantine.value);
      const seq = there ? null : await journal.write({ kind: "memory-quarantined", ...quarantine });
      return { seq, ...(await weigh(quarantine)) };
    },
  };
}

const SOURCES =
  "A source is a tool as `aios memory show` names it: driver/tool, of the network with the host (net/fetch HOST).";
const GONE = "Nothing brings it back. That it was there is in the log: `aios log show --kind memory-kept`.";
const HINTS: { readonly [code in MemoryFaultCode]?: string } = {
  "memory-damaged": "`aios memory verify` says what is damaged, and how it is made anew.",
  "memory-expired": GONE,
  "memory-erased": GONE,
  "memory-unknown": "`aios memory planes` lists what there is, `aios memory list AGENT PLANE` the entries of a plane.",
};

function hintOf({ code }: MemoryFault): string {
  return HINTS[code] ?? "docs/codes.md says what the code means.";
}

/** A snapshot lies in the log alone, so nothing makes it anew but whoever has its texts. */
function snapshotHint({ agent, name }: MemoryRequests["memory-snapshot"]["body"]): typeof HINTS {
  return {
    "memory-damaged": `\`aios memory verify\` names every version that is damaged. Freeze its texts anew as the next one (\`aios memory freeze ${agent} ${name}\`), or restore a backup (\`aios restore\`).`,
    "memory-erased": `Freeze another version: \`aios memory freeze ${agent} ${name}\`.`,
    "memory-unknown": "`aios memory planes` lists what is frozen.",
  };
}

async function answering<T>(work: () => Promise<T>, hints: typeof HINTS = {}): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof MemoryFault)
      throw new Refusal("memory", `${error.message} (${error.code}).`, hints[error.code] ?? hintOf(error));
    throw error;
  }
}
