import type { LogRequests } from "../protocol/log-requests.ts";
import type { HeldView } from "../protocol/requests.ts";
import { readAnswered, tellAnswered } from "../showing/answered.ts";
import { renderHeld } from "../showing/held-action.ts";
import { join, line, writeLines } from "../showing/line.ts";
import { makeVisible } from "../showing/visible.ts";
import { decideHeld, listHeld } from "./held.ts";
import type { CliPowers, MonitorClient } from "./powers.ts";
import type { SigningSession } from "./signing-session.ts";

export interface AnsweringParts {
  readonly powers: CliPowers;
  readonly client: MonitorClient;
  readonly signing: SigningSession;
}

export interface Answering {
  /** Only the held actions of this instance, or all. */
  readonly instance: string | null;
  /** Whether a person may leave an action held by answering neither yes nor no. */
  readonly mayLeave: boolean;
}

/** Shows held actions in full, one after the other, and signs what the person decides about each. */
export async function answerHeld(parts: AnsweringParts, answering: Answering): Promise<void> {
  const { powers, client } = parts;
  const { instance } = answering;
  const held = await listHeld(client);
  const mine = held.filter((view) => instance === null || view.instance === instance);
  if (mine.length === 0) writeLines(powers.err, [line("nothing is held")]);
  for (const view of mine) await answerOne(parts, { ...answering, view });
}

async function answerOne(parts: AnsweringParts, answering: Answering & { readonly view: HeldView }): Promise<void> {
  const { powers, client } = parts;
  const { view, mayLeave } = answering;
  const detail = await client.request("held-show", { request: view.request });
  const rendered = renderHeld(detail, { digest: powers.crypto.digest, columns: powers.err.columns });
  // What cannot be shown may still be denied: a no needs no reading.
  if (rendered.kind === "shown") writeLines(powers.err, [line(""), ...rendered.lines, line("")]);
  else
    writeLines(powers.err, [join(["bad", "cannot be shown in full "], `${makeVisible(view.what)}: ${rendered.why}`)]);
  const mayAllow = rendered.kind === "shown" && detail.frozen === null;
  const decision = await askDecision(parts, { mayLeave, mayAllow });
  if (decision === "leave") {
    writeLines(powers.err, [line("it stays held")]);
    return;
  }
  const seq = await decideHeld({ powers, client, session: parts.signing }, { detail, decision });
  const ask = (query: LogRequests["log-show"]["body"]) => client.request("log-show", query);
  const came = decision === "allow" ? await readAnswered(ask, { ...view, seq }) : null;
  writeLines(powers.err, tellAnswered(decision, { seq, came }));
}

async function askDecision(
  { powers }: AnsweringParts,
  { mayLeave, mayAllow }: { readonly mayLeave: boolean; readonly mayAllow: boolean },
): Promise<"allow" | "deny" | "leave"> {
  if (powers.person === null) return "leave";
  const question = mayAllow ? "Let this run, once? y" : "Deny this? n denies it";
  const ways = mayLeave ? `${mayAllow ? ", n" : ""}, or Enter to leave it held: ` : `${mayAllow ? " or n" : ""}: `;
  for (;;) {
    const answer = (await powers.person.askLine(question + ways))?.trim().toLowerCase() ?? null;
    if (mayAllow && (answer === "y" || answer === "yes")) return "allow";
    if (answer === "n" || answer === "no") return "deny";
    if (mayLeave || answer === null) return "leave";
  }
}
