import type { RecordBody } from "../../protocol/record.ts";
import type { ExtensionView } from "../../protocol/extension-table.ts";
import type { ExtensionState } from "../state.ts";

type AboutExtension = Extract<RecordBody, { readonly extension: string }>;

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

/** An extension for people. */
export function viewExtension({ manifest: _manifest, quarantined, ...extension }: ExtensionState): ExtensionView {
  return { ...extension, state: quarantined === null ? "added" : "quarantined", why: quarantined };
}
