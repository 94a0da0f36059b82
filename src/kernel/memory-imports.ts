import type { PlaneOf } from "./memory.ts";

/** What an owner signed to be taken into a plane from another log. */
export interface MemoryImport extends PlaneOf {
  /** Number of the record of it. */
  readonly record: number;
  /** The name of the log that the entries stood in. */
  readonly origin: string;
  /** How many of its entries are not here yet. */
  readonly left: number;
}

/** Which entries were written elsewhere, by the log: each belongs to one import that an owner signed, and to its plane. */
export class MemoryImports {
  readonly #imports = new Map<number, MemoryImport>();
  readonly #entries = new Map<number, number>();

  /** Takes an import in; gives why it cannot be, or null. */
  begin(begun: MemoryImport): string | null {
    if (this.#imports.has(begun.record)) return `import ${begun.record} is there already`;
    this.#imports.set(begun.record, begun);
    return null;
  }

  /** Counts an entry as one of an import; gives why it cannot be one, or null. */
  take({
    agent,
    plane,
    entry,
    imported,
  }: PlaneOf & { readonly entry: number; readonly imported: number }): string | null {
    const found = this.#imports.get(imported);
    if (found === undefined || found.left === 0 || found.agent !== agent || found.plane !== plane)
      return `entry ${entry} is none that record ${imported} had imported`;
    this.#imports.set(imported, { ...found, left: found.left - 1 });
    this.#entries.set(entry, imported);
    return null;
  }

  /** The log that an entry was imported from, or null for one that was written here. */
  originOf(entry: number): string | null {
    return this.#imports.get(this.#entries.get(entry) ?? -1)?.origin ?? null;
  }

  /** All imports, in the order of their records. */
  all(): readonly MemoryImport[] {
    return [...this.#imports.values()];
  }

  /** Numbers of entries, in the order in which they came, by the record of their import. */
  brought(): ReadonlyMap<number, readonly number[]> {
    const brought = new Map<number, number[]>();
    for (const [entry, record] of this.#entries) {
      const others = brought.get(record);
      if (others === undefined) brought.set(record, [entry]);
      else others.push(entry);
    }
    return brought;
  }

  /** Takes in which entries an import had brought, of what is kept of the log; gives why that cannot be, or null. */
  mark(record: number, entries: readonly number[]): string | null {
    if (!this.#imports.has(record)) return `there is no import ${record}`;
    if (entries.some((entry) => this.#entries.has(entry))) return "an entry is imported twice";
    for (const entry of entries) this.#entries.set(entry, record);
    return null;
  }
}

/** What an entry of another log has among its sources when it is recalled, so that all of that log can be put into quarantine. */
export function importSource(origin: string): string {
  return `import:${origin}`;
}
