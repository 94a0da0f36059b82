import { expect } from "vitest";
import type { JsonObject } from "../../src/kernel/json.ts";
import { DEFAULT_BUDGETS, type MemoryBudget } from "../../src/kernel/memory-budget.ts";
import type { PlaneOf } from "../../src/kernel/memory.ts";
import type { MemoryWorld } from "../fakes/memory-world.ts";
import { AGENT, BRIEF, OWN } from "../fakes/memory-world.ts";
import { ModelClock } from "./model-clock.ts";

export const THEIRS: PlaneOf & { readonly plane: "append-only" } = { agent: "other", plane: "append-only" };

export interface Known {
  readonly of: PlaneOf;
  readonly text: string;
  readonly expires: number | null;
  readonly instance: string;
  readonly sources: readonly string[];
  /** Whether its key is there. */
  state: "there" | "gone";
}

export interface KnownSnapshot {
  readonly version: number;
  readonly text: string;
  /** The entry that it was, or null: an owner's own text. */
  readonly from: number | null;
  /** Not given since the home was restored, until a newer version is signed. */
  withheld: boolean;
}

export interface Taken {
  readonly by: "instance" | "source" | "entry";
  readonly value: string;
}

/** Memory as an owner imagines it: lists, and what was signed. */
export class Model {
  readonly known = new Map<number, Known>();
  readonly snapshots = new Map<string, KnownSnapshot>();
  readonly budgets = new Map<string, MemoryBudget>();
  readonly imported: JsonObject[] = [];
  /** Documents of every snapshot that was signed. */
  readonly signed: JsonObject[] = [];
  quarantines: readonly Taken[] = [];
  clock: ModelClock;

  constructor(clocks: { readonly wall: number; readonly boot: number }) {
    this.clock = new ModelClock(clocks, 0);
  }

  /** What a plane holds: of everything whose key is there, whether or not it is past its end. */
  used(of: PlaneOf): MemoryBudget {
    const there = [...this.known.values()].filter((each) => isOf(each, of) && each.state === "there");
    return { count: there.length, bytes: there.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0) };
  }

  budget({ agent, plane }: PlaneOf): MemoryBudget {
    return this.budgets.get(`${agent}/${plane}`) ?? DEFAULT_BUDGETS[plane === "frozen" ? "context" : plane];
  }

  hasRoom(of: PlaneOf, text: string): boolean {
    const [used, most] = [this.used(of), this.budget(of)];
    return used.count + 1 <= most.count && used.bytes + Buffer.byteLength(text) <= most.bytes;
  }

  isTaken(entry: number, { instance, sources }: Known): boolean {
    return this.quarantines.some(({ by, value }) =>
      by === "instance" ? value === instance : by === "source" ? sources.includes(value) : value === String(entry),
    );
  }

  /** How a snapshot answers: its text, or the code that it is refused with. */
  given(name: string): string {
    const snapshot = this.snapshots.get(name);
    if (snapshot === undefined) return "memory-unknown";
    if (snapshot.withheld) return "memory-withheld";
    return this.isFrozenTaken(snapshot) ? "memory-quarantined" : `${snapshot.version}: ${snapshot.text}`;
  }

  isFrozenTaken({ from }: KnownSnapshot): boolean {
    const entry = from === null ? undefined : this.known.get(from);
    return from !== null && entry !== undefined && this.isTaken(from, entry);
  }

  isReadable(entry: number): boolean {
    const each = this.known.get(entry);
    if (each === undefined || each.state === "gone" || this.isTaken(entry, each)) return false;
    return each.expires === null || each.expires > this.clock.now;
  }

  /** What is past its end, and may be destroyed. */
  sweep(): void {
    if (!this.clock.trusted) return;
    for (const each of this.known.values())
      if (each.expires !== null && each.expires <= this.clock.now) each.state = "gone";
  }

  /** What of a plane is to be given, newest first. */
  readable(of: PlaneOf): readonly (readonly [number, string])[] {
    return [...this.known]
      .filter(([entry, each]) => isOf(each, of) && this.isReadable(entry))
      .map(([entry, { text }]) => [entry, text] as const)
      .toSorted(([left], [right]) => right - left);
  }
}

function isOf({ of }: Known, { agent, plane }: PlaneOf): boolean {
  return of.agent === agent && of.plane === plane;
}

/** Holds everything that memory says against the model. */
export async function compare(world: MemoryWorld, model: Model): Promise<void> {
  const { store, frozen } = world.memory;
  model.clock.tick(world);
  expect(world.trusted.now()).toBe(model.clock.now);
  expect(world.trusted.mayDestroy()).toBe(model.clock.trusted);
  const { memory: book } = world.journal.state;
  for (const of of [OWN, BRIEF, THEIRS]) {
    const wanted = model.readable(of);
    const listed = await store.list(of, { before: null, most: 100 });
    expect(listed.unreadable).toEqual({ count: 0, entries: [], before: null });
    expect(listed.entries.map(({ entry, text }) => [entry, text])).toEqual(wanted);
    const found = await store.search(of, { query: "WORD1", most: 100 });
    const having = wanted.filter(([, text]) => text.split(" ").includes("word1"));
    expect(found.unreadable).toEqual({ count: 0, entries: [], before: null });
    expect(found.entries.map(({ entry }) => entry)).toEqual(having.map(([entry]) => entry));
    expect([of, book.used(of)]).toEqual([of, model.used(of)]);
    expect([of, book.budget(of.agent, of.plane)]).toEqual([of, model.budget(of)]);
  }
  for (const [entry, { of, text }] of model.known) {
    for (const from of [OWN, BRIEF, THEIRS]) {
      const mine = from.agent === of.agent && from.plane === of.plane && model.isReadable(entry);
      const read = await store.read(from, entry).then(
        (recalled) => recalled.text,
        () => null,
      );
      expect([entry, from, read]).toEqual([entry, from, mine ? text : null]);
    }
  }
  for (const name of ["rules", "soul"]) {
    const path = model.snapshots.get(name)?.from === null ? "SOUL.md" : `entry-${model.snapshots.get(name)?.from}.txt`;
    const read = await frozen.read({ agent: AGENT, name, path }).then(
      ({ text, version }) => `${version}: ${text}`,
      (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
    );
    expect([name, read]).toEqual([name, model.given(name)]);
  }
  const shown = [...model.snapshots].filter(([, { withheld }]) => !withheld);
  const names = (of: readonly { readonly name: string }[]): readonly string[] => of.map(({ name }) => name).toSorted();
  expect(names((await frozen.list(AGENT)).snapshots)).toEqual(names(shown.map(([name]) => ({ name }))));
  const having = shown.filter(([, each]) => each.text.split(" ").includes("word1") && !model.isFrozenTaken(each));
  const { found: texts } = await frozen.search(AGENT, { query: "word1", most: 9 });
  expect(names(texts)).toEqual(names(having.map(([name]) => ({ name }))));
}
