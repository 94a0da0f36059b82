import { h } from "./dom.ts";

type Cell = HTMLElement | string | number | null | readonly (HTMLElement | string)[];

/** A table for people; on a narrow screen each row stands by itself, its cells with their headings. */
export function table(caption: string, headings: readonly string[], rows: readonly (readonly Cell[])[]): HTMLElement {
  return h(
    "div",
    { class: "table" },
    h(
      "table",
      {},
      h("caption", { class: "hidden" }, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          headings.map((heading) => h("th", { scope: "col" }, heading)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            row.map((cell, index) => h("td", { "data-heading": headings[index] }, h("div", {}, cell))),
          ),
        ),
      ),
    ),
  );
}
