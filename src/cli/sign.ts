import { canonicalize } from "../kernel/canonical.ts";
import type { JsonObject } from "../kernel/json.ts";
import { sealEnvelope } from "../protocol/dsse.ts";
import { keyId, PLAIN_PURPOSES, type Purpose, type Statement } from "../protocol/statement.ts";
import { CliFailure } from "./failure.ts";
import { join, writeLines } from "../showing/line.ts";
import type { CliPowers, MonitorClient } from "./powers.ts";
import { statementCode, type Draft } from "../showing/statement-code.ts";
import type { SigningSession } from "./signing-session.ts";

export interface SigningParts {
  readonly powers: Pick<CliPowers, "crypto" | "err">;
  readonly client: MonitorClient;
  readonly session: SigningSession;
}

/** What is to be signed: exactly the document that was shown, and what the person decided about it. */
export interface Decided {
  readonly purpose: Purpose;
  readonly decision: Statement["decision"];
  readonly document: JsonObject;
  readonly draft: Draft;
}

/**
 * Signs one statement and hands it in. The draft comes from the monitor, so it is checked against what was shown: another
 * purpose or another subject is never signed (SHOWN-SIGNED-RUN). Returns the sequence number of the record that it made.
 */
export async function signAndSubmit(parts: SigningParts, decided: Decided): Promise<number> {
  const { draft, document } = decided;
  const subject = parts.powers.crypto.digest(canonicalize(document));
  if (draft.purpose !== decided.purpose || draft.subject !== subject) {
    throw CliFailure.of("changed-on-the-way", "Nothing was signed: the statement to sign is not about what was shown");
  }
  const signer = await parts.session.unlock();
  const statement: Statement = {
    ...draft,
    decision: decided.decision,
    key: keyId(signer.publicKey, parts.powers.crypto.sha256),
  };
  const envelope = sealEnvelope(statement, signer);
  const { seq } = await parts.client.request("submit", { envelope, document });
  return seq;
}

/**
 * Asks for a draft over a document, shows its short code, signs it and hands it in. For what was already shown and confirmed.
 * While the key is unlocked the code is shown only of what the console can have signed too.
 */
export async function prepareAndSign(
  parts: SigningParts,
  asked: { readonly purpose: Purpose; readonly document: JsonObject },
): Promise<number> {
  const { statement } = await parts.client.request("prepare", asked);
  if (!parts.session.unlocked || PLAIN_PURPOSES.some((each) => each === asked.purpose))
    writeLines(parts.powers.err, [
      join(["faint", "code       "], statementCode(statement, parts.powers.crypto.digest)),
    ]);
  return await signAndSubmit(parts, { ...asked, decision: "allow", draft: statement });
}
