import { STAGES } from "../kernel/codes.ts";
import { h, theirs } from "./dom.ts";
import type { StageSeen } from "./feed.ts";

const TONES: { readonly [verdict: string]: string } = {
  denied: "bad",
  terminal: "bad",
  failed: "bad",
  held: "wait",
};

/** The six stages with where the last action of an instance stands. Never colour alone: the words say the same. */
export function stageTrack(seen: StageSeen | undefined): HTMLElement {
  const at = seen === undefined ? -1 : STAGES.findIndex((stage) => stage === seen.stage);
  const tone = TONES[seen?.verdict ?? ""] ?? "good";
  return h(
    "div",
    { class: "track" },
    h(
      "ol",
      { "aria-label": "stages of the last action" },
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
    seen === undefined
      ? h("p", { class: "faint" }, "no action seen yet")
      : h("p", { class: "faint" }, theirs(seen.what, 80), ` ${seen.stage}: ${seen.verdict}`),
  );
}
