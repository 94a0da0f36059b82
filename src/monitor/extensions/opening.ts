import type { DriverSource } from "../../kernel/grant.ts";
import type { ExtensionStore } from "../../platform/extension-store.ts";
import { Refusal } from "../faults.ts";
import type { State } from "../state.ts";

type Extensions = Pick<State, "extensions">;

/** Whether what a driver runs may be run: an extension that is in the store and not in quarantine, or no extension at all. */
export function standingOf(source: DriverSource, { extensions }: Extensions): "stands" | "gone" | "quarantined" {
  if (source.kind !== "ext") return "stands";
  const found = extensions.get(source.extension);
  if (found === undefined) return "gone";
  return found.quarantined === null ? "stands" : "quarantined";
}

/**
 * Where the tree of an extension lies, after every byte of it was read and found to be what its id says. Throws Refusal
 * `unknown-extension`, `extension-quarantined`, `extension-failed`, `extension-damaged`.
 */
export async function openTree(
  source: Extract<DriverSource, { readonly kind: "ext" }>,
  { state, store }: { readonly state: Extensions; readonly store: Pick<ExtensionStore, "read" | "treeOf"> },
): Promise<string> {
  const { extension: id } = source;
  requireStanding(source, state);
  // What cannot be read starts nothing, and is not yet known to be something else.
  const { digest } = await store.read(id).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : "it failed";
    throw new Refusal(
      "extension-failed",
      `The files of extension ${id} cannot be read: ${why.slice(0, 512)}.`,
      "Remove it, and add it again.",
    );
  });
  if (digest !== id)
    throw new Refusal(
      "extension-damaged",
      `The files of extension ${id} are not those that were added.`,
      "Remove it, and add it again.",
    );
  // It was in the store when its reading began.
  requireStanding(source, state);
  return store.treeOf(id);
}

/** Throws Refusal `unknown-extension` or `extension-quarantined`. */
export function requireStanding(source: DriverSource, state: Extensions): void {
  const standing = standingOf(source, state);
  if (source.kind !== "ext" || standing === "stands") return;
  const { extension } = source;
  if (standing === "gone")
    throw new Refusal("unknown-extension", `There is no extension ${extension}.`, "Run `aios ext list`.");
  const why = state.extensions.get(extension)?.quarantined ?? "";
  throw new Refusal("extension-quarantined", `This extension is in quarantine: ${why}.`, `aios ext show ${extension}`);
}
