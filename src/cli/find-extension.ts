import type { ExtensionView } from "../protocol/extension-table.ts";
import { CliFailure } from "./failure.ts";
import type { MonitorClient } from "./powers.ts";

/**
 * The one extension that a person means: by its id, at least six digits of its beginning, its name, or its name and version.
 * Throws `CliFailure` `not-found` when there is none or more than one.
 */
export async function findExtension(client: MonitorClient, typed: string): Promise<ExtensionView> {
  const { extensions } = await client.request("extensions", {});
  const digits = typed.replace(/^sha256:/u, "");
  const found = extensions.filter(
    ({ id, name, version }) =>
      (/^[0-9a-f]{6,64}$/u.test(digits) && id.startsWith(`sha256:${digits}`)) ||
      name === typed ||
      `${name}@${version ?? ""}` === typed,
  );
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const what = only === undefined ? `There is no extension "${typed}"` : `${found.length} extensions are "${typed}"`;
  throw CliFailure.of("not-found", what, "aios ext list");
}
