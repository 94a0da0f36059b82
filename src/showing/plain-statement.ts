import { canonicalize } from "../kernel/canonical.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { PlainPurpose } from "../protocol/statement.ts";
import { join, line } from "./line.ts";
import type { Rendered } from "./render-action.ts";
import { statementCode, type Digest, type Draft } from "./statement-code.ts";
import { makeVisible } from "./visible.ts";

/**
 * What a statement that one sentence says all of is about: its purpose, and the one value that its document has; of a quarantine
 * by what it is and which, with a space between.
 */
export interface Plain {
  readonly purpose: PlainPurpose;
  readonly value: string | number;
}

/** The member of the document, or how it is made, and the question that signing answers with yes. */
const PLAIN: {
  readonly [Purpose in PlainPurpose]: readonly [
    member: string | ((value: string) => JsonObject),
    ask: (value: string) => string,
  ];
} = {
  "thaw-instance": ["instance", (instance) => `Let instance ${instance} go on?`],
  "thaw-all": ["frozen", (record) => `Let everything go on that record ${record} froze?`],
  "restart-agent": ["agent", (agent) => `Let agent ${agent} start again?`],
  "lift-hold": ["instance", (instance) => `Let actions of ${instance} pass again as its grants say?`],
  "revoke-grant": ["grant", (grant) => `Revoke the grant ${grant}?`],
  "release-memory": [quarantineOf, (from) => `Let agents have again what is in quarantine by ${from}?`],
  "stop-recovery": ["record", (record) => `Stop the recovery of record ${record}, and end all codes?`],
};

/** The document of such a statement. */
export function plainDocument({ purpose, value }: Plain): JsonObject {
  const [member] = PLAIN[purpose];
  return typeof member === "string" ? { [member]: value } : member(String(value));
}

function quarantineOf(value: string): JsonObject {
  const end = value.indexOf(" ");
  return { by: value.slice(0, Math.max(0, end)), value: value.slice(end + 1) };
}

/** The question that people are asked, in visible text. */
export function plainQuestion({ purpose, value }: Plain): string {
  return PLAIN[purpose][1](makeVisible(String(value)));
}

/**
 * Such a statement as the signing page shows it, with the question and the code that a terminal shows. Refused when the draft is
 * for something else than is shown (SHOWN-SIGNED-RUN).
 */
export function renderPlain(plain: Plain, { statement, digest }: { statement: Draft; digest: Digest }): Rendered {
  if (statement.purpose !== plain.purpose || statement.subject !== digest(canonicalize(plainDocument(plain))))
    return { kind: "refused", why: "the statement is about something else" };
  return {
    kind: "shown",
    lines: [
      line(plainQuestion(plain), "strong"),
      line(""),
      join(["faint", "purpose    "], plain.purpose),
      join(["faint", "code       "], statementCode(statement, digest)),
    ],
  };
}
