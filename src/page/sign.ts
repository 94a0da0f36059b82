import { canonicalize } from "../kernel/canonical.ts";
import { encodeUtf8, toBase64 } from "../protocol/bytes.ts";
import type { HeldDetail } from "../protocol/held-view.ts";
import { pae } from "../protocol/pae.ts";
import { challengeOf, SIGN_IN_TYPE } from "../protocol/passkey.ts";
import { STATEMENT_TYPE, statementText, type Envelope, type Statement } from "../protocol/statement.ts";
import { renderHeld } from "../showing/held-action.ts";
import { makeVisible } from "../showing/visible.ts";
import { ask, atDoor, hasHalf, signedIn, signIn, why } from "./api.ts";
import { columnsOf, drawLine, fill, h, theirs } from "./dom.ts";
import { signBy } from "./passkeys.ts";
import { digestOf } from "./sha256.ts";
import { timeOf } from "./time.ts";

/*
 * The signing page: signs people in and has them answer one held action, with a passkey. It has a path, a script and a
 * policy of its own, loads no other page's code and is opened apart from them (docs/decisions/console.md). What it shows
 * and what is signed come from one answer of the monitor (SHOWN-SIGNED-RUN).
 */

const message = h("p", { role: "alert", class: "bad" });
const content = h("div");
const banner = h("p", { class: "banner", role: "alert", hidden: true });

async function begin(): Promise<void> {
  fill(content);
  const request = /^#([0-9a-f]{32})$/.exec(location.hash)?.[1];
  const key = hasHalf() ? signedIn() : null;
  if (key === null) return showSignIn();
  if (request === undefined) return location.replace("/");
  await warn();
  await show(await ask("held-show", { request }), key);
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

/** That somebody recovers a lost key is said on every page. */
async function warn(): Promise<void> {
  const { pending } = (await ask("owners", {})).recovery;
  banner.hidden = pending === null;
  if (pending === null) return;
  const words = `Somebody recovers a lost key: ${makeVisible(pending.name)} is an owner at ${timeOf(pending.due)}. Stop it at a terminal: aios owners stop`;
  fill(banner, words);
}

async function render(detail: HeldDetail): Promise<ReturnType<typeof renderHeld>> {
  if (detail.statement.purpose !== "approve-action") return { kind: "refused", why: "it is no answer to an action" };
  // A browser makes digests in its own time; the texts of which there are any are these two.
  const texts = [detail.action, canonicalize({ ...detail.statement })];
  const digests = new Map(await Promise.all(texts.map(async (text) => [text, await digestOf(text)] as const)));
  return renderHeld(detail, { digest: (text) => digests.get(text) ?? "", columns: columnsOf(content) });
}

async function show(detail: HeldDetail, key: string): Promise<void> {
  const shown = await render(detail);
  const answer = (decision: Statement["decision"], words: string): HTMLElement =>
    h("button", { type: "button", onclick: () => void attempt(() => decide(decision, { detail, key })) }, words);
  if (shown.kind === "refused") {
    fill(message, `This cannot be shown in full, so it cannot be approved: ${shown.why}.`);
    fill(content, h("p", {}, "Deny it at a terminal: aios approvals deny"), back());
    return;
  }
  fill(
    content,
    h(
      "pre",
      { class: "shown", tabindex: "0", "aria-label": "What would run" },
      shown.lines.map((each) => [drawLine(each), "\n"]),
    ),
    h("p", { class: "row" }, answer("allow", "Let this run, once"), answer("deny", "Deny"), back()),
    h("p", { class: "faint" }, "aios approvals show has the same at a terminal, with the same code."),
  );
}

/** Signs what is shown and hands it in. */
async function decide(
  decision: Statement["decision"],
  { detail, key }: { readonly detail: HeldDetail; readonly key: string },
): Promise<void> {
  const { rpId, credentials } = await atDoor("passkey-party", {});
  const mine = credentials.filter((each) => each.key === key);
  if (mine.length === 0) throw new Error("The passkey that you signed in with is no owner's any more.");
  const payload = encodeUtf8(statementText({ ...detail.statement, decision, key }));
  const { key: keyid, ...assertion } = await signBy({ rpId, credentials: mine }, pae(STATEMENT_TYPE, payload));
  const envelope: Envelope = {
    payloadType: STATEMENT_TYPE,
    payload: toBase64(payload),
    signatures: [{ keyid, ...assertion }],
  };
  const { seq } = await ask("submit", { envelope, document: JSON.parse(detail.action) });
  fill(
    content,
    h(
      "p",
      { class: decision === "allow" ? "good" : "bad", role: "status" },
      `${decision === "allow" ? "Approved" : "Denied"} (record ${seq}).`,
    ),
    back(),
  );
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
