import { agentsView } from "./agents.ts";
import { enter, hasHalf, isMoved, leave } from "./api.ts";
import { fill, h } from "./dom.ts";
import { follow, type Feed } from "./feed.ts";
import { grantsView, grantView } from "./grants.ts";
import { inboxView } from "./inbox.ts";
import { instanceView } from "./instance.ts";
import { logView } from "./log.ts";
import { memoryView } from "./memory.ts";
import { policyView } from "./policy.ts";
import { proposeView } from "./propose.ts";
import { recordView } from "./record.ts";
import { signLink } from "./sign-link.ts";
import { stopAll, stopButton, type Say } from "./stop.ts";
import { tellAway } from "../showing/describe-away.ts";
import { tellLogTrouble } from "../showing/describe-log.ts";
import { makeVisible } from "../showing/visible.ts";
import { timeOf } from "./time.ts";
import type { View } from "./view.ts";

/** The pages, in the order of the navigation, with the key that leads there. */
const PAGES = [
  ["inbox", "Inbox", "i"],
  ["agents", "Agents", "a"],
  ["grants", "Grants", "g"],
  ["policy", "Policy", "p"],
  ["memory", "Memory", "m"],
  ["log", "Log", "l"],
] as const;

async function begin(): Promise<void> {
  const code = /^#enter=([0-9a-f]{32})$/.exec(location.hash)?.[1];
  if (code !== undefined) {
    history.replaceState(null, "", "/"); // the code is used once; it does not stay in the history either
    const refused = await enter(code);
    if (refused !== null && !hasHalf()) return outside(refused);
  }
  if (hasHalf()) inside();
  else outside();
}

/** What a browser sees that has not come in. */
function outside(why: string = ""): void {
  fill(
    document.body,
    h(
      "main",
      { class: "outside" },
      h("h1", {}, "AIOS"),
      why === "" ? null : h("p", { class: "bad", role: "alert" }, why),
      h("p", {}, "This browser has not come in. At a terminal of this machine say"),
      h("pre", {}, "aios console"),
      h(
        "p",
        {},
        "and open the address that it prints",
        isMoved() ? "." : [", or ", h("a", { href: "/sign" }, "sign in with a passkey"), "."],
      ),
    ),
  );
}

function inside(): void {
  const message = h("p", { class: "message", role: "status", "aria-live": "polite" });
  const say: Say = (words, tone) => {
    message.className = `message ${tone ?? ""}`;
    fill(message, ...words);
  };
  const main = h("main", { id: "main", tabindex: "-1" });
  const links = new Map(
    PAGES.map(([name, title, key]) => [
      name,
      h("a", { href: `#${name}`, accesskey: key, title: `${title} (key: ${key})` }, title),
    ]),
  );
  const badge = h("span", { class: "badge" });
  links.get("inbox")?.append(badge);
  const banner = h("p", { class: "banner", role: "alert", hidden: true });
  const notice = h("p", { class: "notice", role: "status", hidden: true });
  let view: View | null = null;

  const feed = follow({
    changed() {
      const waiting = feed.held.size;
      fill(badge, waiting === 0 ? "" : String(waiting));
      badge.hidden = waiting === 0;
      document.title = waiting === 0 ? "AIOS" : `(${waiting}) AIOS`;
      drawWarning(banner, feed);
      drawNotice(notice, feed);
      view?.draw();
    },
    over: () => outside(isMoved() ? "The console was started again and has another name now." : "The session is over."),
  });
  const act = { say, refresh: () => feed.refresh() };

  function show(): void {
    const [name = "", what = ""] = location.hash.slice(1).split("/");
    const at = PAGES.find(([page]) => page === name)?.[0] ?? "inbox";
    for (const [page, link] of links) {
      if (page === at) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    view = open(at, what);
    fill(main, view.element);
    view.draw();
  }

  function open(page: (typeof PAGES)[number][0], what: string): View {
    if (page === "agents") return what === "" ? agentsView(feed) : instanceView(feed, { instance: what, act });
    if (page === "grants") return what === "" ? grantsView(feed) : grantView(feed, what);
    if (page === "log") return /^\d/.test(what) ? recordView(what) : logView(what);
    if (page === "policy") return policyView(what);
    if (page === "memory") return memoryView(feed);
    return what === "" ? inboxView(feed) : proposeView(feed, what);
  }

  fill(
    document.body,
    h(
      "a",
      { class: "skip", href: "#main", onclick: (event) => (event.preventDefault(), main.focus()) },
      "To the content",
    ),
    h(
      "header",
      { class: "top" },
      h("a", { class: "mark", href: "#inbox" }, "AIOS"),
      h("nav", { "aria-label": "Pages" }, [...links.values()]),
      h(
        "button",
        { type: "button", class: "quiet", onclick: () => void leave().then(() => outside("You have left.")) },
        "Leave",
      ),
      stopButton(act),
    ),
    banner,
    notice,
    message,
    main,
  );
  addEventListener("hashchange", () => {
    show();
    main.focus();
  });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "S") void stopAll(act);
    const page = PAGES.find(([, , key]) => key === event.key);
    if (page !== undefined) location.hash = page[0];
  });
  show();
}

/** What everybody must see, with where an owner signs to end it. */
function drawWarning(banner: HTMLElement, feed: Feed): void {
  const words = warning(feed);
  const { recovering, log, allFrozen, roles } = feed;
  // What is signed is recorded, which cannot be while the log takes nothing.
  const frozen = log !== null || allFrozen === null ? null : ({ purpose: "thaw-all", value: allFrozen } as const);
  const target = recovering === null ? frozen : ({ purpose: "stop-recovery", value: recovering.record } as const);
  const drawn = JSON.stringify([words, target, roles]);
  if (banner.dataset["drawn"] === drawn) return;
  banner.dataset["drawn"] = drawn;
  banner.hidden = words === "";
  fill(banner, words, target === null ? null : [" ", signLink(roles, { ...target, words: "Sign" })]);
}

/** That nobody is there to be asked, and until when: what waits or was denied is seen in that light. */
function drawNotice(notice: HTMLElement, { away }: Feed): void {
  const words = away === null ? "" : tellAway(away, timeOf);
  if (notice.textContent === words) return;
  notice.textContent = words;
  notice.hidden = words === "";
}

/** In words. */
function warning({ recovering, log, allFrozen, connected }: Feed): string {
  if (recovering !== null) {
    const { name, due } = recovering;
    return `Somebody recovers a lost key: ${makeVisible(name)} is an owner at ${timeOf(due)}. Stop it at a terminal: aios owners stop`;
  }
  if (log !== null) return tellLogTrouble(log);
  if (allFrozen !== null) return "Everything is frozen. An owner lets it go on: aios thaw --all";
  return connected ? "" : "No connection to the console; it is tried again.";
}

function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
  );
}

void begin();
