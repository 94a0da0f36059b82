import { decodeAction, type Action } from "../kernel/action.ts";
import { canonicalize } from "../kernel/canonical.ts";
import { parseJson } from "../kernel/json.ts";

/**
 * The action that a canonical text says, or null when it says none or is not the one text of what it says. Bytes with a
 * second reading (duplicate keys, other order, unknown fields) could be shown one way and run another (SHOWN-SIGNED-RUN).
 */
export function readAction(canonical: string): Action | null {
  const parsed = parseJson(canonical);
  if (parsed.kind === "refused" || canonicalize(parsed.value) !== canonical) return null;
  const decoded = decodeAction(parsed.value);
  return decoded.kind === "ok" ? decoded.value : null;
}
