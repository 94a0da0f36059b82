import { CONSOLE_MOST, type ProposalTerms } from "../protocol/proposed-grants.ts";
import { USUAL_SPAN } from "../showing/proposed-grant.ts";
import { ask, why } from "./api.ts";
import { fill, h } from "./dom.ts";
import type { Feed } from "./feed.ts";
import type { View } from "./view.ts";

const MINUTE = 60_000;

/**
 * Has the monitor propose a grant: over a held action and what is like it, or over what an instance was denied. It is shown and
 * signed on the signing page.
 * @param about id of the action, or of the instance.
 */
export function proposeView(feed: Pick<Feed, "held">, about: string): View {
  const held = /^[0-9a-f]{32}$/.test(about);
  const uses = h("input", { type: "number", id: "uses", min: 1, max: CONSOLE_MOST.uses, step: 1 });
  const most = CONSOLE_MOST.span / MINUTE;
  const minutes = h("input", { type: "number", id: "minutes", min: 1, max: most, step: 1, value: USUAL_SPAN / MINUTE });
  const message = h("p", { role: "alert", class: "bad" });
  const button = h("button", { type: "button", class: "primary", onclick: () => void press() }, "Propose it");
  const element = h(
    "section",
    { "aria-labelledby": "title" },
    h("p", {}, h("a", { href: "#inbox" }, "Inbox")),
    h("h1", { id: "title" }, "Propose a grant"),
    h(
      "p",
      { class: "faint" },
      held
        ? "A lease over this and what waits and is like it: the very tools, and the very values of all arguments. What it covers runs unattended, from the moment at which an owner signs it."
        : "A grant over what it was denied for want of one: the very tools, and the very values of arguments that an owner declared; any other may be anything. What is reserved still waits for a person each time.",
    ),
    h(
      "div",
      { class: "form" },
      h("p", {}, h("label", { for: "uses" }, "How often in all (empty: as often as it was asked for)"), uses),
      h("p", {}, h("label", { for: "minutes" }, "For how many minutes"), minutes),
      h("p", {}, button),
    ),
    message,
  );

  const terms = (): ProposalTerms => {
    const instance = held ? [...feed.held.values()].find(({ request }) => request === about)?.instance : about;
    if (instance === undefined) throw new Error("That does not wait any more.");
    const span = Number(minutes.value) * MINUTE;
    const often = uses.value === "" ? null : Number(uses.value);
    if (!(span >= MINUTE && span <= CONSOLE_MOST.span))
      throw new Error(`For 1 to ${most} minutes; a terminal takes more.`);
    if (often !== null && !(Number.isSafeInteger(often) && often >= 1 && often <= CONSOLE_MOST.uses))
      throw new Error(`Once to ${CONSOLE_MOST.uses} times; a terminal takes more.`);
    return {
      instance,
      from: held ? "held" : "denied",
      like: held ? about : null,
      folders: false,
      uses: often,
      span: Math.round(span),
    };
  };
  async function press(): Promise<void> {
    fill(message);
    button.disabled = true;
    try {
      const { grant } = await ask("propose-grant", terms());
      location.assign(`/sign#sign-grant/${grant.id}`);
    } catch (error) {
      fill(message, why(error));
    }
    button.disabled = false;
  }
  return { element, draw: () => {} };
}
