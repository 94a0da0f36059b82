import type { LogRequests } from "../../protocol/log-requests.ts";
import type { HeldView } from "../../protocol/held-view.ts";
import type { HeldDetail } from "../../protocol/requests.ts";
import type { Arguments } from "../arguments.ts";
import { HOME, JSON_OUTPUT, type Command, type Flag, type Positional } from "../command.ts";
import { confirm } from "../confirm.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { showSecondCode } from "../../protocol/second-screen.ts";
import { readAnswered, tellAnswered } from "../../showing/answered.ts";
import { decideAll, findEqual, findHeld, listEqual, listHeld } from "../held.ts";
import { join, line, writeLines, type Line } from "../../showing/line.ts";
import { showSpan } from "../../showing/moment.ts";
import type { CliPowers, Home, MonitorClient } from "../powers.ts";
import { createQuestions, tellEnd, type Question, type Questions } from "../questions.ts";
import { renderFor, showAndAsk } from "../show-held.ts";
import { openSigningSession } from "../signing-session.ts";
import { layOutTable } from "../table.ts";

const REQUEST: Positional = {
  name: "REQUEST",
  required: true,
  help: "its id, or the first digits of it, from the list",
};

const EQUAL: Flag = {
  name: "equal",
  value: null,
  help: "all that this instance asks for and that are equal to it; one passphrase signs a statement for each",
};

/** `aios approvals list`: what waits for a human. */
export const approvalsList: Command = {
  path: ["approvals", "list"],
  summary: "list the actions that wait for you",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "What nobody answers in time expires and is denied. Requests of one instance for the very same are one line; approve and deny with --equal answer all of them.",
  ],
  examples: ["approvals list"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const held = await listHeld(client);
      if (args.has("json")) writeJson(powers, { held });
      else if (held.length === 0) writeLines(powers.out, [line("Nothing is held.")]);
      else {
        const rows = listEqual(held).map((view) => [
          view.request.slice(0, 8),
          view.agent,
          view.times === 1 ? view.what : `${view.what} (${view.times} times)`,
          view.reasons.join(", "),
          showSpan(view.expires - powers.now()),
          { visible: view.about },
        ]);
        writeLines(powers.out, layOutTable(["REQUEST", "AGENT", "WHAT", "HELD FOR", "EXPIRES IN", "ABOUT"], rows));
      }
      return EXIT.ok;
    });
  },
};

/** `aios approvals show`: one held action in full. */
export const approvalsShow: Command = {
  path: ["approvals", "show"],
  summary: "show one held action in full",
  positionals: [REQUEST],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "Shows every argument in full from the bytes that you would sign, and beside each where it came from. Characters that could deceive are shown as code points, such as ‹U+202E›.",
    "Where an owner demands a second screen (aios owners second), it tells the code that a yes in the console takes, below the action that it is for.",
  ],
  examples: ["approvals show 3fa9c2d1"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const { request } = await findHeld(client, args.required("REQUEST"));
      const detail = await client.request("held-show", { request });
      if (args.has("json")) writeJson(powers, detail);
      else {
        showOrRefuse(powers, detail);
        writeLines(powers.out, await tellSecond(client, detail));
      }
      return EXIT.ok;
    });
  },
};

/** The code that a yes in the console takes, told beside the action that was just shown in full, and nowhere else. */
async function tellSecond(client: MonitorClient, detail: HeldDetail): Promise<readonly Line[]> {
  if (detail.second === "nothing") return [];
  const { request, statement } = detail;
  const { code } = await client.request("second-code", { request, beside: statement.beside ?? null });
  // Below the code of the statement, as one more of what belongs to this action.
  if (code === null) return [line("  second    none: too many wrong ones were signed, so answer this here", "bad")];
  return [
    join(["faint", "  second    "], ["strong", showSecondCode(code)]),
    line("            the console asks for it: type it there if it is this that you want to run", "faint"),
  ];
}

/** `aios approvals approve`: shows, asks, signs. */
export const approvalsApprove: Command = {
  path: ["approvals", "approve"],
  summary: "let one held action run, once; you sign for it",
  positionals: [REQUEST],
  rest: null,
  flags: [EQUAL, HOME],
  details: [
    "Shows the action in full, asks, and reads the passphrase of your owner key from the terminal. Your signature is over this action alone: it runs once, or not at all when anything moved since.",
  ],
  examples: ["approvals approve 3fa9c2d1"],
  async run(powers, args) {
    return await decide({ powers, args, decision: "allow" });
  },
};

/** `aios approvals deny`: the same, signed too, so that nobody can deny in an owner's name. */
export const approvalsDeny: Command = {
  path: ["approvals", "deny"],
  summary: "say no to one held action; you sign that too",
  positionals: [REQUEST],
  rest: null,
  flags: [EQUAL, HOME],
  details: [
    "Without an answer a held action expires and is denied all the same; this says so at once and records who did.",
  ],
  examples: ["approvals deny 3fa9c2d1"],
  async run(powers, args) {
    return await decide({ powers, args, decision: "deny" });
  },
};

async function decide(call: { powers: CliPowers; args: Arguments; decision: "allow" | "deny" }): Promise<ExitCode> {
  const { powers, args, decision } = call;
  return await withMonitor(call, async (client, home) => {
    const view = await findHeld(client, args.required("REQUEST"));
    const parts = { powers, client, home, questions: createQuestions() };
    return await decideOn(parts, { view, decision, equal: args.has("equal") });
  });
}

export interface DecidingParts {
  readonly powers: CliPowers;
  /** Watches the instance from then on. */
  readonly client: MonitorClient;
  readonly home: Home;
  readonly questions: Questions;
}

/**
 * Shows one held action in full, or with `equal` all that are equal to it, asks, and signs. A question whose action ends elsewhere
 * says so at once. Throws `CliFailure` when it cannot be shown or the person does not say yes.
 */
export async function decideOn(
  { powers, client, home, questions }: DecidingParts,
  asked: { readonly view: HeldView; readonly decision: "allow" | "deny"; readonly equal: boolean },
): Promise<ExitCode> {
  const { view, decision } = asked;
  // First, so that nothing ends between what is fetched and what is told.
  await followEnds(client, { questions, view });
  const detail = await client.request("held-show", { request: view.request });
  const details = asked.equal ? await findEqual(client, detail) : [detail];
  if (decision === "allow" && detail.frozen !== null) throw isFrozen(powers, details, detail.frozen);
  const first = renderFor(powers.out, { details, crypto: powers.crypto });
  // What cannot be shown may still be denied: a no needs no reading.
  if (first.kind === "refused" && decision === "allow") throw cannotShow(first.why);
  const cancel = powers.timer.after(Math.max(0, detail.expires - powers.now()), () =>
    questions.end(detail.digest, "Nobody answered in time: it is denied (hold-expired)"),
  );
  let asker: Question | null = null;
  try {
    const shown = await showAndAsk(
      { powers, screen: powers.out, questions },
      { details, ask: (by) => confirm(powers, questionFor(decision, details.length), (asker = by)) },
    );
    if (!shown.answer)
      throw CliFailure.of("not-confirmed", "Nothing was signed: you did not say yes", "it stays held until it expires");
    if (decision === "allow" && shown.rendered.kind === "refused") throw cannotShow(shown.rendered.why);
    const opened = openSigningSession(powers, { home, keep: "once" });
    const session = { ...opened, unlock: () => opened.unlock(shown.asker) };
    const seqs = await decideAll({ powers, client, session }, { details, decision });
    return await tellAll({ powers, client }, { details, decision, seqs });
  } catch (error) {
    throw overBy(asker, error);
  } finally {
    cancel();
  }
}

/** What a question was not answered for, when it was over before. */
function overBy(asker: Question | null, error: unknown): unknown {
  if (asker === null || asker.over === null) return error;
  if (!(error instanceof CliFailure) || error.code !== "not-confirmed") return error;
  return CliFailure.of("not-confirmed", `Nothing was signed. ${asker.over}`);
}

/** Ends the question about an action as soon as the monitor says that it is held no more, or says nothing any more. */
async function followEnds(
  client: MonitorClient,
  { questions, view: { instance } }: { readonly questions: Questions; readonly view: HeldView },
): Promise<void> {
  client.onEvent("record", ({ record }) => {
    if (record.kind === "denied") questions.end(record.action, tellEnd(record.code));
    else if (record.kind === "intent") questions.end(record.action, tellEnd(null));
  });
  client.onEnd(() => questions.endAll("The monitor is gone"));
  await client.request("watch", { instance });
}

/** Says of each answer what came of it; the exit code says whether each was taken. */
async function tellAll(
  { powers, client }: { readonly powers: CliPowers; readonly client: MonitorClient },
  answered: {
    readonly details: readonly HeldDetail[];
    readonly decision: "allow" | "deny";
    readonly seqs: readonly number[];
  },
): Promise<ExitCode> {
  const { details, decision, seqs } = answered;
  let exit: ExitCode = EXIT.ok;
  for (const [index, seq] of seqs.entries()) {
    const { instance = "", digest = "" } = details[index] ?? {};
    const ask = (query: LogRequests["log-show"]["body"]) => client.request("log-show", query);
    const came = decision === "allow" ? await readAnswered(ask, { instance, digest, seq }) : null;
    writeLines(powers.out, tellAnswered(decision, { seq, came }));
    if (came?.kind === "denied") exit = EXIT.no;
  }
  return exit;
}

function questionFor(decision: "allow" | "deny", times: number): string {
  if (times === 1) return decision === "allow" ? "Let this run, once?" : "Deny this?";
  return decision === "allow" ? `Let all ${times} of these run, once each?` : `Deny all ${times} of these?`;
}

function showOrRefuse(powers: CliPowers, detail: HeldDetail): void {
  const rendered = renderFor(powers.out, { details: [detail], crypto: powers.crypto });
  if (rendered.kind === "refused") throw cannotShow(rendered.why);
  writeLines(powers.out, rendered.lines);
}

/** Shows what no yes is taken to, and says why. */
function isFrozen(powers: CliPowers, details: readonly HeldDetail[], why: string): CliFailure {
  const rendered = renderFor(powers.out, { details, crypto: powers.crypto });
  if (rendered.kind === "shown") writeLines(powers.out, [...rendered.lines, line("")]);
  const hint = "a no is taken: aios approvals deny; a yes is when an owner lets it go on: aios thaw";
  return CliFailure.of("frozen", `Cannot approve this now: ${why}; it stays held`, hint);
}

function cannotShow(why: string): CliFailure {
  return CliFailure.of(
    "cannot-show",
    `Cannot show this action in full: ${why}`,
    "what cannot be shown cannot be approved; aios approvals deny ends it",
  );
}
