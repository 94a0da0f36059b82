import type { JsonObject } from "../../kernel/json.ts";
import { decodeUtf8, encodeUtf8 } from "../../protocol/bytes.ts";
import type { Range } from "../../protocol/merkle.ts";
import type { NoteKey } from "../../protocol/note.ts";
import type { RecordBody } from "../../protocol/record.ts";
import { partialPaths, TILE_WIDTH } from "../../protocol/tile.ts";
import { makeDraft, readPayload, readSalted } from "./draft.ts";
import { createDraw, type DrawBytes } from "./draw.ts";
import { isDiskOut, letGoOf, takeAgain } from "./disk-out.ts";
import { LogError, unavailable } from "./error.ts";
import type { WholeFile } from "../../platform/log/log-powers.ts";
import type { JournalEntry } from "./frame.ts";
import { bytesOf, groupLength, MOST_WAITING_BYTES, PUBLISH_MS, SEGMENT_BYTES } from "./groups.ts";
import type { Around, Bare, Checkpoint, Disclosed, Entry, Log } from "./log.ts";
import { bareHaving, readKept, type Choice, type Kept } from "./kept.ts";
import { mendPartials } from "./mending.ts";
import { Pace, type LogPace } from "./pace.ts";
import { Partials } from "./partials.ts";
import { signTree } from "./sign-tree.ts";
import type { AuditLogParts, Erasure, Health, Waiting } from "./parts.ts";

/** The log of `log.ts` over files. Made by `openLog`, after which it holds everything that the journal held. */
export class AuditLog implements Log {
  readonly #parts: AuditLogParts;
  readonly #draw: DrawBytes;
  #health: Health = { kind: "working" };
  /** `out`: nothing of the folder is open or touched, as its disk has to be taken out. `back`: it is there again as it was. */
  #disk: "in" | "out" | "back" = "in";
  #waiting: Waiting[] = [];
  /** Of those and of the group that is being written. */
  #waitingBytes = 0;
  readonly #pace: Pace;
  /** The group that is being written. */
  #writing: Promise<void> | null = null;
  #erasures: Erasure[] = [];
  /** Number of the next record to be made; those from `size` on are waiting. */
  #next: number;
  #heldFirst: number;
  /** Publishing and moving segments happens one after another. */
  #upkeep: Promise<unknown> = Promise.resolve();
  #published: Checkpoint | null = null;
  #partials = new Partials();
  /** Everything before this is in full, durable tiles and bundles. */
  #settled: number;
  #cancelTimer: (() => void) | null = null;

  constructor(parts: AuditLogParts) {
    this.#parts = parts;
    this.#draw = createDraw(parts.random);
    this.#pace = new Pace(() => parts.clock.micros());
    this.#next = parts.tiles.size;
    this.#heldFirst = parts.held.first;
    this.#settled = parts.held.first - (parts.held.first % TILE_WIDTH);
    // The start read these, and the next one needs them until the journal is behind them: they are not written anew.
    this.#partials.add(partialPaths(parts.held.first));
  }

  get size(): number {
    return this.#parts.tiles.size;
  }

  get key(): NoteKey {
    const { origin, signer } = this.#parts;
    return { name: origin, publicKey: signer.publicKey };
  }

  get pace(): LogPace {
    return this.#pace.look(this.#next - this.size);
  }

  append(body: RecordBody, payload: JsonObject | null): Promise<number> {
    if (this.#health.kind !== "working") return Promise.reject(this.#refusal());
    if (this.#waitingBytes >= MOST_WAITING_BYTES)
      return Promise.reject(new LogError("log-unavailable", "Cannot append: too much waits for a slow disk"));
    const { crypto, clock, origin, start, slots } = this.#parts;
    const seq = this.#next;
    let entry: JournalEntry;
    try {
      const place = { origin, seq, at: clock.wall(), start };
      entry = makeDraft({ body, payload }, { place, key: slots.next(seq), crypto, draw: this.#draw });
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    this.#next += 1;
    this.#waitingBytes += bytesOf(entry);
    return new Promise((acknowledge, refuse) => {
      this.#waiting.push({ entry, acknowledge, refuse });
      this.#writing ??= this.#writeGroups();
    });
  }

  async *entries(from: number, to: number, only?: ReadonlySet<number>): AsyncIterable<Entry> {
    const { crypto, origin } = this.#parts;
    for await (const { record, ...kept } of this.#kept(from, to, { wanted: (seq) => only?.has(seq) ?? true })) {
      yield { record, payload: readPayload(record, { ...kept, crypto, origin }) };
    }
  }

  async *records(from: number, to: number, having: readonly (readonly string[])[] = []): AsyncIterable<Bare> {
    for await (const { record, key } of this.#kept(from, to, bareHaving(having))) yield { record, kept: key !== null };
  }

  async *disclosed(from: number, to: number): AsyncIterable<Disclosed> {
    const { crypto, origin } = this.#parts;
    for await (const { leaf, record, ...kept } of this.#kept(from, to)) {
      yield { leaf: decodeUtf8(leaf) ?? "", salted: readSalted(record, { ...kept, crypto, origin }) };
    }
  }

  checkpoint(): Promise<Checkpoint> {
    if (this.#health.kind === "closed") return Promise.reject(this.#refusal());
    return this.#enqueue(() => this.#publish());
  }

  inclusion(seq: number, size: number): Promise<readonly Uint8Array[]> {
    return this.#checkSize(size, () => this.#parts.tiles.inclusion(seq, size));
  }

  around(range: Range, size: number): Promise<Around> {
    return this.#checkSize(size, () => this.#parts.tiles.around(range, size));
  }

  rootAt(size: number): Promise<Uint8Array> {
    return this.#checkSize(size, () => this.#parts.tiles.rootAt(size));
  }

  consistency(from: number, to: number): Promise<readonly Uint8Array[]> {
    return this.#checkSize(to, () => this.#parts.tiles.consistency(from, to));
  }

  keepCosigned(note: string): Promise<void> {
    if (this.#health.kind === "closed") return Promise.reject(this.#refusal());
    return this.#enqueue(() => this.#show("cosigned", note));
  }

  async cosigned(): Promise<string | null> {
    const bytes = await this.#parts.files.read("cosigned");
    return bytes === null ? null : decodeUtf8(bytes);
  }

  async erase(seqs: readonly number[]): Promise<void> {
    if (!seqs.every((seq) => Number.isSafeInteger(seq) && seq >= 0 && seq < this.size))
      throw new RangeError(`Cannot erase what is not among the ${this.size} records`);
    await this.#betweenGroups(seqs);
  }

  settle(): Promise<Checkpoint> {
    return this.#betweenGroups(null);
  }

  doubt(found: Error | null): LogError | null {
    if (found !== null && this.#health.kind === "working") this.#fail(found, []);
    return this.#health.kind === "failed" ? this.#health.error : null;
  }

  async recover(): Promise<void> {
    if (this.#health.kind === "closed") throw this.#refusal();
    if (this.#health.kind === "working") return;
    await this.#writing;
    await this.#enqueue(() => this.#goOn());
    if (this.#health.kind === "failed") this.#health = { kind: "working" };
    this.#next = this.size;
  }

  /** With a new segment, after a start or a failure. A disk that has to be taken out is let go of, and taken again once it is back. */
  async #goOn(): Promise<void> {
    const { journal, files } = this.#parts;
    try {
      if (this.#disk !== "in") {
        await takeAgain(this.#parts);
        this.#disk = "back";
        this.#partials = new Partials(); // they are written without waiting, so who knows which of them came back
        this.#published = null;
      }
      // At the number of the first record that was refused: whatever the failed write left is renumbered.
      await journal.rotate(this.size);
      await this.#settle();
      await mendPartials(files, this.#edge(this.size, 0));
      this.#disk = "in";
    } catch (error) {
      if (this.#disk !== "in" || isDiskOut(error)) {
        this.#disk = "out";
        await letGoOf(this.#parts);
      }
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#health.kind === "closed") return;
    while (this.#writing !== null) await this.#writing;
    const failed = this.#health.kind === "failed";
    this.#health = { kind: "closed" };
    this.#cancelTimer?.();
    try {
      // After a failed write the journal keeps everything that counts, and the next start takes it from there.
      if (!failed) await this.#enqueue(() => this.#empty());
    } finally {
      await letGoOf(this.#parts);
    }
  }

  /** Moves what the journal held at the start into tiles and payload files. Called once, by `openLog`. */
  async begin(): Promise<void> {
    await this.#enqueue(() => this.#goOn());
  }

  async #empty(): Promise<Checkpoint> {
    if (this.#parts.journal.first < this.size) await this.#parts.journal.rotate(this.size);
    return this.#settle();
  }

  /**
   * The order is that of what a crash may leave: until the old epoch's key is destroyed everything of it is whole, and
   * the next start goes on with it; from then on everything of the new epoch is.
   */
  async #destroy(seqs: readonly number[]): Promise<Checkpoint> {
    const { slots, keys, journal } = this.#parts;
    const older = keys.epoch;
    const epoch = keys.advance();
    await slots.rewrap(epoch, seqs);
    await journal.rotate(this.size, epoch);
    const settled = await this.#settle();
    await keys.retire(epoch);
    return slots.use(older).then(() => settled);
  }

  #betweenGroups(seqs: Erasure["seqs"]): Promise<Checkpoint> {
    if (this.#health.kind !== "working") return Promise.reject(this.#refusal());
    return new Promise((done, refuse) => {
      this.#erasures.push({ seqs, done, refuse });
      this.#writing ??= this.#writeGroups();
    });
  }

  /** Between two groups: nothing becomes durable while keys are wrapped anew. False when it failed, and the log with it. */
  async #eraseNow({ seqs, done, refuse }: Erasure): Promise<boolean> {
    try {
      done(await this.#enqueue(() => (seqs === null ? this.#empty() : this.#destroy(seqs))));
      return true;
    } catch (error) {
      const cause = unavailable(error);
      refuse(cause);
      this.#fail(cause, []);
      return false;
    }
  }

  async #writeGroups(): Promise<void> {
    await Promise.resolve(); // appends of the same turn share the first group
    while (this.#waiting.length > 0 || this.#erasures.length > 0) {
      const erasure = this.#erasures.shift();
      if (erasure !== undefined) {
        if (await this.#eraseNow(erasure)) continue;
        break;
      }
      const group = this.#waiting.splice(0, groupLength(this.#waiting));
      const first = this.size;
      try {
        this.#pace.begin();
        await this.#parts.slots.durable(first, first + group.length - 1);
        const written = this.#parts.journal.append(
          first,
          group.map(({ entry }) => entry),
        );
        // While the disk works, so does this: leaves are hashed in the time that the group waits anyway.
        const hashed = group.map((waiting) => ({ waiting, hash: this.#parts.hasher.leaf(waiting.entry.leaf) }));
        await written;
        this.#pace.end();
        for (const { waiting, hash } of hashed) this.#take(waiting, hash);
      } catch (error) {
        this.#pace.end();
        this.#fail(error, group);
        break;
      }
      for (const { entry } of group) this.#waitingBytes -= bytesOf(entry);
      await this.#afterGroup();
    }
    this.#writing = null;
  }

  /** A durable record becomes part of the tree, and only then is it acknowledged (RECORD-FIRST). */
  #take({ entry, acknowledge }: Waiting, hash: Uint8Array): void {
    const seq = this.size;
    this.#parts.tiles.append(hash);
    this.#parts.bundles.append(entry.leaf);
    this.#parts.held.sealed.push(entry.sealed);
    acknowledge(seq);
  }

  async #afterGroup(): Promise<void> {
    const { journal, timer } = this.#parts;
    if (journal.bytes >= SEGMENT_BYTES) {
      // Memory is bounded: at most one segment waits to be moved while the next is filled.
      await this.#upkeep;
      try {
        await journal.rotate(this.size);
      } catch (error) {
        this.#fail(error, []);
        return;
      }
      this.#inBackground(() => this.#settle());
    }
    this.#cancelTimer ??= timer.after(PUBLISH_MS, () => {
      this.#cancelTimer = null;
      this.#inBackground(() => this.#publish());
    });
  }

  /** Refuses the group and everything behind it; their numbers will be given again. */
  #fail(cause: unknown, group: readonly Waiting[]): void {
    const error = unavailable(cause);
    if (this.#health.kind === "working") this.#health = { kind: "failed", error };
    const refused = [...group, ...this.#waiting, ...this.#erasures];
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#erasures = [];
    this.#next = this.size;
    for (const { refuse } of refused) refuse(error);
  }

  /** Signs the tree as it is durable now, and shows it: what a checkpoint covers is in tiles before the checkpoint is. */
  async #publish(): Promise<Checkpoint> {
    const { files, tiles, bundles } = this.#parts;
    const { size } = tiles;
    if (this.#disk === "out") throw this.#refusal();
    if (this.#published?.size === size) return this.#published;
    const signed = signTree(this.#parts);
    const full = [...bundles.fullFiles(this.#settled, size), ...tiles.fullFiles(this.#settled, size)];
    await files.write(full, { durable: true });
    const partial = this.#partials.missing(this.#edge(size, 0));
    await files.write(partial, { durable: false });
    this.#partials.add(partial);
    await this.#show("checkpoint", signed.note);
    // The partial versions of what is full now have served; nobody's checkpoint needs them any more (tlog-tiles).
    const served = this.#partials.served(full);
    await files.remove(served, { durable: false });
    this.#partials.forget(served);
    for (const part of [tiles, bundles]) part.trim(size);
    this.#settled = size - (size % TILE_WIDTH);
    return (this.#published = signed);
  }

  async #show(path: "checkpoint" | "cosigned", note: string): Promise<void> {
    if (this.#disk === "out") throw this.#refusal();
    await this.#parts.files.write([{ path, bytes: encodeUtf8(note) }], { durable: true });
  }

  #edge(size: number, published: number): readonly WholeFile[] {
    const { bundles, tiles } = this.#parts;
    return [...bundles.partialFiles(size, published), ...tiles.partialFiles(size, published)];
  }

  /** Moves the records of all segments but the current one into tiles and payload files, then removes the segments. */
  async #settle(): Promise<Checkpoint> {
    const { files, payloads, journal, held } = this.#parts;
    const end = journal.first;
    const published = await this.#publish();
    // The next start continues from the tree of `end`: its right edge must be durable before the journal forgets it.
    const edge = this.#edge(end, published.size);
    await files.write(edge, { durable: true });
    this.#partials.add(edge);
    await payloads.write(this.#heldFirst, held.sealed.slice(0, end - this.#heldFirst));
    await journal.drop();
    held.sealed.splice(0, end - this.#heldFirst);
    this.#heldFirst = end;
    return published;
  }

  #kept(from: number, to: number, choice: Choice = {}): AsyncIterable<Kept> {
    if (!Number.isSafeInteger(from) || from < 0 || !Number.isSafeInteger(to) || to > this.size) {
      throw new RangeError(`Cannot read records ${from} to ${to}: the log has ${this.size}`);
    }
    return readKept(this.#parts, { ...choice, from, to, heldFirst: () => this.#heldFirst });
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#upkeep.then(work);
    this.#upkeep = done.catch(() => {});
    return done.catch((error: unknown) => {
      throw error instanceof LogError ? error : unavailable(error);
    });
  }

  /** A log that cannot be published is not written to either: effects stop before the disk is full of journal. */
  #inBackground(work: () => Promise<unknown>): void {
    this.#enqueue(work).catch((error: unknown) => this.#fail(error, []));
  }

  async #checkSize<T>(size: number, work: () => Promise<T>): Promise<T> {
    if (size > this.size) throw new RangeError(`Cannot prove at size ${size}: the log has ${this.size}`);
    return work();
  }

  #refusal(): LogError {
    if (this.#health.kind === "closed") return new LogError("log-closed", "Cannot append: the log is closed");
    const cause = this.#health.kind === "failed" ? this.#health.error : undefined;
    return new LogError("log-unavailable", "Cannot append: an earlier write failed", { cause });
  }
}
