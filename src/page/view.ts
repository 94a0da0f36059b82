/** One of the console's pages while it is shown. */
export interface View {
  readonly element: HTMLElement;
  /** Something is known anew. */
  draw(): void;
}
