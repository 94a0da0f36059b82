import type { Plane, PlaneOf } from "./memory.ts";
import { type Budgeted, DEFAULT_BUDGETS, type MemoryBudget } from "./memory-budget.ts";
import { DIGEST_BYTES, digestStart, firstBits } from "./memory-digest.ts";
import { MemoryImports } from "./memory-imports.ts";
import { MemorySnapshots } from "./memory-snapshots.ts";
import { takesOut, type Provenance, type Quarantine } from "./memory-quarantine.ts";
import type { Origin } from "./memory-sources.ts";

/** What an entry is committed to by: its number, its place, its size, its end and the salted digest of all of it. */
export interface KeptEntry extends PlaneOf {
  readonly entry: number;
  /** `sha256:` and hex, over salt and content. */
  readonly digest: string;
  /** Bytes of its text in UTF-8. */
  readonly bytes: number;
  /** Milliseconds since 1970 UTC at which it ends; null: it does not. */
  readonly expires: number | null;
}

/** How an entry stands at a moment. */
export type Standing = "live" | "expired" | "erased" | "unknown";

/** Bytes of an entry in `pack`. */
export const PACKED_BYTES = 23;

const UNKNOWN = 0;
const LIVE = 1;
const EXPIRED = 2;
const ERASED = 3;
/** Of an entry that does not end. */
const NEVER = Infinity;

/**
 * What memory holds by the log, and the rules of its planes (MEMORY-KEEPS-ITS-RULES): a fold over records that is made anew
 * at every start. It has 23 bytes for each entry and nothing of any content. What cannot be is refused with its reason and
 * changes nothing.
 */
export class MemoryBook {
  readonly imports: MemoryImports = new MemoryImports();
  /** Signed: a start reads them from the log. */
  readonly snapshots: MemorySnapshots = new MemorySnapshots();
  #status = new Uint8Array(64);
  #digests = new Uint8Array(64 * DIGEST_BYTES);
  #expires = new Float64Array(64);
  #planes = new Uint16Array(64);
  #bytes = new Uint32Array(64);
  #next = 0;
  /** No entry ends before this: a look that finds nothing due costs nothing. */
  #earliest = NEVER;
  /** No entry below this one is there and ends. */
  #firstEnding = 0;
  readonly #placeNumbers = new Map<string, number>();
  readonly #places: { readonly agent: string; readonly plane: Plane; entries: number; bytes: number }[] = [];
  readonly #budgets = new Map<string, MemoryBudget>();
  #quarantines: readonly Quarantine[] = [];
  #unsettled: readonly number[] = [];

  /** Number that no entry has yet, nor any after it. */
  get next(): number {
    return this.#next;
  }

  /**
   * Takes an entry in; gives why it cannot be, or null. Time is no reason: a record that was long under way, or that an
   * owner's word about the clock overtook, must be taken in at the next start as it was the first time.
   */
  keep(kept: KeptEntry): string | null {
    const { entry, digest, bytes, expires, plane } = kept;
    if (this.#statusOf(entry) !== UNKNOWN) return `entry ${entry} exists already`;
    if (plane === "frozen") return "nothing is added to a frozen plane";
    if ((plane === "ephemeral") !== (expires !== null)) return `an entry of the ${plane} plane with another end`;
    this.#grow(entry);
    const place = this.#placeNumber(kept);
    this.#status[entry] = LIVE;
    this.#digests.set(digestStart(digest), entry * DIGEST_BYTES);
    this.#expires[entry] = expires ?? NEVER;
    this.#planes[entry] = place;
    this.#bytes[entry] = bytes;
    if (expires !== null) this.#awaitEnd(entry, expires);
    this.#next = Math.max(this.#next, entry + 1);
    this.#count(place, { entries: 1, bytes });
    return null;
  }

  /** Notes that the keys of these entries are destroyed, or are about to be; gives why that cannot be, or null. */
  destroy(entries: readonly number[], why: "expired" | "erased"): string | null {
    const wrong = entries.find(
      (entry) => this.#statusOf(entry) !== LIVE || (why === "expired" && this.#expires[entry] === NEVER),
    );
    if (wrong !== undefined) return `entry ${wrong} cannot be ${why}`;
    if (new Set(entries).size !== entries.length) return "an entry a second time";
    this.#unsettled = [...this.#unsettled, ...entries];
    for (const entry of entries) {
      this.#status[entry] = why === "expired" ? EXPIRED : ERASED;
      this.#count(this.#planes[entry] ?? 0, { entries: -1, bytes: -(this.#bytes[entry] ?? 0) });
    }
    return null;
  }

  /** Entries that are gone by the log while nobody has said yet that their keys are. */
  get unsettled(): readonly number[] {
    return this.#unsettled;
  }

  /** The keys of the oldest so many of those are destroyed; gives why that cannot be, or null. */
  settle(count: number): string | null {
    if (count > this.#unsettled.length) return `only ${this.#unsettled.length} keys were to be destroyed`;
    this.#unsettled = this.#unsettled.slice(count);
    return null;
  }

  /** Whether the key of an entry is there by the log. */
  holds(entry: number): boolean {
    return this.#statusOf(entry) === LIVE;
  }

  /** How an entry stands. Past its end it is expired at once, whether or not its key is destroyed yet. */
  look(entry: number, now: number): Standing {
    const status = this.#statusOf(entry);
    if (status === UNKNOWN) return "unknown";
    if (status === ERASED) return "erased";
    return status === EXPIRED || (this.#expires[entry] ?? NEVER) <= now ? "expired" : "live";
  }

  /** Where an entry lies, whatever became of it; null for one that never was. */
  placeOf(entry: number): PlaneOf | null {
    if (this.#statusOf(entry) === UNKNOWN) return null;
    const { agent, plane } = this.#places[this.#planes[entry] ?? 0] ?? unreachable();
    return { agent, plane };
  }

  /** Whether the log has exactly this of a live entry; false once its key is to be destroyed. */
  confirms({ entry, digest, agent, plane, bytes, expires }: KeptEntry): boolean {
    if (this.#statusOf(entry) !== LIVE) return false;
    const place = this.placeOf(entry);
    const start = digestStart(digest);
    return (
      place?.agent === agent &&
      place.plane === plane &&
      this.#bytes[entry] === bytes &&
      this.#expires[entry] === (expires ?? NEVER) &&
      start.every((byte, at) => this.#digests[entry * DIGEST_BYTES + at] === byte)
    );
  }

  /** Of these digests those that the log has, whatever became of the entry, with its number. */
  known(digests: readonly string[]): ReadonlyMap<string, number> {
    const wanted = new Map(digests.map((digest) => [firstBits(new DataView(digestStart(digest).buffer), 0), digest]));
    const found = new Map<string, number>();
    const starts = new DataView(this.#digests.buffer);
    for (let entry = 0; entry < this.#next; entry += 1) {
      const digest = wanted.get(firstBits(starts, entry * DIGEST_BYTES));
      if (digest !== undefined && this.#statusOf(entry) !== UNKNOWN) found.set(digest, entry);
    }
    return found;
  }

  /** Entries past their end whose keys are still there, oldest number first, at most `most`. */
  due(now: number, most: number): readonly number[] {
    if (this.#earliest > now) return [];
    const found: number[] = [];
    let earliest = NEVER;
    let first: number | null = null;
    for (let entry = this.#firstEnding; entry < this.#next; entry += 1) {
      const expires = this.#expires[entry] ?? NEVER;
      if (expires === NEVER || this.#status[entry] !== LIVE) continue;
      first ??= entry;
      if (expires < earliest) earliest = expires;
      if (expires > now) continue;
      found.push(entry);
      // Who asks for the next goes on from the first that is left, and takes no more time over it than over these.
      if (found.length === most) break;
    }
    this.#firstEnding = first ?? this.#next;
    // After less than all of them there may be an earlier end, and this one is due.
    if (found.length < most) this.#earliest = earliest;
    return found;
  }

  /** Numbers of the entries of a plane (null: of all) whose keys are there, newest first. */
  *entries(wanted: PlaneOf | null, below: number = this.#next): Generator<number> {
    const place = wanted === null ? null : this.#placeNumbers.get(keyOf(wanted));
    if (place === undefined) return;
    for (let entry = Math.min(below, this.#next) - 1; entry >= 0; entry -= 1) {
      if (this.#status[entry] === LIVE && (place === null || this.#planes[entry] === place)) yield entry;
    }
  }

  /** Numbers of the entries whose keys are there and whose text has one of these sizes in bytes, newest first. */
  *ofSizes(sizes: ReadonlySet<number>): Generator<number> {
    for (const entry of this.entries(null)) if (sizes.has(this.#bytes[entry] ?? 0)) yield entry;
  }

  /** What a plane holds: entries whose keys are there. */
  used(of: PlaneOf): MemoryBudget {
    const place = this.#places[this.#placeNumbers.get(keyOf(of)) ?? -1];
    return { bytes: place?.bytes ?? 0, count: place?.entries ?? 0 };
  }

  /** Planes in which there ever was an entry. */
  places(): readonly PlaneOf[] {
    return this.#places.map(({ agent, plane }) => ({ agent, plane }));
  }

  budget(agent: string, what: Budgeted): MemoryBudget {
    return this.#budgets.get(`${agent}/${what}`) ?? DEFAULT_BUDGETS[what];
  }

  /** Agents for whom an owner signed a budget. */
  budgeted(): readonly string[] {
    return [...this.#budgets.keys()].map((key) => key.slice(0, key.indexOf("/")));
  }

  setBudget(agent: string, { what, budget }: { readonly what: Budgeted; readonly budget: MemoryBudget }): void {
    this.#budgets.set(`${agent}/${what}`, budget);
  }

  /** Whether a plane has room for one more entry of so many bytes, beside what is being written. */
  hasRoom(
    of: PlaneOf & { readonly plane: "append-only" | "ephemeral" },
    bytes: number,
    pending: MemoryBudget,
  ): boolean {
    const [used, most] = [this.used(of), this.budget(of.agent, of.plane)];
    return used.bytes + pending.bytes + bytes <= most.bytes && used.count + pending.count + 1 <= most.count;
  }

  get quarantines(): readonly Quarantine[] {
    return this.#quarantines;
  }

  quarantine(added: Quarantine): void {
    if (!this.#quarantines.some((each) => isSame(each, added))) this.#quarantines = [...this.#quarantines, added];
  }

  /** Takes a quarantine back; false when there is none like it. */
  release(gone: Quarantine): boolean {
    const left = this.#quarantines.filter((each) => !isSame(each, gone));
    const found = left.length < this.#quarantines.length;
    this.#quarantines = left;
    return found;
  }

  isQuarantined(from: Provenance): boolean {
    return this.#quarantines.some((each) => takesOut(each, from) !== null);
  }

  /** How surely something comes from what is in quarantine; null: it does not. */
  quarantineOf(from: Provenance): Origin | null {
    const found = this.#quarantines.map((each) => takesOut(each, from));
    return found.find((each) => each === "named") ?? found.find((each) => each !== null) ?? null;
  }

  /**
   * What stands of the entries from `from` up to but excluding `to`, 23 bytes each, big-endian: status, start of the digest,
   * end (a double, Infinity for none), number of the place, bytes. With the places, the quarantines and what is unsettled it
   * is all of a book but what owners signed.
   */
  pack(from: number, to: number): Uint8Array {
    const packed = new Uint8Array((to - from) * PACKED_BYTES);
    const view = new DataView(packed.buffer);
    for (let entry = from, at = 0; entry < to; entry += 1, at += PACKED_BYTES) {
      packed[at] = this.#statusOf(entry);
      packed.set(this.#digests.subarray(entry * DIGEST_BYTES, (entry + 1) * DIGEST_BYTES), at + 1);
      view.setFloat64(at + 9, this.#expires[entry] ?? 0);
      view.setUint16(at + 17, this.#planes[entry] ?? 0);
      view.setUint32(at + 19, this.#bytes[entry] ?? 0);
    }
    return packed;
  }

  /** Takes packed entries in behind those that are there; their places come first. Gives why that cannot be, or null. */
  unpack(packed: Uint8Array): string | null {
    if (packed.length % PACKED_BYTES !== 0) return "it is cut";
    const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
    for (let at = 0; at < packed.length; at += PACKED_BYTES) {
      const entry = this.#next;
      const [status = UNKNOWN, place, expires] = [packed[at], view.getUint16(at + 17), view.getFloat64(at + 9)];
      const ends = this.#places[place]?.plane === "ephemeral";
      const fits = ends ? Number.isSafeInteger(expires) && expires >= 0 : expires === NEVER;
      if (status > ERASED || (status !== UNKNOWN && (!fits || place >= this.#places.length)))
        return `entry ${entry} is none`;
      this.#grow(entry);
      this.#status[entry] = status;
      this.#digests.set(packed.subarray(at + 1, at + 9), entry * DIGEST_BYTES);
      this.#expires[entry] = expires;
      this.#planes[entry] = place;
      this.#bytes[entry] = view.getUint32(at + 19);
      this.#next = entry + 1;
      if (status !== LIVE) continue;
      if (ends) this.#awaitEnd(entry, expires);
      this.#count(place, { entries: 1, bytes: this.#bytes[entry] ?? 0 });
    }
    return null;
  }

  /** Takes a plane in that never had an entry, so that its number is that of the book that was packed. */
  addPlace(of: PlaneOf): void {
    this.#placeNumber(of);
  }

  /** Takes in which entries are gone while nobody has said that their keys are; gives why that cannot be, or null. */
  owe(entries: readonly number[]): string | null {
    const wrong = entries.find((entry) => this.#statusOf(entry) < EXPIRED);
    if (wrong !== undefined) return `entry ${wrong} is not gone`;
    this.#unsettled = [...this.#unsettled, ...entries];
    return null;
  }

  #awaitEnd(entry: number, expires: number): void {
    this.#earliest = Math.min(this.#earliest, expires);
    this.#firstEnding = Math.min(this.#firstEnding, entry);
  }

  #statusOf(entry: number): number {
    return this.#status[entry] ?? UNKNOWN;
  }

  #placeNumber(of: PlaneOf): number {
    const known = this.#placeNumbers.get(keyOf(of));
    if (known !== undefined) return known;
    const number = this.#places.push({ agent: of.agent, plane: of.plane, entries: 0, bytes: 0 }) - 1;
    this.#placeNumbers.set(keyOf(of), number);
    return number;
  }

  #count(place: number, more: { readonly entries: number; readonly bytes: number }): void {
    const counted = this.#places[place] ?? unreachable();
    counted.entries += more.entries;
    counted.bytes += more.bytes;
  }

  #grow(entry: number): void {
    if (entry < this.#status.length) return;
    const size = Math.max(entry + 1, this.#status.length * 2);
    const [status, digests, expires, planes, bytes] = [
      new Uint8Array(size),
      new Uint8Array(size * DIGEST_BYTES),
      new Float64Array(size),
      new Uint16Array(size),
      new Uint32Array(size),
    ];
    status.set(this.#status);
    digests.set(this.#digests);
    expires.set(this.#expires);
    planes.set(this.#planes);
    bytes.set(this.#bytes);
    [this.#status, this.#digests, this.#expires, this.#planes, this.#bytes] = [status, digests, expires, planes, bytes];
  }
}

function keyOf({ agent, plane }: PlaneOf): string {
  return `${agent}/${plane}`;
}

function isSame(one: Quarantine, other: Quarantine): boolean {
  return one.by === other.by && one.value === other.value;
}

function unreachable(): never {
  throw new RangeError("a plane without a number");
}
