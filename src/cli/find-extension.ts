import type { ExtensionView } from "../protocol/extension-table.ts";
import { CliFailure } from "./failure.ts";
import type { MonitorClient } from "./powers.ts";

/** Candidates that are named. */
const MOST_NAMED = 8;

/**
 * The one extension that a person means: by its id, at least six digits of its beginning, its name, or its name and version.
 * Throws `CliFailure` `not-found` when there is none, `ambiguous` with all of them when there are more.
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
  if (only === undefined) {
    const hint = "aios ext list; an id is named by at least six digits of its beginning";
    throw CliFailure.of("not-found", `There is no extension "${typed}"`, hint);
  }
  if (found.length === 1) return only;
  const named = found.slice(0, MOST_NAMED).map(({ id, name, version }) => {
    return `${id.slice("sha256:".length, "sha256:".length + 12)} (${version === null ? name : `${name}@${version}`})`;
  });
  const more = found.length - named.length;
  const which = `one of ${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  throw CliFailure.of("ambiguous", `"${typed}" is ambiguous: ${found.length} extensions are called so`, which);
}
