/** One measured figure. Ratios are taken within one run on one machine; absolute times say little elsewhere. */
export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** The bar of the design, in words; empty where there is none. */
  readonly bar: string;
  readonly met: boolean | null;
  readonly note: string;
}

/** The middle of some figures. */
export function median(values: readonly number[]): number {
  const sorted = [...values].toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
