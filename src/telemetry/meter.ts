import { isObject, type JsonValue } from "../kernel/json.ts";
import type { Decider, LogRecord } from "../protocol/record.ts";
import type { PayloadFields } from "../protocol/telemetry-table.ts";
import { DEVICES, errorOfOutcome } from "./call-span.ts";
import { showText, type Names } from "./names.ts";
import { isAction, type ActionRecord } from "./record-attributes.ts";
import { Tally, textsIn, type Labels, type Metric } from "./tally.ts";
import type { Seen, View } from "./view.ts";

/** A view that delivers nothing by itself: it counts. */
export interface Meter extends View {
  metrics(): readonly Metric[];
  /** When it began to count, milliseconds since 1970 UTC; null before the first record. */
  since(): number | null;
}

const MICROS = 1_000_000;
/** Held actions and tasks that are remembered; beyond, the oldest count no more. */
const MOST_OPEN = 10_000;

/** Counts the log. What it has counted is its snapshot, so that a restart neither forgets nor counts twice. */
export function createMeter(snapshot: JsonValue, { names }: { readonly names: Names }): Meter {
  const kept = isObject(snapshot) ? snapshot : {};
  const tally = new Tally(kept["tally"] ?? null);
  /** Since when, by the digest of the action. */
  const held = numbersFrom(kept["held"]);
  /** Prompts so far, by the instance that has no other above it. */
  const tasks = numbersFrom(kept["tasks"]);
  /** 1 for each instance that runs. */
  const running = numbersFrom(kept["running"]);
  /** Provider and model by the number of the intent. */
  const asked = new Map<string, Labels>(labelsFrom(kept["asked"]));
  let since = typeof kept["since"] === "number" ? kept["since"] : null;

  function count(record: ActionRecord, stage: string, decision: string): void {
    tally.add("aios.actions", 1, { stage, decision, risk: record.risk });
  }

  function waited(record: ActionRecord, decision: string): void {
    const from = held.get(record.action);
    if (from === undefined) return;
    held.delete(record.action);
    tally.observe("aios.approval.duration", Math.max(0, record.at - from) / 1000, { decision });
  }

  function takeAction(record: ActionRecord, fields: PayloadFields | null): void {
    switch (record.kind) {
      case "held": {
        count(record, "approve", "held");
        remember(held, record.action, record.at);
        const task = record.ancestry.at(-1) ?? record.instance;
        if (tasks.has(task)) tasks.set(task, (tasks.get(task) ?? 0) + 1);
        return;
      }
      case "approved":
        count(record, "approve", "approved");
        return waited(record, "approved");
      case "denied":
        count(record, record.stage, "denied");
        return waited(record, "denied");
      case "intent":
        count(record, "execute", "intended");
        waited(record, "approved");
        for (const grant of grantsOf(record.by)) tally.add("aios.grant.uses", 1, { grant });
        if (fields?.infer != null) {
          const { provider, model } = fields.infer;
          remember(asked, String(record.seq), {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": showText(provider ?? "unknown"),
            "gen_ai.request.model": showText(model ?? "unknown"),
          });
        }
        return;
      case "outcome":
        return takeOutcome(record, fields);
    }
  }

  function takeOutcome(record: Extract<LogRecord, { kind: "outcome" }>, fields: PayloadFields | null): void {
    count(record, "audit", record.result);
    const seconds = record.micros / MICROS;
    tally.observe("aios.action.duration", seconds, { risk: record.risk, result: record.result });
    tally.add("aios.result.bytes", record.bytes);
    const failed = errorOfOutcome(record);
    const error: Labels = failed === null ? {} : { "error.type": failed };
    const model = asked.get(String(record.intent));
    asked.delete(String(record.intent));
    const { driver, verb, name } = names.subject(record);
    if (driver === "infer") {
      tally.observe("gen_ai.client.operation.duration", seconds, { ...model, ...error });
      const spent = fields?.infer?.spent ?? null;
      if (spent === null) return;
      for (const type of ["input", "output"] as const) {
        tally.observe("gen_ai.client.token.usage", spent[type], { ...model, "gen_ai.token.type": type });
      }
      const provider = model?.["gen_ai.provider.name"] ?? "unknown";
      tally.add("aios.inference.cost", spent.cost / MICROS, { "gen_ai.provider.name": provider });
    } else if (!DEVICES.has(driver)) {
      const method = { call: "tools/call", read: "resources/read", prompt: "prompts/get" }[verb];
      const tool: Labels = verb === "call" ? { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name } : {};
      tally.observe("mcp.client.operation.duration", seconds, { "mcp.method.name": method, ...tool, ...error });
    }
  }

  function takeOther(record: LogRecord): void {
    const { kind } = record;
    if (kind === "start") {
      // Nothing runs on over a start of the monitor; their ends are recorded next, if they are.
      running.clear();
    } else if (kind === "instance-started") {
      remember(running, record.instance, 1);
      if (record.ancestry.length === 0) remember(tasks, record.instance, 0);
    } else if (kind === "terminal") {
      tally.add("aios.terminals", 1, { code: record.code });
      ended(record.instance);
    } else if (kind === "instance-ended") {
      ended(record.instance);
    } else if (kind === "instance-frozen") {
      tally.add("aios.freezes", 1, { code: showText(record.code) });
    }
  }

  function ended(instance: string): void {
    running.delete(instance);
    const prompts = tasks.get(instance);
    if (prompts === undefined) return;
    tasks.delete(instance);
    tally.observe("aios.prompts", prompts);
  }

  return {
    take({ record, fields }: Seen) {
      since ??= record.at;
      if (isAction(record)) takeAction(record, fields);
      else takeOther(record);
      tally.set("aios.held", held.size);
      tally.set("aios.instances", running.size);
      tally.set("aios.log.records", record.seq + 1);
      return [];
    },
    gap: () => [],
    metrics: () => tally.metrics(),
    since: () => since,
    snapshot: () => ({
      since,
      tally: tally.snapshot(),
      held: Object.fromEntries(held),
      tasks: Object.fromEntries(tasks),
      running: Object.fromEntries(running),
      asked: Object.fromEntries<JsonValue>(asked),
    }),
  };
}

function grantsOf(by: Decider): readonly string[] {
  return by.kind === "grant" ? by.grants : [];
}

function remember<T>(open: Map<string, T>, key: string, value: T): void {
  open.set(key, value);
  for (const oldest of open.keys()) {
    if (open.size <= MOST_OPEN) return;
    open.delete(oldest);
  }
}

function numbersFrom(value: JsonValue | undefined): Map<string, number> {
  const pairs = Object.entries(isObject(value) ? value : {});
  return new Map(pairs.flatMap(([key, each]) => (typeof each === "number" ? [[key, each] as const] : [])));
}

function labelsFrom(value: JsonValue | undefined): readonly (readonly [string, Labels])[] {
  return Object.entries(isObject(value) ? value : {}).map(([key, each]) => [key, textsIn(each)] as const);
}
