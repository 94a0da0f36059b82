import type { PlaneOf } from "../../kernel/memory.ts";

/** An entry as it lies on the shelf: sealed, with what it takes to find it. */
export interface ShelfRow extends PlaneOf {
  readonly entry: number;
  /** Milliseconds since 1970 UTC; null: it does not end. */
  readonly expires: number | null;
  /** `sha256:` and hex over salt and content; what it is opened with besides its key. */
  readonly digest: string;
  /** Bytes of its text. */
  readonly bytes: number;
  /** Base64. */
  readonly sealed: string;
}

/** What an entry is found by. `bucket`: what is destroyed about together has the same, so that it is indexed together. */
export interface Indexed {
  readonly text: string;
  readonly bucket: number;
}

/** The key that wraps keys of the index, with the epoch it is made from. 32 bytes. */
export interface IndexKey {
  readonly epoch: number;
  readonly key: Uint8Array;
}

/** Numbers of entries. Very many go as numbers side by side: a list of them takes milliseconds to hand to another thread. */
export type Numbers = readonly number[] | Float64Array;

/** What the shelf is asked for, one order at a time and in the order of asking. */
export interface ShelfOrders {
  /** First of all: what lies there, and which of it the index does not have. */
  begin: {
    body: { readonly key: IndexKey };
    ok: { readonly entries: readonly number[]; readonly unindexed: readonly number[] };
  };
  /** Puts entries there, with the texts by which they are found. */
  add: { body: { readonly rows: readonly (ShelfRow & Indexed)[] }; ok: null };
  /** Takes entries away that never came to be. */
  remove: { body: { readonly entries: readonly number[] }; ok: null };
  read: { body: { readonly entry: number }; ok: ShelfRow | null };
  /**
   * The newest entries below `before` whose index has all these words, newest first: candidates, since a hash of a word may be
   * that of another. Fewer than `most`: there are no others.
   */
  search: {
    body: PlaneOf & { readonly words: readonly string[]; readonly before: number | null; readonly most: number };
    ok: readonly number[];
  };
  /** Parts of the index in which these entries are, and which others are in them. */
  beside: {
    body: { readonly entries: Numbers };
    ok: { readonly segments: readonly number[]; readonly others: Numbers };
  };
  /** Indexes entries anew, in another part. */
  index: { body: { readonly texts: readonly (Indexed & { readonly entry: number })[] }; ok: null };
  /** Removes entries and parts of the index, some thousand rows at a time. */
  drop: { body: { readonly entries: Numbers; readonly segments: readonly number[] }; ok: null };
  /** Wraps the keys of the index anew. */
  rewrap: { body: { readonly key: IndexKey }; ok: null };
  /** Answers when everything that was asked before is done. */
  settled: { body: null; ok: null };
  /** Removes the file, makes it anew, and begins with it. */
  renew: { body: { readonly key: IndexKey }; ok: ShelfOrders["begin"]["ok"] };
  close: { body: null; ok: null };
}

/** The way to the shelf, which is in a thread of its own. Rejects when that failed; see `isDamage`. */
export type AskShelf = <K extends keyof ShelfOrders>(
  name: K,
  body: ShelfOrders[K]["body"],
) => Promise<ShelfOrders[K]["ok"]>;

/** Whether an order failed because the file is not what was written there. */
export function isDamage(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "database-damaged";
}
