/** A snapshot that an owner signed. */
export interface Snapshot {
  readonly agent: string;
  readonly name: string;
  readonly version: number;
  /** Of its manifest. */
  readonly digest: string;
  /** Number of the record that has it. */
  readonly record: number;
}

/** How a snapshot stands: agents get it; or an owner must sign a newer one first; or an owner had its texts erased. */
export const SNAPSHOT_STANDINGS = ["given", "withheld", "erased"] as const;
export type SnapshotStanding = (typeof SNAPSHOT_STANDINGS)[number];

/** Snapshots by the log: which version of each is the newest, and what became of it. Their texts are in the log alone. */
export class MemorySnapshots {
  readonly #newest = new Map<string, Snapshot>();
  readonly #versions = new Map<number, Snapshot>();
  readonly #withheld = new Set<number>();
  readonly #erased = new Set<number>();

  /** Takes a signed snapshot in; an older version, or the same again, never takes the place of a newer one. */
  freeze(snapshot: Snapshot): string | null {
    const floor = this.floor(snapshot);
    if (snapshot.version <= floor) return `version ${snapshot.version} is not above ${floor}`;
    this.#newest.set(`${snapshot.agent}/${snapshot.name}`, snapshot);
    this.#versions.set(snapshot.record, snapshot);
    return null;
  }

  /** The newest version of a snapshot; agents get no other. */
  newest({ agent, name }: Pick<Snapshot, "agent" | "name">): Snapshot | null {
    return this.#newest.get(`${agent}/${name}`) ?? null;
  }

  /** The version above which the next one must be, whatever became of it. */
  floor(of: Pick<Snapshot, "agent" | "name">): number {
    return this.newest(of)?.version ?? 0;
  }

  /** The newest version of every snapshot, in the order of their first versions. */
  all(): readonly Snapshot[] {
    return [...this.#newest.values()];
  }

  /** Those that agents get: of one agent, or all of them. */
  given(agent: string | null): readonly Snapshot[] {
    return this.all().filter((each) => this.standing(each) === "given" && (agent === null || each.agent === agent));
  }

  /** Every version whose texts are still in the log, in the order of their records. */
  kept(): readonly Snapshot[] {
    return [...this.#versions.values()].filter(({ record }) => !this.#erased.has(record));
  }

  standing({ record }: Snapshot): SnapshotStanding {
    if (this.#erased.has(record)) return "erased";
    return this.#withheld.has(record) ? "withheld" : "given";
  }

  /** Withholds every snapshot until an owner signs a newer version of it. */
  withhold(): void {
    for (const { record } of this.all()) this.#withheld.add(record);
  }

  /** An owner had what this record holds erased; false when it has no snapshot. */
  erase(record: number): boolean {
    if (!this.#versions.has(record)) return false;
    this.#erased.add(record);
    return true;
  }
}
