import { canonicalize } from "../../kernel/canonical.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { MOST_FROZEN_ITEMS } from "../../kernel/memory.ts";
import type { MemoryBook } from "../../kernel/memory-book.ts";
import type { Random } from "../../platform/powers.ts";
import { signedItem, type FrozenItem } from "../../protocol/frozen-item.ts";
import { SALT_BYTES } from "../../protocol/sealed.ts";
import type { MemoryRequests } from "../../protocol/memory-table.ts";
import { Refusal } from "../faults.ts";
import { MemoryFault, type MemoryFaultCode } from "./fault.ts";
import { freezeOf, type FreezeDocument } from "./frozen.ts";
import type { MemoryStore } from "./store.ts";

/** What entries become in a snapshot, and whether one that is signed tells of them as they are. */
export interface Freezing {
  /** Throws Refusal `memory` for an entry that cannot be frozen. */
  draft(asked: MemoryRequests["memory-to-freeze"]["body"]): Promise<MemoryRequests["memory-to-freeze"]["ok"]>;
  /** Throws Refusal: `bad-document`, `older-version`, or `memory`. */
  check(document: JsonObject): Promise<void>;
}

/** Reads what an owner signs to freeze a snapshot; throws Refusal `bad-document` or `older-version`. */
export function readFreeze(document: JsonObject, book: MemoryBook): FreezeDocument {
  const read = freezeOf(document);
  if (read === null)
    throw new Refusal(
      "bad-document",
      `A snapshot names an agent, itself, its version and at most ${MOST_FROZEN_ITEMS} texts in the order of their paths.`,
      "See docs/formats/memory.md.",
    );
  const floor = book.snapshots.floor(read);
  if (read.version <= floor)
    throw new Refusal(
      "older-version",
      `The snapshot "${read.name}" of agent "${read.agent}" has version ${floor} already.`,
      `Sign version ${floor + 1}.`,
    );
  return read;
}

export function createFreezing({
  store,
  book,
  random,
}: {
  readonly store: Pick<MemoryStore, "read">;
  readonly book: MemoryBook;
  readonly random: Pick<Random, "hex">;
}): Freezing {
  /** Nothing is lost of where it comes from, and nothing gets round what its plane or a quarantine says of it. */
  async function itemOf(agent: string, entry: number): Promise<FrozenItem> {
    const place = book.placeOf(entry);
    if (place?.agent !== agent)
      throw refuse("memory-unknown", `agent "${agent}" has no entry ${entry}`, `aios memory list ${agent} append-only`);
    if (place.plane === "ephemeral")
      throw refuse(
        "memory-ephemeral",
        `entry ${entry} is ephemeral, and a snapshot would outlive its end`,
        "Have the agent append what is to last.",
      );
    try {
      const { text, by, instance, labels, sources } = await store.read(place, entry);
      return { path: `entry-${entry}.txt`, text, from: { entry, by, instance, labels, sources } };
    } catch (error) {
      if (error instanceof MemoryFault) throw refuse(error.code, error.message, "Leave it out.");
      throw error;
    }
  }

  return {
    async draft({ agent, name, entries }) {
      const items: FrozenItem[] = [];
      for (const entry of entries) items.push(await itemOf(agent, entry));
      return { version: book.snapshots.floor({ agent, name }) + 1, salt: random.hex(SALT_BYTES), items };
    },

    async check(document) {
      const { agent, items } = readFreeze(document, book);
      for (const { path, text, from } of items) {
        if (from === null) continue;
        const item = await itemOf(agent, from.entry);
        // An owner reads what is signed; whoever made it may not leave out where a text comes from.
        if (canonicalize(signedItem({ ...item, path })) === canonicalize(signedItem({ path, text, from }))) continue;
        throw new Refusal(
          "bad-document",
          `${path} is not entry ${from.entry} as memory has it, with its labels and sources.`,
          "Run `aios memory freeze` again.",
        );
      }
    },
  };
}

function refuse(code: MemoryFaultCode, why: string, hint: string): Refusal {
  return new Refusal("memory", `This cannot be frozen: ${why} (${code}).`, hint);
}
