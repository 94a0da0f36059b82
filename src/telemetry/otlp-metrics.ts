import type { JsonObject } from "../kernel/json.ts";
import { encodeAttributes, nanos } from "./attributes.ts";
import type { Metric, Point } from "./tally.ts";

/** `AGGREGATION_TEMPORALITY_CUMULATIVE`: a request that is lost is made good by the next. */
const CUMULATIVE = 2;

/** Metrics as OTLP has them. */
export function encodeMetrics(
  metrics: readonly Metric[],
  { since, now }: { readonly since: number; readonly now: number },
): readonly JsonObject[] {
  const times = { startTimeUnixNano: nanos(since), timeUnixNano: nanos(now) };
  return metrics
    .filter(({ points }) => points.length > 0)
    .map(({ name, help, unit, kind, bounds, points }) => {
      const dataPoints = points.map((point) => ({ ...times, ...encodePoint(point, bounds ?? []) }));
      const data =
        kind === "histogram"
          ? { histogram: { dataPoints, aggregationTemporality: CUMULATIVE } }
          : kind === "counter"
            ? { sum: { dataPoints, aggregationTemporality: CUMULATIVE, isMonotonic: true } }
            : { gauge: { dataPoints } };
      return { name, description: help, unit, ...data };
    });
}

function encodePoint(point: Point, bounds: readonly number[]): JsonObject {
  const attributes = encodeAttributes(point.labels);
  if (point.kind === "histogram") {
    const { count, sum, buckets } = point;
    return { attributes, count: String(count), sum, bucketCounts: buckets.map(String), explicitBounds: bounds };
  }
  return Number.isSafeInteger(point.value)
    ? { attributes, asInt: String(point.value) }
    : { attributes, asDouble: point.value };
}
