import { canonicalize } from "../kernel/canonical.ts";
import { maySign, SIGNED_BY, type Purpose } from "../kernel/owner-roles.ts";
import { encodeUtf8, toBase64 } from "../protocol/bytes.ts";
import { pae } from "../protocol/pae.ts";
import { challengeOf, SIGN_IN_TYPE } from "../protocol/passkey.ts";
import type { ConsoleRequests } from "../protocol/console-table.ts";
import { readSecondCode } from "../protocol/second-screen.ts";
import { PLAIN_PURPOSES, STATEMENT_TYPE, statementText, type Envelope, type Statement } from "../protocol/statement.ts";
import { readAnswered } from "../showing/answered.ts";
import { digestedTexts, renderHeld } from "../showing/held-action.ts";
import { plainDocument, renderPlain, type Plain } from "../showing/plain-statement.ts";
import { readAction } from "../showing/read-action.ts";
import type { Rendered } from "../showing/render-action.ts";
import { makeVisible } from "../showing/visible.ts";
import { ask, atDoor, hasHalf, Refused, signedIn, signIn, why } from "./api.ts";
import { columnsOf, drawLine, fill, h, theirs } from "./dom.ts";
import { digestsOf, type Paper } from "./paper.ts";
import { signBy } from "./passkeys.ts";
import { grantPaper } from "./sign-grant.ts";
import { timeOf } from "./time.ts";

/*
 * The signing page: signs people in and has them sign one thing at a time with a passkey: an answer to a held action, a
 * proposed grant, or a statement that one sentence says all of. It has a path, a script and a
 * policy of its own, loads no other page's code and is opened apart from them (docs/decisions/console.md). What it shows
 * and what is signed come from one answer of the monitor (SHOWN-SIGNED-RUN).
 */

/** What the fragment of the address asks to have signed. */
type Target =
  | { readonly kind: "held"; readonly request: string }
  | { readonly kind: "grant"; readonly id: string }
  | ({ readonly kind: "plain" } & Plain);

/** How long until it is asked again, milliseconds. */
const AGAIN_MS = 5000;
/** What a browser's timer can wait, milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The code that says that there is no such thing any more, and what the person is told then. */
const OVER = {
  held: [
    "unknown-request",
    "This does not wait any more: nobody answered in time (hold-expired), or somebody did elsewhere.",
  ],
  grant: [
    "unknown-proposal",
    "This is not proposed any more: it was signed, its time is over, or something that it covers was taken back or answered.",
  ],
} as const;

const message = h("p", { role: "alert", class: "bad" });
const content = h("div");
/** The code of a second screen: what is typed here goes into what is signed. */
const told = h("input", { id: "told", autocomplete: "off", spellcheck: "false", size: "12" });
const banner = h("p", { class: "banner", role: "alert", hidden: true });
/** How often something was begun: what was asked for before the last time is not drawn any more. */
let begun = 0;

async function begin(): Promise<void> {
  const mine = (begun += 1);
  fill(content);
  const target = readTarget(location.hash);
  const key = hasHalf() ? signedIn() : null;
  if (key === null) return showSignIn();
  if (target === null) return location.replace("/");
  const { owners } = await warn();
  const signer = owners.find(({ id }) => id === key);
  const purpose = purposeOf(target);
  const paper = await paperOf(target);
  if (mine !== begun) return;
  if (target.kind === "held") untilOver(target, paper.draft.expires);
  if (target.kind === "grant") untilOver(target, 0);
  if (signer === undefined || maySign(signer.roles, purpose)) return show(paper, key);
  // Nobody is offered what the monitor would refuse them.
  show({ ...paper, answers: [] }, key);
  const { name, roles } = signer;
  fill(message, theirs(`${name} may ${roles.join(", ")}; who signs this is an owner who may ${SIGNED_BY[purpose]}.`));
}

function purposeOf(target: Target): Purpose {
  if (target.kind === "plain") return target.purpose;
  return target.kind === "held" ? "approve-action" : "sign-grant";
}

function paperOf(target: Target): Promise<Paper> {
  if (target.kind === "held") return heldPaper(target.request);
  if (target.kind === "plain") return plainPaper(target);
  return grantPaper(target.id, { columns: columnsOf(content), narrow });
}

/** What there is once it is narrower is asked for anew: shown and signed are from one answer again. */
function narrow(read: () => Promise<unknown>): void {
  void attempt(() => read().then(begin));
}

/**
 * `#REQUEST`, or `#PURPOSE/VALUE`: names and numbers of records in plain ASCII, and nothing else but where a quarantine is from,
 * which is said in the sentence that is shown.
 */
function readTarget(hash: string): Target | null {
  const request = /^#([0-9a-f]{32})$/.exec(hash)?.[1];
  if (request !== undefined) return { kind: "held", request };
  const from = /^#release-memory\/([A-Za-z0-9_.!~*'()%-]{3,2000})$/.exec(hash)?.[1];
  const origin = from === undefined ? null : decoded(from);
  if (origin !== null) return { kind: "plain", purpose: "release-memory", value: origin };
  const [, named, value = ""] = /^#([a-z-]+)\/([a-z0-9-]{1,63})$/.exec(hash) ?? [];
  if (named === "sign-grant") return { kind: "grant", id: value };
  const purpose = PLAIN_PURPOSES.find((each) => each === named);
  if (purpose === undefined || purpose === "release-memory") return null;
  if (purpose !== "thaw-all" && purpose !== "stop-recovery") return { kind: "plain", purpose, value };
  return /^[0-9]{1,15}$/.test(value) ? { kind: "plain", purpose, value: Number(value) } : null;
}

/** What a part of an address says, or null when it is not the one way to say it. */
function decoded(text: string): string | null {
  try {
    const said = decodeURIComponent(text);
    return encodeURIComponent(said) === text ? said : null;
  } catch {
    return null;
  }
}

function showSignIn(): void {
  const button = h("button", { type: "button", onclick: () => void attempt(enter) }, "Sign in with a passkey");
  fill(
    content,
    h("p", {}, "What you sign in with says who you are. It signs nothing else, and gives no right to anything."),
    h("p", {}, button),
    h(
      "p",
      { class: "faint" },
      "No passkey yet? Somebody who administers says aios owners add --passkey at a terminal.",
    ),
  );
}

async function enter(): Promise<void> {
  const party = await atDoor("passkey-party", {});
  if (party.credentials.length === 0) throw new Error("Nobody has a passkey at this home.");
  const { text } = await atDoor("sign-in-open", {});
  await signIn({ text, ...(await signBy(party, challengeOf(SIGN_IN_TYPE, text))) });
  await begin();
}

/** That somebody recovers a lost key is said on every page. @returns who the owners are. */
async function warn(): Promise<ConsoleRequests["owners"]["ok"]> {
  const answer = await ask("owners", {});
  const { pending } = answer.recovery;
  banner.hidden = pending === null;
  if (pending === null) return answer;
  const words = `Somebody recovers a lost key: ${makeVisible(pending.name)} is an owner at ${timeOf(pending.due)}. `;
  fill(banner, words, h("a", { href: `#stop-recovery/${pending.record}` }, "Stop it"));
  return answer;
}

async function heldPaper(request: string): Promise<Paper> {
  const detail = await ask("held-show", { request });
  const { action, statement, agent, what, about } = detail;
  const read = readAction(action);
  const digest = await digestsOf(...digestedTexts(detail));
  const shown: Rendered =
    statement.purpose === "approve-action"
      ? renderHeld(detail, { digest, columns: columnsOf(content) })
      : { kind: "refused", why: "it is no answer to an action" };
  const mayAllow = shown.kind === "shown" && detail.frozen === null;
  const allow: Paper["answers"] = mayAllow ? [["allow", "Let this run, once", "Approved"]] : [];
  // A no needs no reading. What is no answer to an action, or over no action, is nothing to sign at all.
  const deny: Paper["answers"] =
    statement.purpose === "approve-action" && read !== null ? [["deny", "Deny", "Denied"]] : [];
  return {
    shown,
    brief: h("p", {}, theirs(`${agent}: ${what}`), " ", h("bdi", { class: "theirs" }, about)),
    document: read === null ? {} : { ...read },
    draft: statement,
    answers: [...allow, ...deny],
    second: detail.second,
    told: `aios approvals show ${statement.nonce.slice(0, 8)}`,
    more: null,
    elsewhere: "aios approvals show has the same at a terminal, with the same code; aios approvals deny ends it.",
  };
}

async function plainPaper(plain: Plain): Promise<Paper> {
  const document = plainDocument(plain);
  const { statement } = await ask("prepare", { purpose: plain.purpose, document });
  const digest = await digestsOf(canonicalize(document), canonicalize({ ...statement }));
  const shown = renderPlain(plain, { statement, digest });
  return {
    shown,
    brief: null,
    document,
    draft: statement,
    answers: shown.kind === "shown" ? [["allow", "Sign this", "Signed"]] : [],
    second: "nothing",
    told: "",
    more: null,
    elsewhere: "A terminal that asks the same within two minutes shows the same code.",
  };
}

function show(paper: Paper, key: string): void {
  const { shown, elsewhere, brief } = paper;
  const answers = paper.answers.filter(([decision]) => decision === "deny" || paper.second !== "terminal");
  const buttons = answers.map((answer) => {
    const button = h("button", { type: "button", onclick: () => void press() }, answer[1]);
    return button;

    /** While one signature is made no second one is asked for. */
    async function press(): Promise<void> {
      for (const each of buttons) each.disabled = true;
      await attempt(() => decide(answer, { paper, key }));
      for (const each of buttons) each.disabled = false;
    }
  });
  told.value = "";
  if (shown.kind === "refused")
    fill(message, `This cannot be shown in full, so nobody can say yes to it: ${shown.why}.`);
  fill(
    content,
    shown.kind === "refused"
      ? brief
      : h(
          "pre",
          { class: "shown", tabindex: "0", "aria-label": "What you sign" },
          shown.lines.map((each) => [drawLine(each), "\n"]),
        ),
    shown.kind === "refused" ? null : secondScreen(paper),
    h("p", { class: "row" }, buttons, back()),
    h("p", { class: "faint" }, elsewhere),
    paper.more,
  );
}

/** Where an owner demands that a terminal shows the same before somebody signs it here. */
function secondScreen({ second, told: command }: Paper): HTMLElement | null {
  if (second === "nothing") return null;
  if (second === "terminal")
    return h("p", { class: "bad" }, "Too many wrong codes were signed: only a terminal takes a yes to this now.");
  return h(
    "div",
    {},
    h("p", { class: "row" }, h("label", { for: "told" }, "Code of the second screen"), told),
    h(
      "p",
      { class: "faint" },
      h("code", {}, command),
      " tells it at a terminal. Type it when the same is shown there.",
    ),
  );
}

/** The code that was typed, where this answer takes one. Throws Error when what was typed is none. */
function typedCode(decision: Statement["decision"], { second }: Paper): Pick<Statement, "second"> {
  if (second !== "code" || decision === "deny") return {};
  const code = readSecondCode(told.value);
  if (code === null) throw new Error("Type the code of the second screen: eight digits, which a terminal tells.");
  return { second: code };
}

/** Signs what is shown and hands it in. */
async function decide(
  [decision, , done]: Paper["answers"][number],
  { paper, key }: { readonly paper: Paper; readonly key: string },
): Promise<void> {
  const { draft, document } = paper;
  const code = typedCode(decision, paper);
  const { rpId, credentials } = await atDoor("passkey-party", {});
  const mine = credentials.filter((each) => each.key === key);
  if (mine.length === 0) throw new Error("The passkey that you signed in with is no owner's any more.");
  const payload = encodeUtf8(statementText({ ...draft, ...code, decision, key }));
  const { key: keyid, ...assertion } = await signBy({ rpId, credentials: mine }, pae(STATEMENT_TYPE, payload));
  const envelope: Envelope = {
    payloadType: STATEMENT_TYPE,
    payload: toBase64(payload),
    signatures: [{ keyid, ...assertion }],
  };
  const seq = await handIn({ envelope, document });
  if (seq === null) return;
  begun += 1; // its time is up for nobody any more
  // A yes may be denied all the same, or what it let run may fail: said is what the log has.
  const { instance } = document;
  const isYes = draft.purpose === "approve-action" && decision === "allow" && typeof instance === "string";
  const answered = { instance: isYes ? instance : "", digest: draft.subject, seq };
  const came = isYes ? await readAnswered((query) => ask("log-show", query), answered) : null;
  const [words, good] =
    came === null || came.kind === "ran"
      ? [`${done} (record ${seq})${came === null ? "" : `: ${came.text}`}.`, decision === "allow"]
      : [`Denied all the same (record ${seq}): ${came.code}.`, false];
  fill(content, h("p", { class: good ? "good" : "bad", role: "status" }, words), back());
  await warn();
}

/**
 * Takes what waits no more off the page, its buttons too: nobody should sign what is denied already. The clock here may be
 * another than the monitor's, so it is the monitor that says so.
 * @param expires when that can be at the earliest: a lease ends as soon as something that it covers does.
 */
function untilOver(target: Exclude<Target, { kind: "plain" }>, expires: number): void {
  const mine = begun;
  const [gone, words] = OVER[target.kind];
  const look = async (): Promise<void> => {
    if (mine !== begun) return;
    const asked =
      target.kind === "held" ? ask("held-show", { request: target.request }) : ask("proposed-grant", { id: target.id });
    const isOver = await asked.then(
      () => false,
      (error: unknown) => error instanceof Refused && error.code === gone,
    );
    if (mine !== begun) return;
    if (!isOver) return void setTimeout(() => void look(), AGAIN_MS);
    begun += 1;
    fill(message, words);
    fill(content, back());
  };
  setTimeout(() => void look(), Math.min(Math.max(expires - Date.now(), AGAIN_MS), LONGEST_TIMER_MS));
}

/**
 * Hands a signed statement in. One that the monitor refuses was over something that is not so any more: what was shown goes
 * at once, its buttons too, and what there is now takes its place. @returns the number of the record, or null then.
 */
async function handIn(signed: ConsoleRequests["submit"]["body"]): Promise<number | null> {
  try {
    return (await ask("submit", signed)).seq;
  } catch (error) {
    if (!(error instanceof Refused) || !hasHalf()) throw error;
    fill(content, back());
    const reason = why(error);
    await begin().catch((again: unknown) => {
      throw new Error(`${reason} ${why(again)}`, { cause: error });
    });
    fill(message, theirs(`${reason} What stands here now is what there is now.`, 2000));
    return null;
  }
}

function back(): HTMLElement {
  return h("a", { href: "/" }, "Back to the inbox");
}

/** Tries it, and says why it failed. Who has no session any more signs in again. */
async function attempt(work: () => Promise<void>): Promise<void> {
  fill(message);
  try {
    await work();
  } catch (error) {
    if (!hasHalf()) showSignIn();
    fill(message, theirs(why(error), 2000));
  }
}

fill(document.body, banner, h("main", {}, h("h1", {}, "Sign"), message, content));
addEventListener("hashchange", () => void attempt(begin));
void attempt(begin);
