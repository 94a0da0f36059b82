import { canonicalize } from "../kernel/canonical.ts";
import { isObject, parseJson, type JsonValue } from "../kernel/json.ts";
import { INSTRUMENT_NAMES, INSTRUMENTS, type Instrument, type InstrumentName } from "./instruments.ts";

export type Labels = { readonly [name: string]: string };

/** One series: labels and what was measured of it. */
export type Point =
  | { readonly kind: "number"; readonly labels: Labels; readonly value: number }
  | {
      readonly kind: "histogram";
      readonly labels: Labels;
      readonly count: number;
      readonly sum: number;
      /** One more than there are bounds: the last has what is over all of them. */
      readonly buckets: readonly number[];
    };

export interface Metric extends Instrument {
  readonly name: InstrumentName;
  readonly points: readonly Point[];
}

/** Series of one instrument; what comes in beyond is counted as one that says so (OpenTelemetry, cardinality limits). */
const MOST_SERIES = 500;
const OVERFLOW: Labels = { "otel.metric.overflow": "true" };

/** Numbers that only grow, and numbers that are. */
export class Tally {
  readonly #numbers = new Map<InstrumentName, Map<string, number>>();
  readonly #histograms = new Map<InstrumentName, Map<string, number[]>>();

  /** @param snapshot What `snapshot` gave; anything else begins at nothing. */
  constructor(snapshot: JsonValue = null) {
    const kept = isObject(snapshot) ? snapshot : {};
    for (const name of INSTRUMENT_NAMES) {
      this.#numbers.set(
        name,
        seriesFrom(kept[name], (value) => (typeof value === "number" ? value : null)),
      );
      this.#histograms.set(name, seriesFrom(kept[name], numbersIn));
    }
  }

  add(name: InstrumentName, by: number, labels: Labels = {}): void {
    const series = this.#numbers.get(name);
    if (series === undefined) return;
    const key = keyIn(series, labels);
    series.set(key, (series.get(key) ?? 0) + by);
  }

  set(name: InstrumentName, value: number): void {
    this.#numbers.get(name)?.set(canonicalize({}), value);
  }

  /** Sorts a measurement into its bucket. */
  observe(name: InstrumentName, value: number, labels: Labels = {}): void {
    const series = this.#histograms.get(name);
    if (series === undefined) return;
    const key = keyIn(series, labels);
    const bounds = boundsOf(name);
    // Count and sum first, then the buckets.
    const kept = series.get(key) ?? Array.from({ length: bounds.length + 3 }, () => 0);
    const at = bounds.findIndex((bound) => value <= bound);
    const bucket = 2 + (at === -1 ? bounds.length : at);
    series.set(
      key,
      kept.map((each, place) => each + (place === 0 || place === bucket ? 1 : place === 1 ? value : 0)),
    );
  }

  metrics(): readonly Metric[] {
    return INSTRUMENT_NAMES.map((name): Metric => {
      const numbers = [...(this.#numbers.get(name) ?? [])].map(([key, value]): Point => ({
        kind: "number",
        labels: labelsOf(key),
        value,
      }));
      const histograms = [...(this.#histograms.get(name) ?? [])].map(
        ([key, [count = 0, sum = 0, ...buckets]]): Point => ({
          kind: "histogram",
          labels: labelsOf(key),
          count,
          sum,
          buckets,
        }),
      );
      return { name, ...INSTRUMENTS[name], points: [...numbers, ...histograms] };
    });
  }

  snapshot(): JsonValue {
    return Object.fromEntries(
      INSTRUMENT_NAMES.map((name) => [
        name,
        Object.fromEntries<JsonValue>([...(this.#numbers.get(name) ?? []), ...(this.#histograms.get(name) ?? [])]),
      ]),
    );
  }
}

function boundsOf(name: InstrumentName): readonly number[] {
  return INSTRUMENTS[name].bounds ?? [];
}

function keyIn(series: ReadonlyMap<string, unknown>, labels: Labels): string {
  const key = canonicalize(labels);
  return series.has(key) || series.size < MOST_SERIES ? key : canonicalize(OVERFLOW);
}

function labelsOf(key: string): Labels {
  const read = parseJson(key);
  return textsIn(read.kind === "ok" ? read.value : null);
}

/** The texts of an object by their names. */
export function textsIn(value: JsonValue): Labels {
  const pairs = Object.entries(isObject(value) ? value : {});
  return Object.fromEntries(pairs.flatMap(([name, each]) => (typeof each === "string" ? [[name, each]] : [])));
}

function seriesFrom<T>(value: JsonValue | undefined, read: (value: JsonValue) => T | null): Map<string, T> {
  const series = new Map<string, T>();
  for (const [key, each] of Object.entries(isObject(value) ? value : {})) {
    const known = read(each);
    if (known !== null) series.set(key, known);
  }
  return series;
}

function numbersIn(value: JsonValue): number[] | null {
  return Array.isArray(value) && value.every((each) => typeof each === "number") ? [...value] : null;
}
