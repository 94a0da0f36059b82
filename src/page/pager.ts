import { h } from "./dom.ts";

/** The part of a list that is drawn. */
export interface Window {
  /** Place of the first that is drawn. */
  readonly from: number;
  /** How many are drawn at most. */
  readonly size: number;
  readonly of: number;
}

/** Leads through a list of which only a part is drawn, to its end in one step; null when all of it is. `go` is told where to. */
export function pager(
  { from, size, of }: Window,
  { what, go }: { what: string; go(from: number): void },
): HTMLElement | null {
  if (of <= size) return null;
  const last = Math.floor((of - 1) / size) * size;
  const button = (words: string, to: number): HTMLElement =>
    h("button", { type: "button", class: "quiet", disabled: to === from, onclick: () => go(to) }, words);
  return h(
    "nav",
    { class: "row", "aria-label": `Pages of ${what}` },
    button("First", 0),
    button("Earlier", Math.max(0, from - size)),
    h("span", { class: "faint" }, `${from + 1} to ${Math.min(of, from + size)} of ${of}`),
    button("Later", Math.min(last, from + size)),
    button("Last", last),
  );
}

/** Where a window begins in a list that may have become shorter. */
export function within(from: number, { size, of }: Omit<Window, "from">): number {
  return Math.max(0, Math.min(from, Math.floor((of - 1) / size) * size));
}
