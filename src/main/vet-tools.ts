import { createHash } from "node:crypto";
import { brotliDecompressSync, inflateRawSync, unzipSync } from "node:zlib";
import type { Vetting } from "../cli/powers.ts";
import { VET_BOUNDS, type Dialect, type VetTools } from "../extensions/vet/tree.ts";
import { readTree, type TreeBounds } from "../platform/files/tree-reader.ts";

type Plugin = "jsx" | "typescript" | "decorators-legacy" | "decoratorAutoAccessors";
const PLUGINS: { readonly [dialect in Dialect]: readonly Plugin[] } = {
  javascript: [],
  jsx: ["jsx"],
  typescript: ["typescript", "decorators-legacy", "decoratorAutoAccessors"],
  tsx: ["typescript", "jsx", "decorators-legacy", "decoratorAutoAccessors"],
};

const BOUNDS: TreeBounds = {
  files: VET_BOUNDS.files,
  fileBytes: 64 * 1024 * 1024,
  bytes: 512 * 1024 * 1024,
  depth: 64,
};

/** What `aios ext vet` needs of this machine. */
export function createVetting(): Vetting {
  return { read: (path) => readTree(path, BOUNDS), tools: loadVetTools };
}

/** What bytes hold that nothing marks as raw deflate or Brotli, at most `most` bytes of each. */
export function openUnmarked(bytes: Uint8Array, most: number): readonly Uint8Array[] {
  return [inflateRawSync, brotliDecompressSync].flatMap((open) => {
    try {
      return [open(bytes, { maxOutputLength: most })];
    } catch {
      return [];
    }
  });
}

/** Loads what vetting needs. The parser is loaded by the one command that uses it. */
export async function loadVetTools(): Promise<VetTools> {
  const { parse } = await import("@babel/parser");
  return {
    parse: (text, dialect) =>
      parse(text, {
        sourceType: "unambiguous",
        errorRecovery: true,
        allowReturnOutsideFunction: true,
        allowImportExportEverywhere: true,
        allowUndeclaredExports: true,
        attachComment: false,
        plugins: ["estree", ...PLUGINS[dialect]],
      }),
    inflate: (bytes, most) => {
      try {
        return unzipSync(bytes, { maxOutputLength: most });
      } catch {
        return null;
      }
    },
    unmarked: openUnmarked,
    decode: (bytes) => new TextDecoder().decode(bytes),
    sha256: (bytes) => createHash("sha256").update(bytes).digest("hex"),
  };
}
