import { canonicalize } from "../../kernel/canonical.ts";
import { MOST_TTL_SECONDS, type PlaneOf } from "../../kernel/memory.ts";
import type { MemoryBook } from "../../kernel/memory-book.ts";
import { utf8Length } from "../../kernel/utf8.ts";
import type { Crypto, Timer } from "../../platform/powers.ts";
import { fromHex } from "../../protocol/bytes.ts";
import type { Content } from "../../protocol/memory-content.ts";
import {
  EXPORTED_PLANES,
  MAX_EXPORT_ENTRIES,
  readSalted,
  saltedDigest,
  type ExportedPlane,
} from "../../protocol/memory-export.ts";
import type { MemoryRequests } from "../../protocol/memory-table.ts";
import { SALT_DIGITS } from "../../protocol/sealed.ts";
import { Refusal } from "../faults.ts";
import type { ImportDocument } from "./documents.ts";

/** An entry as its own log has it. */
export interface Brought {
  readonly content: Content;
  /** The same as there, so that the same digest commits to it here. */
  readonly salt: Uint8Array;
  readonly digest: string;
  /** Of its text. */
  readonly bytes: number;
}

/** Entries that were handed in together, all of one plane. */
export interface Lot extends PlaneOf {
  readonly plane: ExportedPlane;
  readonly entries: readonly Brought[];
  readonly bytes: number;
}

/** How long a lot waits for its statement, and its most characters: it is in memory, in the clear. */
const WAIT_MS = 10 * 60_000;
const MOST_CHARACTERS = 16 * 1024 * 1024;

/**
 * Where entries wait for an owner's statement over them: their texts stand in no document, since a document stays in the log
 * and an entry must be able to end. There is one lot at a time, and it is gone after ten minutes.
 */
export interface LotDesk {
  /** Adds entries to the lot, or begins it anew. Throws Refusal, and then the lot is gone. */
  hand(body: MemoryRequests["memory-deposit"]["body"]): MemoryRequests["memory-deposit"]["ok"];
  /** The lot that a statement is over, or null; it waits anew. */
  find(digest: string): Lot | null;
  drop(): void;
}

export function createLotDesk(parts: {
  readonly crypto: Pick<Crypto, "sha256" | "digest">;
  readonly timer: Timer;
  readonly book: MemoryBook;
  now(): number;
}): LotDesk {
  const { crypto, book } = parts;
  let entries: Brought[] = [];
  let characters = 0;
  let cancel: (() => void) | null = null;

  function drop(): void {
    entries = [];
    characters = 0;
    cancel?.();
    cancel = null;
  }

  function wait(): void {
    cancel?.();
    cancel = parts.timer.after(WAIT_MS, drop);
  }

  function add(salted: readonly string[]): readonly Brought[] {
    const before = new Set(entries.map(({ digest }) => digest));
    for (const each of salted) {
      const brought = readBrought(each, crypto);
      const [first = brought] = entries;
      const { agent, plane } = brought.content;
      if (agent !== first.content.agent || plane !== first.content.plane)
        throw bad("Entries are imported into one plane at a time.");
      if (before.has(brought.digest)) throw fault("memory-duplicate", "an entry is there twice", "Leave one out.");
      before.add(brought.digest);
      characters += each.length;
      entries.push(brought);
    }
    if (entries.length > MAX_EXPORT_ENTRIES || characters > MOST_CHARACTERS)
      throw bad(`At most ${MAX_EXPORT_ENTRIES} entries with ${MOST_CHARACTERS} characters are imported together.`);
    return entries.slice(-salted.length);
  }

  return {
    hand({ first, entries: salted }) {
      if (first) drop();
      try {
        const known = book.known(add(salted).map(({ digest }) => digest));
        wait();
        return {
          known: entries.slice(-salted.length).flatMap(({ digest }, at) => {
            const entry = known.get(digest);
            return entry === undefined ? [] : [{ at, entry, live: book.look(entry, parts.now()) === "live" }];
          }),
        };
      } catch (error) {
        drop();
        throw error;
      }
    },
    find(digest) {
      const [first] = entries;
      const plane = EXPORTED_PLANES.find((each) => each === first?.content.plane);
      if (first === undefined || plane === undefined || lotDigest(entries, crypto) !== digest) return null;
      wait();
      const bytes = entries.reduce((sum, each) => sum + each.bytes, 0);
      return { agent: first.content.agent, plane, entries, bytes };
    },
    drop,
  };
}

/** What a statement names a lot by: the digest of the list of its entries' digests, each of which has a salt that is nowhere else. */
export function lotDigest(entries: readonly Pick<Brought, "digest">[], crypto: Pick<Crypto, "digest">): string {
  return crypto.digest(canonicalize(entries.map(({ digest }) => digest)));
}

/**
 * Whether an import can be: what was handed in is what was signed, nothing of it was here before, has ended or was erased, and
 * the plane has room for all of it. Throws Refusal; nothing has changed then.
 */
export function checkImport(
  asked: ImportDocument,
  { lot, book, now }: { readonly lot: Lot | null; readonly book: MemoryBook; readonly now: number },
): void {
  if (lot === null)
    throw new Refusal(
      "no-value",
      "The entries that this statement is over were not handed in, or too long ago.",
      "Run `aios memory import` again.",
    );
  const { entries, agent, plane, bytes } = lot;
  if (asked.agent !== agent || asked.plane !== plane || asked.count !== entries.length || asked.bytes !== bytes)
    throw bad("The document tells otherwise of the entries than they do.");
  for (const { content } of entries) {
    const { expires } = content;
    if (expires === null) continue;
    if (expires <= now) throw fault("memory-expired", "an entry is past its end", "Leave it out.");
    if (expires > now + MOST_TTL_SECONDS * 1000) throw bad(`An entry ends later than any may: ${expires}.`);
  }
  const [[, known] = []] = book.known(entries.map(({ digest }) => digest));
  if (known !== undefined) {
    const stands = book.look(known, now);
    if (stands === "erased")
      throw fault("memory-erased", `entry ${known} was erased here`, "What was erased stays so.");
    if (stands === "expired") throw fault("memory-expired", `entry ${known} ended here`, "What ended stays so.");
    throw fault("memory-duplicate", `entry ${known} is here already`, "`--rest` imports only what is not.");
  }
  const last = entries.at(-1)?.bytes ?? 0;
  if (!book.hasRoom({ agent, plane }, last, { bytes: bytes - last, count: entries.length - 1 }))
    throw fault(
      "memory-full",
      `the ${plane} plane of ${agent} has no room for all of it`,
      "`aios memory budget` raises that.",
    );
}

function readBrought(salted: string, crypto: Pick<Crypto, "sha256">): Brought {
  const content = readSalted(salted);
  const salt = fromHex(salted.slice(0, SALT_DIGITS));
  if (content === null || salt === null) throw bad("Something that was handed in is no entry of memory.");
  return { content, salt, digest: saltedDigest(salted, crypto), bytes: utf8Length(content.text) };
}

function bad(message: string): Refusal {
  return new Refusal("bad-document", message, "See docs/formats/memory.md.");
}

function fault(code: string, why: string, hint: string): Refusal {
  return new Refusal("memory", `Nothing was imported: ${why} (${code}).`, hint);
}
