import type { JsonObject, JsonValue } from "../kernel/json.ts";
import type { DeliveryName, DeliveryState, PayloadFields, Rewound } from "../protocol/telemetry-table.ts";
import type { Timer } from "../platform/powers.ts";
import type { Cursor } from "./cursor.ts";
import { addMark, compareWithLog, type Mark } from "./marks.ts";
import type { Found } from "./tail.ts";
import type { Item, View } from "./view.ts";

/** What came of an attempt to deliver. */
export type Sent =
  /** It took them, and says that it left out so many. */
  | { readonly kind: "done"; readonly leftOut?: number }
  /** Not now: the same again, later. */
  | { readonly kind: "later"; readonly why: string }
  /** Never: this receiver takes none of it, however often it is asked. */
  | { readonly kind: "refused"; readonly why: string };

/** Keeps the cursor of one delivery; `keep` is durable when it resolves, whole or not at all. */
export interface CursorStore {
  /** Null when there is none, or it is another destination's, or damaged. */
  load(): Promise<Cursor | null>;
  keep(cursor: Cursor): Promise<void>;
}

export interface DeliveryParts {
  readonly name: DeliveryName;
  /** Makes the view from what it remembered, or anew. Throws when that is nothing that it wrote. */
  view(snapshot: JsonValue): View;
  /** Where it begins without a cursor: the record of the setting in force. */
  readonly from: number;
  /** Whether what it makes is of the whole log, so that it begins anew where the log went back. */
  readonly whole: boolean;
  readonly cursors: CursorStore;
  /** Records from `from` on, some; none when there is none yet. */
  read(from: number): Promise<readonly Found[]>;
  /** Records that the log has. */
  size(): number;
  /** What tells a record from any other, in hexadecimal; null when it cannot be read. */
  hashOf(seq: number): Promise<string | null>;
  /** Of these records, what the monitor tells of their payloads, by number. */
  fieldsOf(found: readonly Found[]): Promise<ReadonlyMap<number, PayloadFields>>;
  /** Hands over some items, in order. Never rejects. */
  send(values: readonly JsonObject[]): Promise<Sent>;
  readonly timer: Timer;
  now(): number;
  /** Called whenever how it stands has changed. */
  stands(state: DeliveryState): void;
}

/** One way for the log to leave, at its own pace. */
export interface Delivery {
  /** More records may be there. */
  wake(): void;
}

/** Waits between attempts, milliseconds; the last one is kept. */
const LATER_MS = [500, 1000, 2000, 5000, 10_000, 30_000];
/** Items that are handed over at a time. */
const MOST_ITEMS = 256;
/** Of those that are told at once, in UTF-16 units of their JSON: a batch is far below what receivers take. */
const MOST_UNITS = 1024 * 1024;

/**
 * Delivers the log: in order, each record at least once. The log itself is the queue: the cursor moves on only after the
 * receiver has taken what was made of the records before it, so that a receiver that is slow, down or lost costs neither
 * memory nor records, and a process that is killed in between delivers the last batch again. What a receiver refuses for
 * good is narrowed to the one item, and a gap is told in its place; one that refuses that too is asked again, later. A log that is not the one which was delivered (its files
 * were put back as they once were) is a gap too, and is delivered again from the newest place where it is the same.
 */
export function createDelivery(parts: DeliveryParts): Delivery {
  const { name, timer } = parts;
  let next = parts.from;
  let lost = 0;
  let fault: string | null = null;
  let view: View | null = null;
  let marks: readonly Mark[] = [];
  let rewound: Rewound | null = null;
  let busy = false;
  let again = false;
  let failures = 0;

  const say = (): void => parts.stands({ name, next, fault, lost, rewound });
  const later = (why: string): Promise<void> => {
    fault = why;
    say();
    const wait = LATER_MS[Math.min(failures, LATER_MS.length - 1)] ?? 0;
    failures += 1;
    return new Promise((done) => void timer.after(wait, done));
  };

  async function hand(items: readonly Item[]): Promise<void> {
    let given = items;
    while (given.length > 0) {
      const sent = await parts.send(given.map(({ value }) => value));
      if (sent.kind === "done") {
        failures = 0;
        fault = null;
        lost += (sent.leftOut ?? 0) + (given === items ? 0 : 1);
        return;
      }
      if (sent.kind === "later") {
        await later(sent.why);
        continue;
      }
      if (given === items && items.length > 1) {
        const half = Math.ceil(items.length / 2);
        await hand(items.slice(0, half));
        return await hand(items.slice(half));
      }
      const [only] = items;
      if (given !== items || only === undefined) {
        // Not even the word that it is missing: that receiver takes nothing now, and it is not this item that it refuses.
        await later(sent.why);
        given = items;
        continue;
      }
      fault = sent.why;
      const why = `its receiver refused it: ${sent.why}`;
      given = view?.gap({ from: only.seq, to: only.seq + 1, at: parts.now(), why }) ?? [];
      if (given.length === 0) lost += 1; // a view without words of its own
    }
  }

  async function begin(): Promise<View> {
    const cursor = await parts.cursors.load();
    next = cursor?.next ?? parts.from;
    lost = cursor?.lost ?? 0;
    marks = cursor?.marks ?? [];
    // Whoever signed a setting since has seen that the log went back.
    rewound = cursor?.rewound == null || cursor.rewound.size <= parts.from ? null : cursor.rewound;
    const held = cursor === null ? null : await compareWithLog(cursor, { size: parts.size(), hashOf: parts.hashOf });
    if (held?.kind !== "rewound") {
      say();
      return parts.view(cursor?.view ?? null);
    }
    rewound = { at: parts.now(), from: held.from, to: next, size: parts.size() };
    marks = parts.whole ? [] : held.marks;
    next = marks.at(-1)?.next ?? parts.from;
    const fresh = parts.view(null);
    say();
    await hand(fresh.gap({ ...rewound, why: whyRewound(rewound, next) }));
    await parts.cursors.keep({ next, lost, view: fresh.snapshot(), marks, rewound });
    return fresh;
  }

  async function run(): Promise<void> {
    view ??= await begin();
    for (;;) {
      const found = await parts.read(next);
      if (found.length === 0) return;
      const fields = await parts.fieldsOf(found);
      const items = itemsOf(found, { view, fields, now: parts.now() });
      lost += found.filter(({ kind }) => kind === "unreadable").length;
      for (const batch of batches(items)) await hand(batch);
      next += found.length;
      marks = addMark(marks, { next, hash: await parts.hashOf(next - 1) });
      await parts.cursors.keep({ next, lost, view: view.snapshot(), marks, rewound });
      say();
    }
  }

  async function drive(): Promise<void> {
    while (again) {
      again = false;
      try {
        await run();
      } catch (error) {
        // A cursor that cannot be kept, a monitor that does not answer: what was delivered comes once more.
        view = null;
        await later(error instanceof Error ? error.message : "it failed");
        again = true;
      }
    }
    busy = false;
  }

  return {
    wake() {
      again = true;
      if (busy) return;
      busy = true;
      void drive();
    },
  };
}

/** What a view makes of records; those one after another that cannot be read are one gap. */
function itemsOf(
  found: readonly Found[],
  {
    view,
    fields,
    now,
  }: { readonly view: View; readonly fields: ReadonlyMap<number, PayloadFields>; readonly now: number },
): readonly Item[] {
  const items: Item[] = [];
  for (let at = 0; at < found.length; at += 1) {
    const each = found[at];
    if (each?.kind === "record") {
      items.push(...view.take({ record: each.record, fields: fields.get(each.record.seq) ?? null }));
    } else if (each !== undefined) {
      const end = found.findIndex(({ kind }, later) => later > at && kind === "record");
      const to = each.seq + (end === -1 ? found.length : end) - at;
      items.push(...view.gap({ from: each.seq, to, at: now, why: each.why }));
      at += to - each.seq - 1;
    }
  }
  return items;
}

function* batches(items: readonly Item[]): Iterable<readonly Item[]> {
  let batch: Item[] = [];
  let units = 0;
  for (const item of items) {
    const own = JSON.stringify(item.value).length;
    if (batch.length > 0 && (batch.length >= MOST_ITEMS || units + own > MOST_UNITS)) {
      yield batch;
      batch = [];
      units = 0;
    }
    batch.push(item);
    units += own;
  }
  if (batch.length > 0) yield batch;
}

function whyRewound({ from, to, size }: Rewound, next: number): string {
  const what = from === size ? `the log went back to ${size} records when ${to} were delivered` : OTHERS;
  // Between the newest place that is known to be the same and the first that is known to be gone nobody has looked.
  const unknown = next === from - 1 ? `record ${next}` : `records ${next} to ${from - 1}`;
  const also = next < from ? `; ${unknown} may be others than were delivered too` : "";
  return `${what}${also}; it comes again from record ${next} on`;
}

const OTHERS = "the log has others in their place";
