import type { LogFiles, WholeFile } from "../../platform/log/log-powers.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import { HASH_BYTES } from "../../protocol/merkle.ts";
import { decodeBundle, encodeBundle } from "../../protocol/tile.ts";

/**
 * Puts right what a loss of power left of older partial tiles and bundles: they are written without waiting, so that a name may be on
 * the disk and its bytes not, and a verifier would take that for tampering. `edge` are today's, which hold what each began with.
 */
export async function mendPartials(files: LogFiles, edge: readonly WholeFile[]): Promise<void> {
  for (const { path, bytes } of edge) {
    const folder = path.slice(0, path.lastIndexOf("/"));
    const today = Number(path.slice(folder.length + 1));
    for (const name of await files.list(folder)) {
      const width = Number(name);
      if (width === today || !/^[1-9][0-9]{0,2}$/.test(name)) continue;
      const other = `${folder}/${name}`;
      const right = width < today ? beginningOf(path, { bytes, today, width }) : null;
      const found = await files.read(other);
      if (right === null) await files.remove([other], { durable: true });
      else if (found === null || !equalBytes(found, right)) {
        await files.write([{ path: other, bytes: right }], { durable: true });
      }
    }
  }
}

function beginningOf(
  path: string,
  { bytes, today, width }: { readonly bytes: Uint8Array; readonly today: number; readonly width: number },
): Uint8Array | null {
  if (!path.startsWith("tile/entries/")) return bytes.subarray(0, width * HASH_BYTES);
  const leaves = decodeBundle(bytes, today);
  return leaves === null ? null : encodeBundle(leaves.slice(0, width));
}
