import type { RecordBody } from "../../protocol/record.ts";
import type { Grant } from "../../kernel/grant.ts";
import { MOST_USES, type ExtensionView } from "../../protocol/extension-table.ts";
import type { Provenance } from "../../protocol/provenance.ts";
import type { ExtensionState } from "../state.ts";

type AboutExtension = Exclude<
  Extract<RecordBody, { readonly extension: string }>,
  { readonly kind: "extension-attested" }
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
    attested,
  }: { readonly uses: ReadonlyMap<string, readonly string[]>; readonly attested: ReadonlyMap<string, Provenance> },
): ExtensionView {
  const grants = (uses.get(extension.id) ?? []).slice(0, MOST_USES);
  const provenance = attested.get(extension.id) ?? null;
  const state = quarantined === null ? "added" : "quarantined";
  return { ...extension, state, why: quarantined, provenance, grants };
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
