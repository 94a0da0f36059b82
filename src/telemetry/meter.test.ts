import { createHash } from "node:crypto";
import * as conventions from "@opentelemetry/semantic-conventions/incubating";
import parsePrometheus from "parse-prometheus-text-format";
import { expect, test } from "vitest";
import { isPublished } from "../../test/telemetry/otlp-decoded.ts";
import { checkOtlp } from "../../test/telemetry/otlp-shape.ts";
import { action, BODIES, CANARY, EVERY_KIND, record } from "../../test/telemetry/records.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { LogRecord } from "../protocol/record.ts";
import type { PayloadFields } from "../protocol/telemetry-table.ts";
import { createMeter, type Meter } from "./meter.ts";
import { createNames } from "./names.ts";
import { encodeMetrics } from "./otlp-metrics.ts";
import { otlpRequest } from "./otlp.ts";
import { prometheusText } from "./prometheus.ts";
import { Tally } from "./tally.ts";

const sha256 = (data: Uint8Array): Uint8Array => createHash("sha256").update(data).digest();
const names = createNames("hashed", { salt: "s", sha256 });
const NONE: PayloadFields = { record: 0, infer: null, net: null, programs: [], content: null };
const infer = { provider: "local", model: "small", spent: { input: 10, output: 20, cost: 3_000_000 } };

function count(records: readonly LogRecord[], meter: Meter = createMeter(null, { names })): Meter {
  for (const each of records) {
    const fields = "what" in each && each.what.startsWith("infer/") ? { ...NONE, infer } : NONE;
    meter.take({ record: each, fields });
  }
  return meter;
}

const other = `sha256:${"c".repeat(64)}`;
/** Two actions, one of them held; a call of a model; a denial; one instance that ended and one that was ended. */
const DAY: readonly LogRecord[] = [
  record(0, BODIES.start, 0),
  record(1, BODIES["instance-started"], 0),
  record(2, { ...BODIES.held, ...action() }, 1000),
  record(3, { ...BODIES.approved, ...action() }, 31_000),
  record(4, { ...BODIES.intent, ...action() }, 31_000),
  record(5, { ...BODIES.outcome, ...action(), intent: 4, micros: 50_000 }, 31_050),
  record(6, { ...BODIES.intent, ...action("infer/messages", other) }, 32_000),
  record(7, { ...BODIES.outcome, ...action("infer/messages", other), intent: 6, micros: 2_000_000 }, 34_000),
  record(8, { ...BODIES.denied, ...action() }, 35_000),
  record(9, { ...BODIES.held, ...action("files/write", other) }, 36_000),
  record(10, BODIES["instance-ended"], 40_000),
  record(11, { ...BODIES["instance-started"], instance: "i-00112233445566bb" }, 41_000),
  record(12, { ...BODIES.terminal, instance: "i-00112233445566bb" }, 42_000),
];

test("the log of a day is counted: steps, waits, prompts of a task, tokens, money, ends", () => {
  const text = prometheusText(count(DAY).metrics());
  for (const line of [
    'aios_actions_total{decision="held",risk="observe",stage="approve"} 2',
    'aios_actions_total{decision="denied",risk="observe",stage="select"} 1',
    'aios_actions_total{decision="ok",risk="observe",stage="audit"} 2',
    'aios_approval_duration_seconds_bucket{decision="approved",le="60"} 1',
    'aios_approval_duration_seconds_sum{decision="approved"} 30',
    "aios_held 1",
    "aios_instances 0",
    'aios_prompts_bucket{le="2"} 2',
    "aios_prompts_sum 2",
    'aios_terminals_total{code="control-verb"} 1',
    'aios_grant_uses_total{grant="files"} 2',
    'aios_inference_cost_total{gen_ai_provider_name="local"} 3',
    "aios_log_records 13",
  ]) {
    expect(text.split("\n")).toContain(line);
  }
  expect(text).toContain(
    'gen_ai_client_token_usage_sum{gen_ai_operation_name="chat",gen_ai_provider_name="local",gen_ai_request_model="small",gen_ai_token_type="output"} 20',
  );
  expect(text).toMatch(
    /mcp_client_operation_duration_seconds_count\{gen_ai_operation_name="execute_tool",gen_ai_tool_name="read_text",mcp_method_name="tools\/call"\} 1/u,
  );
});

test("a restart anywhere neither forgets nor counts twice", () => {
  const whole = count(DAY).metrics();
  for (let cut = 0; cut <= DAY.length; cut += 1) {
    const kept: unknown = JSON.parse(JSON.stringify(count(DAY.slice(0, cut)).snapshot()));
    expect(count(DAY.slice(cut), createMeter(kept as JsonObject, { names })).metrics()).toEqual(whole);
  }
});

test("a parser that is not ours reads the text, and finds the same", () => {
  const families = parsePrometheus(prometheusText(count([...EVERY_KIND, ...DAY]).metrics()));
  const held = families.find(({ name }) => name === "aios_held");
  expect(held).toMatchObject({ type: "GAUGE", metrics: [{ value: "1" }] });
  const prompts = families.find(({ name }) => name === "aios_prompts");
  expect(prompts).toMatchObject({ type: "HISTOGRAM", metrics: [{ count: "3", sum: "2" }] });
  for (const { name, help, type } of families) {
    expect({ name, help, type }).toMatchObject({
      name: expect.stringMatching(/^[a-z_]+$/u),
      help: expect.stringMatching(/./u),
    });
    expect(["COUNTER", "GAUGE", "HISTOGRAM"]).toContain(type);
  }
});

test("labels are escaped", () => {
  const tally = new Tally();
  tally.add("aios.terminals", 1, { code: 'a"b\\c\nd' });
  expect(prometheusText(tally.metrics())).toContain('aios_terminals_total{code="a\\"b\\\\c\\nd"} 1\n');
});

test("as OTLP they have its shape, and no word that somebody else chose", () => {
  const meter = count([...EVERY_KIND, ...DAY]);
  const request = otlpRequest("metrics", encodeMetrics(meter.metrics(), { since: 1, now: 2 }), {
    version: "1",
    home: "h",
  });
  expect(checkOtlp("metrics", request)).toEqual([]);
  expect(isPublished("metrics", request)).toBe(true);
  expect(JSON.stringify(request) + prometheusText(meter.metrics())).not.toContain(CANARY);
});

test("names of metrics that are not ours, and their labels, are defined by the conventions", () => {
  const known = new Set<unknown>(Object.values(conventions));
  const metrics = count([...EVERY_KIND, ...DAY])
    .metrics()
    .filter(({ points }) => points.length > 0);
  const used = metrics.flatMap(({ name, points }) => [
    name,
    ...(name.startsWith("aios.") ? [] : points.flatMap(({ labels }) => Object.keys(labels))),
  ]);
  expect(used.filter((name) => !name.startsWith("aios.") && !known.has(name))).toEqual([]);
  expect(used).toContain("gen_ai.client.token.usage");
});

test("series do not grow without an end", () => {
  const tally = new Tally();
  for (let n = 0; n < 2000; n += 1) tally.add("aios.grant.uses", 1, { grant: `g${n}` });
  const points = tally.metrics().find(({ name }) => name === "aios.grant.uses")?.points ?? [];
  expect(points.length).toBe(501);
  expect(points.at(-1)).toMatchObject({ labels: { "otel.metric.overflow": "true" }, value: 1500 });
});
