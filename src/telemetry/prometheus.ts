import type { Instrument } from "./instruments.ts";
import type { Labels, Metric, Point } from "./tally.ts";

/** The media type of what `prometheusText` writes. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const UNITS: { readonly [unit: string]: string } = { s: "_seconds", By: "_bytes" };

/** Metrics in Prometheus' text format, version 0.0.4. Names follow OpenTelemetry's rules for Prometheus. */
export function prometheusText(metrics: readonly Metric[]): string {
  return metrics
    .filter(({ points }) => points.length > 0)
    .map((metric) => {
      const name = prometheusName(metric);
      const head = `# HELP ${name} ${escape(metric.help)}\n# TYPE ${name} ${metric.kind}\n`;
      return head + metric.points.map((point) => pointText(name, point, metric.bounds ?? [])).join("");
    })
    .join("");
}

/** The name of a metric as Prometheus has it. */
export function prometheusName({ name, kind, unit }: Instrument & { readonly name: string }): string {
  const base = name.replace(/[^a-zA-Z0-9]/g, "_");
  const suffix = UNITS[unit] ?? "";
  const full = suffix !== "" && base.endsWith(suffix) ? base : base + suffix;
  return kind === "counter" ? `${full}_total` : full;
}

function pointText(name: string, point: Point, bounds: readonly number[]): string {
  if (point.kind === "number") return `${name}${labelText(point.labels)} ${point.value}\n`;
  let below = 0;
  const buckets = point.buckets.map((count, place) => {
    below += count;
    const le = bounds[place] === undefined ? "+Inf" : String(bounds[place]);
    return `${name}_bucket${labelText({ ...point.labels, le })} ${below}\n`;
  });
  const labels = labelText(point.labels);
  return `${buckets.join("")}${name}_sum${labels} ${point.sum}\n${name}_count${labels} ${point.count}\n`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name.replace(/[^a-zA-Z0-9_]/g, "_")}="${escape(value).replaceAll('"', '\\"')}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
