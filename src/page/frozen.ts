import { REASONS } from "../kernel/codes.ts";
import type { InstanceView } from "../protocol/requests.ts";
import { h, theirs } from "./dom.ts";
import { signLink, type Roles } from "./sign-link.ts";

/** More are counted. */
const MOST = 12;
const WORDS: { readonly [code: string]: string } = REASONS;

/** Those that AIOS froze by itself and that wait for a person to look: what one of them asked for may not be in the inbox. */
export function frozenByItself(instances: readonly InstanceView[]): readonly InstanceView[] {
  return instances.filter(({ state, why }) => state === "frozen" && why !== null && Object.hasOwn(WORDS, why));
}

/** Says of each why, and what became of its questions. */
export function drawFrozen(frozen: readonly InstanceView[], roles: Roles): readonly HTMLElement[] {
  const more = frozen.length - MOST;
  return [
    ...frozen
      .slice(0, MOST)
      .map(({ agent, instance, why }) =>
        h(
          "p",
          { class: "row" },
          h("span", { class: "bad" }, theirs(agent), ` is frozen: ${WORDS[why ?? ""] ?? ""} (${why ?? ""}).`),
          why === "held-flood" ? "What it had waiting was denied." : null,
          why === "log-unavailable" ? "It goes on by itself when the log can be written again." : null,
          h("a", { href: `#agents/${instance}` }, "Look at it"),
          signLink(roles, { purpose: "thaw-instance", value: instance, words: "Sign to let it go on" }),
        ),
      ),
    ...(more > 0 ? [h("p", {}, h("a", { href: "#agents" }, `and ${more} more that are frozen`))] : []),
  ];
}
