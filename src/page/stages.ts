import { STAGES } from "../kernel/codes.ts";
import { h, theirs } from "./dom.ts";
import type { Feed, StageSeen } from "./feed.ts";

const TONES: { readonly [verdict: string]: string } = {
  denied: "bad",
  terminal: "bad",
  failed: "bad",
  held: "wait",
};

/**
 * Where the last action of an instance stands that is known of: as it was seen, or, on a page that was opened afterwards, the
 * last one that is held. Undefined when neither is: that is not to say that there was none.
 */
export function lastStage({ stages, held }: Pick<Feed, "stages" | "held">, instance: string): StageSeen | undefined {
  const seen = stages.get(instance);
  if (seen !== undefined) return seen;
  let last: StageSeen | undefined;
  for (const view of held.values()) {
    if (view.instance === instance) last = { what: view.what, stage: "approve", verdict: "held" };
  }
  return last;
}

/** The six stages with where an action of an instance stands. Never colour alone: the words say the same. */
export function stageTrack(seen: StageSeen | undefined): HTMLElement {
  const at = seen === undefined ? -1 : STAGES.findIndex((stage) => stage === seen.stage);
  const tone = TONES[seen?.verdict ?? ""] ?? "good";
  return h(
    "div",
    { class: "track" },
    h(
      "ol",
      { "aria-label": "stages of an action" },
      STAGES.map((stage, index) =>
        h(
          "li",
          {
            class: index < at ? "passed" : index === at ? `here ${tone}` : "",
            "aria-current": index === at ? "step" : null,
          },
          stage,
        ),
      ),
    ),
    seen === undefined ? null : h("p", { class: "faint" }, theirs(seen.what, 80), ` ${seen.stage}: ${seen.verdict}`),
  );
}
