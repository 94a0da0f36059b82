import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { action, BODIES, record } from "../../test/telemetry/records.ts";
import { checkSpan, isTheirs, wrongValue, type CheckedSpan } from "../../test/telemetry/conventions-check.ts";
import { ATTRIBUTE_TYPES, METRICS } from "../../test/telemetry/conventions-extract.ts";
import type { LogRecord } from "../protocol/record.ts";
import type { PayloadFields } from "../protocol/telemetry-table.ts";
import { createMeter } from "./meter.ts";
import { createNames } from "./names.ts";
import { createTraces } from "./traces.ts";

const sha256 = (data: Uint8Array): Uint8Array => createHash("sha256").update(data).digest();
const names = createNames("hashed", { salt: "s", sha256 });
const fields: PayloadFields = {
  record: 0,
  infer: { provider: "local", model: "m", spent: { input: 1, output: 1, cost: 1 } },
  net: null,
  programs: [],
  content: { arguments: "{}", result: "{}" },
};

/** An instance that called, read, prompted and asked a model, with each result that there is. */
const RECORDS: readonly LogRecord[] = [
  record(1, BODIES["instance-started"]),
  ...["files/read_text", "files#x", "files@x", "infer/messages"].flatMap((what, of) =>
    (["ok", "tool-error", "failed", "unknown"] as const).flatMap((result, at) => {
      const seq = 10 + 2 * (4 * of + at);
      const part = action(what, `sha256:${(seq % 10).toString().repeat(60)}${String(seq).padStart(4, "0")}`);
      const code = result === "failed" ? ("driver-failed" as const) : null;
      return [
        record(seq, { ...BODIES.intent, ...part }),
        record(seq + 1, { ...BODIES.outcome, ...part, intent: seq, result, code }),
      ];
    }),
  ),
  record(90, BODIES["instance-ended"]),
];

function spans(): readonly CheckedSpan[] {
  const view = createTraces(null, { names, sha256 });
  return RECORDS.flatMap((each) => view.take({ record: each, fields })).map(
    ({ value }) => value as unknown as CheckedSpan,
  );
}

test("spans of models, tools and agents are what the conventions say: names, kinds, types, members, what is required", () => {
  const checked = spans().filter((span) => checkSpan(span) !== null);
  expect(checked.flatMap((span) => checkSpan(span))).toEqual([]);
  expect(checked).toHaveLength(4 * 4 + 1);
  const failures = checked.flatMap(({ attributes }) => attributes.filter(({ key }) => key === "error.type"));
  expect(failures.map(({ value }) => value["stringValue"]).filter((word) => word === "tool_error")).toHaveLength(4);
});

test("the check finds a value of another type, one that is no member, what is missing, another kind and another name", () => {
  const checked = spans().filter((span) => checkSpan(span) !== null);
  for (const span of checked) {
    expect(checkSpan({ ...span, name: `${span.name}x` })).not.toEqual([]);
    expect(checkSpan({ ...span, kind: 5 })).not.toEqual([]);
    expect(checkSpan({ ...span, status: { code: span.status.code === 2 ? 0 : 2 } })).not.toEqual([]);
    for (const { key } of span.attributes.filter((each) => isTheirs(each.key))) {
      const change = (value: CheckedSpan["attributes"][number]["value"]): CheckedSpan => ({
        ...span,
        attributes: span.attributes.map((each) => (each.key === key ? { key, value } : each)),
      });
      expect(checkSpan(change({ doubleValue: 0.5 })), key).not.toEqual([]);
      const type = ATTRIBUTE_TYPES[key];
      if (typeof type === "object" && !type.open) expect(wrongValue(key, { stringValue: "other" }), key).not.toBeNull();
    }
  }
  const tool = checked.find(({ name }) => name === "tools/call read_text");
  const without = (key: string): CheckedSpan["attributes"] =>
    (tool?.attributes ?? []).filter((each) => each.key !== key);
  for (const key of ["gen_ai.tool.name", "gen_ai.operation.name"])
    expect(checkSpan({ name: "", kind: 3, status: {}, attributes: without(key) })).toContain(`${key} is missing`);
});

test("metrics of theirs have their unit and kind, and every label that is required, of its type", () => {
  const meter = createMeter(null, { names });
  for (const each of RECORDS) {
    const model = "what" in each && each.what.startsWith("infer/");
    meter.take({ record: each, fields: model ? fields : { ...fields, infer: null } });
  }
  const theirs = meter.metrics().filter(({ name }) => !name.startsWith("aios."));
  expect(theirs.map(({ name }) => name).toSorted()).toEqual(Object.keys(METRICS).toSorted());
  const errors = new Set<string | undefined>();
  for (const { name, kind, unit, points } of theirs) {
    expect({ kind, unit }).toEqual({ kind: METRICS[name]?.kind, unit: METRICS[name]?.unit });
    expect(points.length).toBeGreaterThan(0);
    for (const { labels } of points) {
      expect(Object.keys(labels)).toEqual(expect.arrayContaining([...(METRICS[name]?.required ?? ["?"])]));
      for (const [key, value] of Object.entries(labels)) expect(wrongValue(key, { stringValue: value })).toBeNull();
      errors.add(labels["error.type"]);
    }
  }
  // The same words as on spans.
  expect(errors).toEqual(new Set([undefined, "tool_error", "driver-failed", "unknown"]));
});
