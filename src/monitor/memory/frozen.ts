import { canonicalize } from "../../kernel/canonical.ts";
import { isArray, isObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { isItemPath, MOST_FROZEN_ITEMS, SNAPSHOT_NAME } from "../../kernel/memory.ts";
import { wordsOf } from "../../kernel/memory-words.ts";
import { AGENT_NAME } from "../../kernel/names.ts";
import type { Crypto } from "../../platform/powers.ts";
import { Refusal } from "../faults.ts";
import type { Log } from "../log/log.ts";
import type { State } from "../state.ts";
import { MemoryFault } from "./fault.ts";

/** A snapshot as an owner signs it: whole, so that what is read, signed and given is one text. */
export interface FreezeDocument {
  readonly agent: string;
  readonly name: string;
  readonly version: number;
  /** In the order of their paths, none twice. */
  readonly items: readonly { readonly path: string; readonly text: string }[];
}

/** Most characters of all texts of one snapshot: what a person signs they can read. */
const MOST_TEXT = 262_144;

/** Reads what an owner signs to freeze a snapshot; throws Refusal `bad-document` or `older-version`. */
export function readFreeze(document: JsonObject, state: Pick<State, "memory">): FreezeDocument {
  const read = freezeOf(document);
  if (read === null)
    throw new Refusal(
      "bad-document",
      `A snapshot names an agent, itself, its version and at most ${MOST_FROZEN_ITEMS} texts in the order of their paths.`,
      "See docs/formats/memory.md.",
    );
  const floor = state.memory.snapshot(read)?.version ?? 0;
  if (read.version <= floor)
    throw new Refusal(
      "older-version",
      `The snapshot "${read.name}" of agent "${read.agent}" has version ${floor} already.`,
      `Sign version ${floor + 1}.`,
    );
  return read;
}

/** The digest of the manifest of a snapshot: its name, its version, and the digest of each text. */
export function manifestDigest(
  { agent, name, version, items }: FreezeDocument,
  crypto: Pick<Crypto, "digest">,
): string {
  const manifest = items.map(({ path, text }) => ({ path, digest: crypto.digest(text) }));
  return crypto.digest(canonicalize({ v: 1, agent, name, version, items: manifest }));
}

/** The document of a snapshot, or null when this is none. */
export function freezeOf(document: JsonValue | undefined): FreezeDocument | null {
  if (document === undefined || !isObject(document) || Object.keys(document).length !== 4) return null;
  const { agent, name, version, items } = document;
  if (typeof agent !== "string" || !AGENT_NAME.test(agent)) return null;
  if (typeof name !== "string" || !SNAPSHOT_NAME.test(name)) return null;
  if (typeof version !== "number" || !Number.isSafeInteger(version) || version < 1) return null;
  if (items === undefined || !isArray(items) || items.length === 0 || items.length > MOST_FROZEN_ITEMS) return null;
  const read: { path: string; text: string }[] = [];
  let units = 0;
  for (const item of items) {
    if (!isObject(item) || Object.keys(item).length !== 2) return null;
    const { path, text } = item;
    if (typeof path !== "string" || !isItemPath(path) || typeof text !== "string") return null;
    if (path <= (read.at(-1)?.path ?? "")) return null;
    units += text.length;
    read.push({ path, text });
  }
  return units > MOST_TEXT ? null : { agent, name, version, items: read };
}

/** A text that was found, and where. */
export interface FrozenText {
  readonly name: string;
  readonly version: number;
  readonly path: string;
  readonly text: string;
}

/** Texts of snapshots, from the log: each is read from the very document that was signed, and held against its digest. */
export interface FrozenTexts {
  /** Throws MemoryFault `memory-unknown` or `memory-damaged`. */
  read(of: {
    readonly agent: string;
    readonly name: string;
    readonly path: string;
  }): Promise<{ readonly text: string; readonly version: number }>;
  /** The newest version of every snapshot of an agent, and what is in it. */
  list(
    agent: string,
  ): Promise<readonly { readonly name: string; readonly version: number; readonly paths: readonly string[] }[]>;
  /** Texts of the newest version of every snapshot that have every word of the query, at most so many. */
  search(agent: string, options: { readonly query: string; readonly most: number }): Promise<readonly FrozenText[]>;
  /** One snapshot whole. */
  whole(of: { readonly agent: string; readonly name: string }): Promise<FreezeDocument>;
}

export function createFrozenTexts(parts: {
  readonly crypto: Pick<Crypto, "digest">;
  readonly log: Pick<Log, "entries">;
  readonly state: Pick<State, "memory">;
}): FrozenTexts {
  async function whole(of: { readonly agent: string; readonly name: string }): Promise<FreezeDocument> {
    const snapshot = parts.state.memory.snapshot(of);
    if (snapshot === null) throw new MemoryFault("memory-unknown", `agent "${of.agent}" has no snapshot "${of.name}"`);
    if (parts.state.memory.isWithheld(snapshot)) {
      const why = "a newer version may have been frozen after the backup from which the home was restored";
      throw new MemoryFault("memory-withheld", `the snapshot "${of.name}" of agent "${of.agent}" is not given: ${why}`);
    }
    for await (const { payload } of parts.log.entries(snapshot.record, snapshot.record + 1)) {
      const document = freezeOf(payload?.["document"]);
      if (document !== null && manifestDigest(document, parts.crypto) === snapshot.digest) return document;
    }
    throw new MemoryFault("memory-damaged", `the snapshot "${of.name}" of agent "${of.agent}" is not what was signed`);
  }

  return {
    whole,
    async read({ path, ...of }) {
      const { items, version } = await whole(of);
      const found = items.find((item) => item.path === path);
      if (found === undefined) throw new MemoryFault("memory-unknown", `the snapshot "${of.name}" has no ${path}`);
      return { text: found.text, version };
    },
    async search(agent, { query, most }) {
      const words = wordsOf(query);
      const found: FrozenText[] = [];
      if (words.length === 0) return found;
      // One after the other: what is read of each comes up for air in between.
      for (const each of parts.state.memory.snapshots(agent)) {
        const { name, version, items } = await whole(each);
        for (const { path, text } of items) {
          const has = new Set(wordsOf(text));
          if (!words.every((word) => has.has(word))) continue;
          found.push({ name, version, path, text });
          if (found.length === most) return found;
        }
      }
      return found;
    },
    async list(agent) {
      const snapshots = parts.state.memory.snapshots(agent);
      return Promise.all(
        snapshots.map(async (each) => {
          const { name, version, items } = await whole(each);
          return { name, version, paths: items.map(({ path }) => path) };
        }),
      );
    },
  };
}
