import { sameText } from "../kernel/likeness.ts";
import type { HeldDetail } from "../protocol/requests.ts";
import { renderHeld } from "./held-action.ts";
import { join, line } from "./line.ts";
import { readAction } from "./read-action.ts";
import type { Rendered } from "./render-action.ts";
import { statementCode, type Digest } from "./statement-code.ts";

/** Equal requests that may be answered together; of more, the first so many. */
export const MOST_TOGETHER = 32;

/**
 * Held actions of one instance that ask for the very same, shown once, with the request and the code of each: what is signed
 * is a statement for each of them. Refused when they are not equal in every byte but the request, or would not be shown
 * alike (SHOWN-SIGNED-RUN): that is read from the bytes to sign, whoever says that they are equal.
 */
export function renderEqual(
  details: readonly HeldDetail[],
  { digest, columns }: { digest: Digest; columns: number },
): Rendered {
  const [first, ...others] = details;
  if (first === undefined) return { kind: "refused", why: "there is nothing to show" };
  const shown = renderHeld(first, { digest, columns });
  if (shown.kind === "refused" || others.length === 0) return shown;
  if (details.length > MOST_TOGETHER)
    return { kind: "refused", why: `at most ${MOST_TOGETHER} equal requests are answered together` };
  if (new Set(details.map(({ request }) => request)).size < details.length)
    return { kind: "refused", why: "one of the requests is there twice" };
  const alike = sideOf(first);
  for (const other of others) {
    if (renderHeld(other, { digest, columns }).kind === "refused" || sideOf(other) !== alike)
      return { kind: "refused", why: "they are not equal; answer them one by one" };
  }
  const each = others.map(({ request, statement }) =>
    join(["faint", "  and       "], `${request}  ${statementCode(statement, digest)}`),
  );
  return {
    kind: "shown",
    lines: [
      ...shown.lines,
      line(`${others.length} more that ask for the same, each a run of its own:`, "strong"),
      ...each,
    ],
  };
}

/** Everything about a held action that decides whether a person would say the same to another. */
function sideOf({ action, risk, labels, reasons, unendorsed, provenance, found }: HeldDetail): string {
  const read = readAction(action);
  const said = read === null ? null : [sameText(read), read.instance];
  return JSON.stringify([said, risk, labels, reasons, unendorsed, provenance, found]);
}
