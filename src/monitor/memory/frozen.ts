import { canonicalize } from "../../kernel/canonical.ts";
import { isArray, isObject, type JsonValue } from "../../kernel/json.ts";
import { isItemPath, MOST_FROZEN_ITEMS, SNAPSHOT_NAME } from "../../kernel/memory.ts";
import type { Snapshot } from "../../kernel/memory-snapshots.ts";
import { wordsOf } from "../../kernel/memory-words.ts";
import { AGENT_NAME, REQUEST_NONCE } from "../../kernel/names.ts";
import type { Crypto } from "../../platform/powers.ts";
import { asJson } from "../../protocol/as-json.ts";
import { decode } from "../../protocol/decode.ts";
import { FROZEN_FROM, type FrozenItem } from "../../protocol/frozen-item.ts";
import type { Log } from "../log/log.ts";
import type { State } from "../state.ts";
import { MemoryFault } from "./fault.ts";

/** A snapshot as an owner signs it: whole, so that what is read, signed and given is one text. */
export interface FreezeDocument {
  readonly agent: string;
  readonly name: string;
  readonly version: number;
  /** Nobody can hold guesses of the texts against the digest in the record once they are erased; null: one from before salts. */
  readonly salt: string | null;
  /** In the order of their paths, none twice. */
  readonly items: readonly FrozenItem[];
}

/** Most characters of all texts of one snapshot: what a person signs they can read. */
const MOST_TEXT = 262_144;

/** The digest of the manifest of a snapshot: its name, its version, and the digest of each text. */
export function manifestDigest(
  { agent, name, version, salt, items }: FreezeDocument,
  crypto: Pick<Crypto, "digest">,
): string {
  const manifest = items.map(({ path, text, from }) => ({
    path,
    digest: crypto.digest(text),
    ...(from === null ? {} : { from: asJson(from) }),
  }));
  return crypto.digest(
    canonicalize({ v: 1, agent, name, version, ...(salt === null ? {} : { salt }), items: manifest }),
  );
}

/** The document of a snapshot, or null when this is none. */
export function freezeOf(document: JsonValue | undefined): FreezeDocument | null {
  if (document === undefined || !isObject(document)) return null;
  const { agent, name, version, items, salt = null } = document;
  if (Object.keys(document).length !== (salt === null ? 4 : 5)) return null;
  if (salt !== null && (typeof salt !== "string" || !REQUEST_NONCE.test(salt))) return null;
  if (typeof agent !== "string" || !AGENT_NAME.test(agent)) return null;
  if (typeof name !== "string" || !SNAPSHOT_NAME.test(name)) return null;
  if (typeof version !== "number" || !Number.isSafeInteger(version) || version < 1) return null;
  if (items === undefined || !isArray(items) || items.length === 0 || items.length > MOST_FROZEN_ITEMS) return null;
  const read: FrozenItem[] = [];
  let units = 0;
  for (const each of items) {
    const item = itemOf(each);
    if (item === null || item.path <= (read.at(-1)?.path ?? "")) return null;
    units += item.text.length;
    read.push(item);
  }
  return units > MOST_TEXT ? null : { agent, name, version, salt, items: read };
}

function itemOf(item: JsonValue): FrozenItem | null {
  if (!isObject(item)) return null;
  const { path, text, from } = item;
  if (typeof path !== "string" || !isItemPath(path) || typeof text !== "string") return null;
  if (Object.keys(item).length !== (from === undefined ? 2 : 3)) return null;
  if (from === undefined) return { path, text, from: null };
  const read = decode(FROZEN_FROM, from);
  return read.kind === "ok" ? { path, text, from: read.value } : null;
}

/** A text that was found, and where. */
export interface FrozenText extends FrozenItem {
  readonly name: string;
  readonly version: number;
}

/** A snapshot that is not as it was signed, or does not open. */
export type UnreadableSnapshot = Pick<Snapshot, "name" | "version">;

/** Texts of snapshots, from the log: each is read from the very document that was signed, and held against its digest. */
export interface FrozenTexts {
  /**
   * Throws MemoryFault `memory-unknown`, `memory-withheld`, `memory-erased`, `memory-damaged`, or `memory-quarantined` for what
   * was made of an entry that agents do not get any more.
   */
  read(of: { readonly agent: string; readonly name: string; readonly path: string }): Promise<FrozenText>;
  /** The newest version of every snapshot of an agent, and what is in it; those that do not open apart. */
  list(agent: string): Promise<{
    readonly snapshots: readonly {
      readonly name: string;
      readonly version: number;
      readonly paths: readonly string[];
    }[];
    readonly unreadable: readonly UnreadableSnapshot[];
  }>;
  /** Texts of the newest version of every snapshot that have every word of the query, at most so many; none in quarantine. */
  search(
    agent: string,
    options: { readonly query: string; readonly most: number },
  ): Promise<{ readonly found: readonly FrozenText[]; readonly unreadable: readonly UnreadableSnapshot[] }>;
  /** One snapshot whole, as agents get it: throws MemoryFault as `read` does, for any text of it. */
  given(of: { readonly agent: string; readonly name: string }): Promise<FreezeDocument>;
  /**
   * Versions, old ones too, of which a text was made of one of these entries, or is one of these texts; and those that do not open,
   * of which nobody knows.
   */
  holding(wanted: {
    readonly entries: readonly number[];
    readonly texts: readonly string[];
  }): Promise<{ readonly found: readonly Snapshot[]; readonly unreadable: readonly Snapshot[] }>;
  /** The newest version as it was signed, for people; what is withheld or in quarantine too. Throws MemoryFault. */
  whole(of: { readonly agent: string; readonly name: string }): Promise<FreezeDocument>;
  /** One version as it was signed, an old one too. Throws MemoryFault `memory-damaged`, or LogError for a payload that does not open. */
  signed(snapshot: Snapshot): Promise<FreezeDocument>;
}

export function createFrozenTexts(parts: {
  readonly crypto: Pick<Crypto, "digest">;
  readonly log: Pick<Log, "entries">;
  readonly state: Pick<State, "memory">;
}): FrozenTexts {
  const { memory } = parts.state;

  async function whole(of: { readonly agent: string; readonly name: string }): Promise<FreezeDocument> {
    const snapshot = memory.snapshots.newest(of);
    if (snapshot === null) throw new MemoryFault("memory-unknown", `agent "${of.agent}" has no snapshot "${of.name}"`);
    if (memory.snapshots.standing(snapshot) === "erased") {
      const why = `an owner had version ${snapshot.version} of the snapshot "${of.name}" erased, and can freeze another`;
      throw new MemoryFault("memory-erased", why);
    }
    return signed(snapshot).catch((error: unknown) => {
      throw damagedSnapshot(of, error);
    });
  }

  /** Of an agent's snapshots those that open, each whole, and the others by name. One after the other: a read comes up for air. */
  async function openAll(
    agent: string,
  ): Promise<{ readonly opened: readonly FreezeDocument[]; readonly unreadable: readonly UnreadableSnapshot[] }> {
    const opened: FreezeDocument[] = [];
    const unreadable: UnreadableSnapshot[] = [];
    for (const snapshot of memory.snapshots.given(agent)) {
      const { name, version } = snapshot;
      await whole(snapshot).then(
        (document) => opened.push(document),
        () => unreadable.push({ name, version }),
      );
    }
    return { opened, unreadable };
  }

  async function signed({ agent, name, record, digest }: Snapshot): Promise<FreezeDocument> {
    for await (const { payload } of parts.log.entries(record, record + 1)) {
      const document = freezeOf(payload?.["document"]);
      if (document !== null && manifestDigest(document, parts.crypto) === digest) return document;
    }
    throw new MemoryFault("memory-damaged", `the snapshot "${name}" of agent "${agent}" is not what was signed`);
  }

  async function standing(of: { readonly agent: string; readonly name: string }): Promise<FreezeDocument> {
    const snapshot = memory.snapshots.newest(of);
    if (snapshot !== null && memory.snapshots.standing(snapshot) === "withheld") {
      const why = "a newer version may have been frozen after the backup from which the home was restored";
      throw new MemoryFault("memory-withheld", `the snapshot "${of.name}" of agent "${of.agent}" is not given: ${why}`);
    }
    return await whole(of);
  }

  function refuseQuarantined({ name }: FreezeDocument, { path, from }: FrozenItem): void {
    if (from === null || !memory.isQuarantined(from)) return;
    const why = `was made of entry ${from.entry}, which is in quarantine: an owner can freeze another version`;
    throw new MemoryFault("memory-quarantined", `${path} of the snapshot "${name}" ${why}`);
  }

  return {
    whole,
    signed,
    async holding({ entries, texts }) {
      const [found, unreadable]: [Snapshot[], Snapshot[]] = [[], []];
      for (const snapshot of memory.snapshots.kept()) {
        const document = await signed(snapshot).catch(() => null);
        const holds = document?.items.some(
          ({ from, text }) => (from !== null && entries.includes(from.entry)) || texts.includes(text),
        );
        if (holds === undefined) unreadable.push(snapshot);
        else if (holds) found.push(snapshot);
      }
      return { found, unreadable };
    },
    async given(of) {
      const document = await standing(of);
      for (const item of document.items) refuseQuarantined(document, item);
      return document;
    },
    async read({ path, ...of }) {
      const document = await standing(of);
      const found = document.items.find((item) => item.path === path);
      if (found === undefined) throw new MemoryFault("memory-unknown", `the snapshot "${of.name}" has no ${path}`);
      refuseQuarantined(document, found);
      return { name: of.name, version: document.version, ...found };
    },
    async search(agent, { query, most }) {
      const words = wordsOf(query);
      if (words.length === 0) return { found: [], unreadable: [] };
      const { opened, unreadable } = await openAll(agent);
      const found = opened.flatMap(({ name, version, items }) =>
        items
          .filter(({ from, text }) => {
            if (from !== null && memory.isQuarantined(from)) return false;
            const has = new Set(wordsOf(text));
            return words.every((word) => has.has(word));
          })
          .map((item) => ({ name, version, ...item })),
      );
      return { found: found.slice(0, most), unreadable };
    },
    async list(agent) {
      const { opened, unreadable } = await openAll(agent);
      const snapshots = opened.map(({ name, version, items }) => ({
        name,
        version,
        paths: items.map(({ path }) => path),
      }));
      return { snapshots, unreadable };
    },
  };
}

function damagedSnapshot(
  { agent, name }: { readonly agent: string; readonly name: string },
  error: unknown,
): MemoryFault {
  if (error instanceof MemoryFault) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new MemoryFault("memory-damaged", `the snapshot "${name}" of agent "${agent}" does not open: ${why}`);
}
