import type { Asker } from "../platform/terminal/terminal.ts";
import { groupEqual } from "../protocol/held-view.ts";
import type { LogRequests } from "../protocol/log-requests.ts";
import type { HeldDetail, HeldView } from "../protocol/requests.ts";
import { readAnswered, tellAnswered } from "../showing/answered.ts";
import { MOST_TOGETHER } from "../showing/held-batch.ts";
import { line, writeLines } from "../showing/line.ts";
import { decideAll, listHeld } from "./held.ts";
import type { CliPowers, MonitorClient } from "./powers.ts";
import type { Questions } from "./questions.ts";
import { renderFor, showAndAsk } from "./show-held.ts";
import type { SigningSession } from "./signing-session.ts";

export interface AnsweringParts {
  readonly powers: CliPowers;
  readonly client: MonitorClient;
  readonly signing: SigningSession;
  readonly questions: Questions;
}

export interface Answering {
  /** Only the held actions of this instance, or all. */
  readonly instance: string | null;
  /** Whether a person may leave an action held by answering neither yes nor no. */
  readonly mayLeave: boolean;
}

/** Shows held actions in full, one after the other and equal ones once, and signs what the person decides about each. */
export async function answerHeld(parts: AnsweringParts, answering: Answering): Promise<void> {
  const { powers, client, questions } = parts;
  const { instance } = answering;
  const held = await listHeld(client);
  const mine = held.filter((view) => instance === null || view.instance === instance);
  if (mine.length === 0) writeLines(powers.err, [line("nothing is held")]);
  for (const { all } of groupEqual(mine)) {
    for (const details of await together(parts, all)) {
      if (questions.over !== null) return;
      await answerOnce(parts, { ...answering, details });
    }
  }
}

/** What one answer is asked for: all that are equal in every byte that decides, and each by itself where they are not. */
async function together(
  { powers, client }: AnsweringParts,
  views: readonly HeldView[],
): Promise<readonly (readonly HeldDetail[])[]> {
  const shown = await Promise.all(
    views.map(({ request }) =>
      // One that has ended meanwhile is asked about no more.
      client.request("held-show", { request }).catch(() => null),
    ),
  );
  const details = shown.filter((each) => each !== null).slice(0, MOST_TOGETHER);
  if (details.length === 0) return [];
  // Judged at a width of its own: a screen that is too narrow makes nothing unequal.
  const equal = renderFor({ columns: 80 }, { details, crypto: powers.crypto }).kind === "shown";
  return equal ? [details] : details.map((detail) => [detail]);
}

async function answerOnce(
  parts: AnsweringParts,
  { details, mayLeave }: Answering & { readonly details: readonly HeldDetail[] },
): Promise<void> {
  const { powers, client } = parts;
  const frozen = details.some((detail) => detail.frozen !== null);
  writeLines(powers.err, [line("")]);
  const { answer, asker } = await showAndAsk(
    { ...parts, screen: powers.err },
    {
      details,
      ask: (by, inFull) =>
        askDecision(parts, { asker: by, mayLeave, times: details.length, mayAllow: () => inFull() && !frozen }),
    },
  );
  if (answer === "leave") {
    if (asker.over === null) writeLines(powers.err, [line("it stays held")]);
    return;
  }
  const session = { ...parts.signing, unlock: () => parts.signing.unlock(asker) };
  const seqs = await decideAll({ powers, client, session }, { details, decision: answer });
  const ask = (query: LogRequests["log-show"]["body"]) => client.request("log-show", query);
  for (const [index, seq] of seqs.entries()) {
    const { instance = "", digest = "" } = details[index] ?? {};
    const came = answer === "allow" ? await readAnswered(ask, { instance, digest, seq }) : null;
    writeLines(powers.err, tellAnswered(answer, { seq, came }));
  }
}

async function askDecision(
  { powers }: AnsweringParts,
  asked: {
    readonly asker: Asker;
    readonly mayLeave: boolean;
    readonly times: number;
    readonly mayAllow: () => boolean;
  },
): Promise<"allow" | "deny" | "leave"> {
  const { mayLeave, mayAllow, asker } = asked;
  if (powers.person === null) return "leave";
  for (;;) {
    const answer = (await powers.person.askLine(questionFor(asked), asker))?.trim().toLowerCase() ?? null;
    if (mayAllow() && (answer === "y" || answer === "yes")) return "allow";
    if (answer === "n" || answer === "no") return "deny";
    if (mayLeave || answer === null) return "leave";
  }
}

function questionFor(asked: {
  readonly mayLeave: boolean;
  readonly times: number;
  readonly mayAllow: () => boolean;
}): string {
  const { mayLeave, mayAllow, times } = asked;
  const leave = mayLeave ? `, or Enter to leave ${times === 1 ? "it" : "them"} held` : "";
  if (!mayAllow()) return `${times === 1 ? "Deny this?" : `Deny all ${times} of these?`} n says so${leave}: `;
  const question = times === 1 ? "Let this run, once?" : `Let all ${times} of these run, once each?`;
  return `${question} y${mayLeave ? `, n${leave}` : " or n"}: `;
}
