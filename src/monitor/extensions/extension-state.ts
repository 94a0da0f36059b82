import type { RecordBody } from "../../protocol/record.ts";
import type { Grant } from "../../kernel/grant.ts";
import {
  MOST_USES,
  type ExtensionLife,
  type ExtensionView,
  type PublicationView,
} from "../../protocol/extension-table.ts";
import type { Publication } from "../../protocol/publisher.ts";
import { admittedAs, type Publishers } from "../../protocol/publishers.ts";
import { isPublished } from "./opening.ts";
import type { ExtensionState, State } from "../state.ts";

type AboutExtension = Exclude<
  Extract<RecordBody, { readonly extension: string }>,
  { readonly kind: "extension-attested" | "extension-published" }
>;

/** Takes a record about an extension into the state. */
export function applyExtension(extensions: Map<string, ExtensionState>, at: number, body: AboutExtension): void {
  switch (body.kind) {
    case "extension-added": {
      const { extension: id, manifest, of: kind, name, version, source } = body;
      extensions.set(id, { id, manifest, kind, name, version, source, at, quarantined: null });
      return;
    }
    case "extension-quarantined": {
      const found = extensions.get(body.extension);
      if (found !== undefined) extensions.set(body.extension, { ...found, quarantined: body.why });
      return;
    }
    case "extension-removed":
      extensions.delete(body.extension);
      return;
  }
}

/** An extension for people, and which grants use it. */
export function viewExtension(
  { manifest: _manifest, quarantined, ...extension }: ExtensionState,
  {
    uses,
    state: known,
  }: {
    readonly uses: ReadonlyMap<string, readonly string[]>;
    readonly state: Pick<State, "attested" | "barred" | "published" | "publishers">;
  },
): ExtensionView {
  const grants = (uses.get(extension.id) ?? []).slice(0, MOST_USES);
  const provenance = known.attested.get(extension.id) ?? null;
  const publication = viewPublication(known.published.get(extension.id), known.publishers);
  const why = quarantined ?? known.barred.get(extension.id) ?? null;
  return { ...extension, state: lifeOf(extension.id, { quarantined, known }), why, provenance, publication, grants };
}

function lifeOf(
  id: string,
  {
    quarantined,
    known,
  }: Pick<ExtensionState, "quarantined"> & {
    readonly known: Pick<State, "barred" | "published" | "publishers">;
  },
): ExtensionLife {
  if (quarantined !== null) return "quarantined";
  if (known.barred.has(id)) return "lapsed";
  return isPublished(id, known) ? "added" : "unpublished";
}

function viewPublication(found: Publication | undefined, publishers: Publishers): PublicationView | null {
  if (found?.kind === "signed") return { ...found, admitted: admittedAs(publishers, found.key) };
  return found ?? null;
}

/** Ids of grants by the extension that they name. */
export function usesOf(active: Iterable<Grant>): ReadonlyMap<string, readonly string[]> {
  const uses = new Map<string, string[]>();
  for (const { id, drivers } of active) {
    const named = new Set(
      Object.values(drivers).map(({ source }) => (source.kind === "ext" ? source.extension : null)),
    );
    for (const extension of named) {
      if (extension === null) continue;
      const ids = uses.get(extension);
      if (ids === undefined) uses.set(extension, [id]);
      else ids.push(id);
    }
  }
  return uses;
}
