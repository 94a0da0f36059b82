import { parseJson } from "../kernel/json.ts";
import { decodeUtf8 } from "../protocol/bytes.ts";
import { decodeRecord } from "../protocol/record-codec.ts";
import type { LogRecord } from "../protocol/record.ts";
import { bundlePath, decodeBundle, TILE_WIDTH } from "../protocol/tile.ts";

/** Reads a public file of the log, or null when there is none; `path` as in docs/formats/log.md. */
export type ReadPublic = (path: string) => Promise<Uint8Array | null>;

/** A record, or the reason why the one of this number cannot be read. */
export type Found =
  | { readonly kind: "record"; readonly record: LogRecord }
  | { readonly kind: "unreadable"; readonly seq: number; readonly why: string };

/**
 * Reads records from public files in the order of the log: some from `from` on, and none from `size` on, which a checkpoint
 * covers. What cannot be read is said, never left out. The files are taken as they are: whether they fit the tree is for
 * whoever verifies the log; this is a view of it.
 */
export async function readRecords(
  read: ReadPublic,
  { from, size }: { readonly from: number; readonly size: number },
): Promise<readonly Found[]> {
  const index = Math.floor(from / TILE_WIDTH);
  const first = index * TILE_WIDTH;
  const width = Math.min(TILE_WIDTH, size - first);
  const leaves = await readBundle(read, index, width);
  const numbers = Array.from({ length: first + width - from }, (_, at) => from + at);
  return numbers.map((seq) => {
    const leaf = leaves?.[seq - first];
    const record = leaf === undefined ? null : recordIn(leaf, seq);
    if (record !== null) return { kind: "record", record };
    return {
      kind: "unreadable",
      seq,
      why: leaves === null ? "their file is missing or damaged" : "it does not decode",
    };
  });
}

/** The bytes of one record in the tree, as public files have them; null when they cannot be read. */
export async function readLeaf(
  read: ReadPublic,
  { seq, size }: { readonly seq: number; readonly size: number },
): Promise<Uint8Array | null> {
  const index = Math.floor(seq / TILE_WIDTH);
  const first = index * TILE_WIDTH;
  const leaves = await readBundle(read, index, Math.min(TILE_WIDTH, size - first));
  return leaves?.[seq - first] ?? null;
}

/** The narrow one of the right edge, or the full one that has taken its place meanwhile. */
async function readBundle(read: ReadPublic, index: number, width: number): Promise<readonly Uint8Array[] | null> {
  for (const held of width === TILE_WIDTH ? [TILE_WIDTH] : [width, TILE_WIDTH]) {
    const bytes = await read(bundlePath(index, held));
    const leaves = bytes === null ? null : decodeBundle(bytes, held);
    if (leaves !== null) return leaves;
  }
  return null;
}

function recordIn(leaf: Uint8Array, seq: number): LogRecord | null {
  const parsed = parseJson(decodeUtf8(leaf) ?? "");
  const decoded = parsed.kind === "ok" ? decodeRecord(parsed.value) : null;
  return decoded?.kind === "ok" && decoded.value.seq === seq ? decoded.value : null;
}
