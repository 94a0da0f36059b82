import { canonicalize } from "../kernel/canonical.ts";
import type { HeldDetail } from "../protocol/requests.ts";
import { line, type Line } from "./line.ts";
import { readAction } from "./read-action.ts";
import { LEAST_COLUMNS, renderAction, type Rendered } from "./render-action.ts";
import { statementCode, type Digest } from "./statement-code.ts";
import { makeVisible } from "./visible.ts";
import { wrapProse } from "./width.ts";

/**
 * A held action as every screen shows it, from the bytes that will be signed. Refused when the bytes, the digest and the
 * statement do not fit each other (SHOWN-SIGNED-RUN).
 */
export function renderHeld(detail: HeldDetail, { digest, columns }: { digest: Digest; columns: number }): Rendered {
  const found = digest(detail.action);
  const action = readAction(detail.action);
  if (action === null) return { kind: "refused", why: "the action is not in canonical form" };
  if (found !== detail.digest || found !== detail.statement.subject || action.request !== detail.request) {
    return { kind: "refused", why: "the action, its digest and the statement do not belong together" };
  }
  const { risk, labels, reasons, unendorsed, provenance, before, statement, found: there } = detail;
  if (!belongs(detail, digest))
    return { kind: "refused", why: "what was found of the file is not what the statement says" };
  const code = statementCode(statement, digest);
  const shown = renderAction(detail.action, {
    context: { risk, labels, reasons, unendorsed, provenance, before, found: there, code },
    columns,
  });
  if (shown.kind === "refused" || detail.frozen === null) return shown;
  return { kind: "shown", lines: [...explainFrozen(detail.frozen, columns), line(""), ...shown.lines] };
}

/** That no yes is taken while what asks stands still: who reads on would sign for nothing. */
export function explainFrozen(why: string, columns: number): readonly Line[] {
  const said = `NOT NOW: ${makeVisible(why)}. No yes to this is taken until an owner lets it go on; a no is.`;
  return wrapProse(said, Math.max(LEAST_COLUMNS, columns)).map((text) => line(text, "wait"));
}

/** The texts whose digests `renderHeld` needs, for a browser, which makes digests in its own time. */
export function digestedTexts({ action, statement, found }: HeldDetail): readonly string[] {
  const there = found === null ? [] : [canonicalize({ ...found }), ...(found.kind === "text" ? [found.text] : [])];
  return [action, canonicalize({ ...statement }), ...there];
}

/** Whether what is shown beside the action is what the statement names. */
function belongs({ found, statement }: HeldDetail, digest: Digest): boolean {
  if (found === null) return statement.beside === undefined;
  if (found.kind === "text" && digest(found.text) !== found.digest) return false;
  return digest(canonicalize({ ...found })) === statement.beside;
}
