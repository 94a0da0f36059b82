import { closeSync, fstatSync } from "node:fs";
import { deletedBytes } from "./deleted-files.ts";
import { emptyTree, measureTree, openTree, type TreeSize } from "./hostile-tree.ts";
import { readTree, unsealTree, type SealedTree } from "./sealed-tree.ts";

/** What the thread of the volumes is asked to do with one. */
export type VolumeOrder =
  | {
      readonly kind: "measure";
      readonly path: string;
      readonly bytes: number;
      readonly entries: number;
      /** Pid namespace of the sandbox that has it mounted, whose deleted files count too; null when none has. */
      readonly namespace: number | null;
    }
  | { readonly kind: "empty"; readonly path: string }
  /** Of an extension: make it read-only and read it, read it, or remove everything in it. */
  | { readonly kind: "seal" | "read" | "clear"; readonly path: string };

export type VolumeAnswer =
  | { readonly kind: "measured"; readonly size: TreeSize }
  | { readonly kind: "emptied" }
  | { readonly kind: "tree"; readonly tree: SealedTree }
  | { readonly kind: "failed"; readonly message: string };

/** What the thread does. Never throws. */
export function answerVolume(order: VolumeOrder): VolumeAnswer {
  try {
    const root = openTree(order.path);
    try {
      if (order.kind === "seal" || order.kind === "read")
        return { kind: "tree", tree: readTree(root, { seal: order.kind === "seal" }) };
      if (order.kind !== "measure") {
        if (order.kind === "clear") unsealTree(root);
        emptyTree(root);
        return { kind: "emptied" };
      }
      const size = measureTree(root, order);
      if (order.namespace === null || !size.whole) return { kind: "measured", size };
      const bytes = size.bytes + deletedBytes(order.namespace, fstatSync(root).dev);
      return { kind: "measured", size: { ...size, bytes, whole: bytes <= order.bytes } };
    } finally {
      closeSync(root);
    }
  } catch (error) {
    return { kind: "failed", message: error instanceof Error ? error.message : "the volume cannot be read" };
  }
}
