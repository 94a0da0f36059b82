import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { decodeTelemetry } from "../../src/protocol/telemetry-setting.ts";
import { INSTRUMENT_NAMES, INSTRUMENTS } from "../../src/telemetry/instruments.ts";
import { prometheusName } from "../../src/telemetry/prometheus.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("the dashboard asks for metrics that there are", () => {
  const names = INSTRUMENT_NAMES.map((name) => prometheusName({ name, ...INSTRUMENTS[name] }));
  const known = new Set(names.flatMap((name) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]));
  const asked = [
    ...read("examples/grafana-dashboard.json").matchAll(/\b(?:aios|gen_ai_client|mcp_client)_[a-z_]+(?=[{),"\s]|\[)/gu),
  ].map(([name]) => name);
  expect(asked.length).toBeGreaterThan(12);
  expect(asked.filter((name) => !known.has(name))).toEqual([]);
});

test("the collector takes what the setting of the page sends, and the setting is one", () => {
  const collector: unknown = parse(read("examples/otel-collector.yaml"));
  const [, written = ""] = /```yaml\n([\s\S]*?)```/u.exec(read("docs/telemetry.md")) ?? [];
  const setting = decodeTelemetry(parse(written));
  if (setting.kind !== "ok") throw new Error(setting.message);
  const { host } = new URL(setting.value.otlp?.to ?? "");
  expect(collector).toMatchObject({ receivers: { otlp: { protocols: { http: { endpoint: host } } } } });
});
