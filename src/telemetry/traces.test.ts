import { createHash } from "node:crypto";
import * as conventions from "@opentelemetry/semantic-conventions/incubating";
import { expect, test } from "vitest";
import { action, BODIES, CANARY, EVERY_KIND, INSTANCE, record, START } from "../../test/telemetry/records.ts";
import { isPublished } from "../../test/telemetry/otlp-decoded.ts";
import { checkOtlp } from "../../test/telemetry/otlp-shape.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { LogRecord } from "../protocol/record.ts";
import type { PayloadFields } from "../protocol/telemetry-table.ts";
import { CALL_SPAN, spanId, traceId } from "../protocol/trace-context.ts";
import { createLogs } from "./logs.ts";
import { createNames } from "./names.ts";
import { otlpRequest } from "./otlp.ts";
import { createTraces } from "./traces.ts";
import type { View } from "./view.ts";

const sha256 = (data: Uint8Array): Uint8Array => createHash("sha256").update(data).digest();
const NONE: PayloadFields = { record: 0, infer: null, net: null, programs: [], content: null };
const parts = (mode: "hashed" | "shown" = "hashed") => ({ names: createNames(mode, { salt: "s", sha256 }), sha256 });
const teller = { version: "0.1.0", home: "h" };

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: JsonObject }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

function spans(view: View, records: readonly LogRecord[], fields: Partial<PayloadFields> = {}): readonly Span[] {
  return records
    .flatMap((each) => view.take({ record: each, fields: { ...NONE, ...fields } }))
    .map(({ value }) => value as unknown as Span);
}

const attribute = (span: Span | undefined, key: string): unknown =>
  Object.values(span?.attributes.find((each) => each.key === key)?.value ?? {})[0];

/** An instance, and one action of it that was held, approved and run. */
const HELD: readonly LogRecord[] = [
  record(1, BODIES["instance-started"], 1000),
  record(2, { ...BODIES.held, ...action() }, 2000),
  record(3, { ...BODIES.approved, ...action() }, 5000),
  record(4, { ...BODIES.intent, ...action() }, 5001),
  record(5, { ...BODIES.outcome, ...action(), intent: 4, micros: 2500 }, 5004),
  record(6, BODIES["instance-ended"], 9000),
];

test("an action is a trace of its own, with a span for each stage, linked to that of its instance", () => {
  const all = spans(createTraces(null, parts()), HELD);
  expect(all.map(({ name }) => name)).toEqual([
    "action files",
    "decide",
    "select",
    "validate",
    "approve",
    "execute",
    "tools/call read_text",
    "audit",
    "invoke_agent writer",
  ]);
  const [root, ...rest] = all.slice(0, -1);
  const instance = all.at(-1);
  expect(new Set(rest.map((span) => span.traceId))).toEqual(new Set([root?.traceId]));
  expect(root?.traceId).toBe(traceId(sha256, { start: START, seq: 4 }));
  expect(root?.parentSpanId).toBeUndefined();
  expect(root?.links).toEqual([{ traceId: instance?.traceId, spanId: instance?.spanId, flags: 1 }]);
  const named = (name: string): Span | undefined => all.find((span) => span.name === name);
  for (const stage of ["decide", "select", "validate", "approve", "execute", "audit"]) {
    expect(named(stage)?.parentSpanId).toBe(root?.spanId);
  }
  // What a server was told of our trace is this span.
  expect(named("tools/call read_text")).toMatchObject({
    parentSpanId: named("execute")?.spanId,
    spanId: spanId(sha256, { start: START, seq: 4 }, CALL_SPAN),
    kind: 3,
    startTimeUnixNano: "5001000000",
    endTimeUnixNano: "5003500000",
  });
  expect([named("approve")?.startTimeUnixNano, named("approve")?.endTimeUnixNano]).toEqual([
    "2000000000",
    "5000000000",
  ]);
  expect(attribute(named("decide"), "aios.stage.timed")).toBe(false);
});

test("a denied action ends at its stage, and says why", () => {
  const denied = record(9, { ...BODIES.denied, ...action(), stage: "validate", code: "no-grant" });
  const all = spans(createTraces(null, parts()), [denied]);
  expect(all.map(({ name }) => name)).toEqual(["action files", "decide", "select", "validate"]);
  expect(all.at(-1)?.status).toEqual({ code: 2, message: "no-grant" });
  expect(all[1]?.status).toEqual({ code: 0 });
});

test("what a call was for is said in the words of the conventions", () => {
  const call = (what: string, fields: Partial<PayloadFields>): Span | undefined =>
    spans(
      createTraces(null, parts()),
      [record(1, { ...BODIES.intent, ...action(what) }), record(2, { ...BODIES.outcome, ...action(what), intent: 1 })],
      fields,
    ).find((span) => span.parentSpanId !== undefined && attribute(span, "aios.stage") === undefined);
  const model = call("infer/messages", {
    infer: { provider: "local", model: "small-1", spent: { input: 10, output: 20, cost: 0 } },
  });
  expect(model?.name).toBe("chat small-1");
  expect(attribute(model, "gen_ai.usage.output_tokens")).toBe("20");
  const read = call(`files#file:///${CANARY}`, {});
  expect(read?.name).toBe("resources/read");
  expect(attribute(read, "mcp.resource.uri")).toMatch(/^hashed-/u);
  const net = { host: "api.example", port: 443, method: "GET", status: 200, sent: 1, received: 2 };
  expect(call("net/fetch", { net })?.name).toBe("GET");
});

test("every attribute that is not ours is defined by the conventions, and every value of theirs that is an enumeration", () => {
  const known = new Set<unknown>(
    Object.entries(conventions).flatMap(([key, value]) => (key.startsWith("ATTR_") ? [value] : [])),
  );
  const whats = ["files/read_text", `files#x`, "files@x", "infer/messages", "net/fetch"];
  const fields: Partial<PayloadFields> = {
    infer: { provider: "local", model: "m", spent: { input: 1, output: 1, cost: 1 } },
    net: { host: "a.example", port: 1, method: "GET", status: 200, sent: 1, received: 1 },
    content: { arguments: "{}", result: "{}" },
  };
  const all = whats.flatMap((what, n) =>
    spans(
      createTraces(null, parts()),
      [
        record(1, BODIES["instance-started"]),
        record(2, { ...BODIES.intent, ...action(what, `sha256:${String(n).repeat(64)}`) }),
        record(3, { ...BODIES.outcome, ...action(what, `sha256:${String(n).repeat(64)}`), result: "tool-error" }),
        record(4, BODIES["instance-ended"]),
      ],
      fields,
    ),
  );
  const keys = new Set(all.flatMap(({ attributes }) => attributes.map(({ key }) => key)));
  expect([...keys].filter((key) => !key.startsWith("aios.") && !known.has(key))).toEqual([]);
  for (const key of [
    "gen_ai.operation.name",
    "gen_ai.tool.name",
    "mcp.method.name",
    "mcp.resource.uri",
    "error.type",
  ]) {
    expect(keys).toContain(key);
  }
  const operations = new Set(
    all.map((span) => attribute(span, "gen_ai.operation.name")).filter((each) => each !== undefined),
  );
  expect(operations).toEqual(
    new Set([
      conventions.GEN_AI_OPERATION_NAME_VALUE_EXECUTE_TOOL,
      conventions.GEN_AI_OPERATION_NAME_VALUE_CHAT,
      conventions.GEN_AI_OPERATION_NAME_VALUE_INVOKE_AGENT,
    ]),
  );
});

test("a restart in the middle of an action makes the same spans", () => {
  const whole = spans(createTraces(null, parts()), HELD);
  for (let cut = 1; cut < HELD.length; cut += 1) {
    const first = createTraces(null, parts());
    const before = spans(first, HELD.slice(0, cut));
    const kept: unknown = JSON.parse(JSON.stringify(first.snapshot()));
    const after = spans(createTraces(kept as JsonObject, parts()), HELD.slice(cut));
    expect([...before, ...after]).toEqual(whole);
  }
});

test("spans and log records have the shape of OTLP, and no word that somebody else chose", () => {
  const view = createTraces(null, parts());
  const traced = [...EVERY_KIND, ...HELD].flatMap((each) => view.take({ record: each, fields: NONE }));
  const logged = EVERY_KIND.flatMap((each) => createLogs(parts()).take({ record: each, fields: NONE }));
  const gap = createLogs(parts()).gap({ from: 1, to: 3, at: 5, why: "damaged" });
  const traces = otlpRequest(
    "traces",
    traced.map(({ value }) => value),
    teller,
  );
  const logs = otlpRequest(
    "logs",
    [...logged, ...gap].map(({ value }) => value),
    teller,
  );
  expect(checkOtlp("traces", traces)).toEqual([]);
  expect(checkOtlp("logs", logs)).toEqual([]);
  expect([isPublished("traces", traces), isPublished("logs", logs)]).toEqual([true, true]);
  expect(JSON.stringify([traces, logs])).not.toContain(CANARY);
  expect(JSON.stringify(logs)).toContain("records 1 to 2 are missing");
  expect(JSON.stringify(logs)).toContain(INSTANCE);
  expect(logged).toHaveLength(EVERY_KIND.length);
});
