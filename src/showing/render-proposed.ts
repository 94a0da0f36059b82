import { canonicalize } from "../kernel/canonical.ts";
import { decodeGrant } from "../kernel/grant-decoder.ts";
import type { Grant } from "../kernel/grant.ts";
import { parseJson } from "../kernel/json.ts";
import type { ProposedDetail } from "../protocol/proposed-grants.ts";
import { describeGrant } from "./describe-grant.ts";
import { findDisguised } from "./disguised.ts";
import { join, line, type Line } from "./line.ts";
import { LEAST_COLUMNS, MAXIMUM_BYTES, type Rendered } from "./render-action.ts";
import { statementCode, type Digest } from "./statement-code.ts";
import { makeVisible } from "./visible.ts";
import { cutRows, wrapProse } from "./width.ts";

/** The screen that shows it, and the time there. */
export interface ProposedScreen {
  readonly digest: Digest;
  readonly columns: number;
  readonly now: number;
  /** Minutes that local time is ahead of UTC. */
  readonly offset: number;
}

/**
 * The grant that a canonical text says, or null when it says none or is not the one text of what it says: a text with a second
 * reading could be shown one way and signed another.
 */
export function readProposed(document: string): Grant | null {
  const parsed = parseJson(document);
  if (parsed.kind === "refused" || canonicalize(parsed.value) !== document) return null;
  const decoded = decodeGrant(parsed.value);
  return decoded.kind === "ok" ? decoded.value : null;
}

/**
 * A proposed grant as every screen shows it, from the bytes that will be signed, by the function that shows grants at the
 * terminal. Refused when bytes and statement do not fit each other, or a text in it does not read as what it is
 * (SHOWN-SIGNED-RUN). Pure.
 */
export function renderProposed(detail: ProposedDetail, { digest, now, offset, ...screen }: ProposedScreen): Rendered {
  const { document, statement, about, frozen, open } = detail;
  if (document.length > MAXIMUM_BYTES)
    return refused(`it has ${document.length} characters; at most ${MAXIMUM_BYTES} can be shown`);
  const grant = readProposed(document);
  if (grant === null) return refused("it is no grant in canonical form");
  if (statement.purpose !== "sign-grant" || statement.subject !== digest(document) || grant.id !== detail.id)
    return refused("the grant, its name and the statement do not belong together");
  const disguised = findDisguised(JSON.parse(document));
  if (disguised !== null)
    return refused(`a text in it does not read as what it is: ${makeVisible(disguised).slice(0, 80)}`);
  const columns = Math.max(LEAST_COLUMNS, Math.min(screen.columns, 120));
  return {
    kind: "shown",
    lines: [
      ...(frozen === null ? [] : [...explain(frozen, columns), line("")]),
      ...describeGrant(grant, { now, offset, columns, servers: true, open }),
      line("Where it comes from", "strong"),
      ...about.flatMap((each) => wrapped(each, columns)),
      line(""),
      join(["faint", "purpose    "], statement.purpose),
      join(["faint", "code       "], statementCode(statement, digest)),
    ],
  };
}

/** The texts whose digests `renderProposed` needs, for a browser, which makes digests in its own time. */
export function proposedTexts({ document, statement }: ProposedDetail): readonly string[] {
  return [document, canonicalize({ ...statement })];
}

function refused(why: string): Rendered {
  return { kind: "refused", why };
}

function explain(why: string, columns: number): readonly Line[] {
  const said = `NOT NOW: ${why}. No signature over this is taken until an owner lets it go on.`;
  return wrapProse(said, columns).map((text) => line(text, "wait"));
}

/** Visible text: no character of it is left out, however long a word is. */
function wrapped(text: string, columns: number): readonly Line[] {
  return wrapProse(text, columns - 4)
    .flatMap((row) => cutRows(row, columns - 4))
    .map((row, index) => line(`${index === 0 ? "  " : "    "}${row}`));
}
