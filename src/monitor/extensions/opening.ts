import type { DriverSource } from "../../kernel/grant.ts";
import type { ExtensionStore } from "../../platform/files/extension-store.ts";
import type { Crypto } from "../../platform/powers.ts";
import { Refusal } from "../faults.ts";
import type { State } from "../state.ts";
import { admittedAs } from "../../protocol/publishers.ts";
import { MOST_PUBLISHER, PUBLISHER_FILE } from "../../protocol/publisher.ts";
import { judgePublication } from "./publication.ts";

export type Extensions = Pick<State, "extensions" | "published" | "publishers"> & {
  readonly barred: ReadonlyMap<string, string>;
};
type Standing = "stands" | "gone" | "quarantined" | "lapsed" | "unpublished";

/**
 * Whether what a driver runs may be run: an extension that is in the store and not in quarantine, or no extension at all; and
 * where an owner lets only admitted publishers' run, one of theirs or a device of ours. One that was in quarantine and was added
 * anew has lapsed: whoever may add, which takes no signature, must not lift a quarantine by it.
 */
export function standingOf(source: DriverSource, state: Extensions): Standing {
  if (source.kind === "ext") {
    const found = state.extensions.get(source.extension);
    if (found === undefined) return "gone";
    if (found.quarantined !== null) return "quarantined";
    if (state.barred.has(source.extension)) return "lapsed";
  }
  return isTaken(source, state) ? "stands" : "unpublished";
}

const NOBODY: ReadonlyMap<string, string> = new Map();

/** Absence means deny: a program or an address that a grant names has no publisher. */
function isTaken(source: DriverSource, state: Extensions): boolean {
  if (source.kind === "ext") return isPublished(source.extension, state);
  return !state.publishers.only || (source.kind !== "stdio" && source.kind !== "http");
}

/** Whether an extension is taken for who signed it; where an owner takes no other, what nobody signed is nobody's. */
export function isPublished(
  extension: string,
  { published, publishers }: Pick<State, "published" | "publishers">,
): boolean {
  if (!publishers.only) return true;
  const publication = published.get(extension);
  return publication?.kind === "signed" && admittedAs(publishers, publication.key) !== null;
}

/**
 * Where the tree of an extension lies, after every byte of it was read and found to be what its id says, and, where an owner
 * takes no other, what an admitted publisher signed. Throws Refusal
 * `unknown-extension`, `extension-quarantined`, `publisher-unknown`, `extension-failed`, `extension-damaged`.
 */
export async function openTree(
  source: Extract<DriverSource, { readonly kind: "ext" }>,
  {
    state,
    store,
    crypto,
  }: {
    readonly state: Extensions;
    readonly store: Pick<ExtensionStore, "read" | "treeOf" | "text">;
    readonly crypto: Pick<Crypto, "sha256" | "digest" | "verify">;
  },
): Promise<string> {
  const { extension: id } = source;
  requireStanding(source, state);
  // What cannot be read starts nothing, and is not yet known to be something else.
  const { digest, files } = await store.read(id).catch((error: unknown) => {
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
  const text = state.publishers.only ? await store.text(id, { name: PUBLISHER_FILE, most: MOST_PUBLISHER * 4 }) : null;
  // It was in the store when its reading began.
  requireStanding(source, state);
  // What stands in the log of its publisher is the monitor's word of then; what starts is what the publisher signed.
  const found = state.extensions.get(id);
  if (state.publishers.only && found !== undefined && found.kind !== "http") {
    const { kind, name, version } = found;
    const publication = judgePublication({ kind, name, version }, { files, text }, crypto) ?? undefined;
    const published = new Map(publication === undefined ? [] : [[id, publication]]);
    requireStanding(source, { ...state, published });
  }
  return store.treeOf(id);
}

/**
 * Whether an owner may sign for it, and it may be asked before that what it offers; one that has lapsed stands again by that
 * signature. Throws Refusal `unknown-extension`, `extension-quarantined` or `publisher-unknown`.
 */
export function requireStanding(source: DriverSource, state: Extensions): void {
  const standing = standingOf(source, { ...state, barred: NOBODY });
  if (standing === "stands") return;
  if (source.kind !== "ext" || standing === "unpublished") throw unpublished(source, state);
  const { extension } = source;
  if (standing === "gone")
    throw new Refusal("unknown-extension", `There is no extension ${extension}.`, "Run `aios ext list`.");
  const why = state.extensions.get(extension)?.quarantined ?? "";
  throw new Refusal("extension-quarantined", `This extension is in quarantine: ${why}.`, `aios ext show ${extension}`);
}

function unpublished(source: DriverSource, { published }: Extensions): Refusal {
  if (source.kind !== "ext")
    return new Refusal(
      "publisher-unknown",
      "Only extensions of admitted publishers run here, and a program or an address that a grant names is none.",
      "Add it as an extension that a publisher signed; `aios publishers list` lists them.",
    );
  const { extension } = source;
  const publication = published.get(extension);
  const why =
    publication === undefined
      ? "nobody signed it"
      : publication.kind === "refused"
        ? `its signature does not hold: ${publication.why}`
        : `nobody admitted the key ${publication.key} that signed it`;
  return new Refusal(
    "publisher-unknown",
    `Only extensions of admitted publishers run here, and ${extension} is none: ${why}.`,
    "`aios publishers list` lists them; an owner admits another with `aios publishers admit`.",
  );
}
