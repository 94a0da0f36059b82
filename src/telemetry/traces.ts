import { STAGES, type Stage } from "../kernel/codes.ts";
import { isObject, type JsonValue } from "../kernel/json.ts";
import type { Sha256 } from "../protocol/merkle.ts";
import type { LogRecord } from "../protocol/record.ts";
import type { PayloadFields } from "../protocol/telemetry-table.ts";
import type { TraceOrigin } from "../protocol/trace-context.ts";
import { callSpan, errorOfOutcome } from "./call-span.ts";
import type { Names } from "./names.ts";
import { actionAttributes, deciderAttributes, isAction, type ActionRecord } from "./record-attributes.ts";
import { encodeSpan, SPAN_KIND, type Moment, type SpanDraft } from "./spans.ts";
import type { Item, Seen, View } from "./view.ts";

/** What is known of an action that has not ended; of the moments those that have been. */
export interface OpenAction {
  readonly at: number;
  readonly held: number | null;
  readonly approved: number | null;
  readonly intent: { readonly start: string; readonly seq: number; readonly at: number } | null;
  readonly infer: { readonly provider: string | null; readonly model: string | null } | null;
  readonly net: { readonly host: string | null; readonly port: number | null; readonly method: string | null } | null;
  readonly arguments: string | null;
}

/** An instance that runs. */
interface OpenInstance {
  readonly start: string;
  readonly seq: number;
  readonly at: number;
  readonly agent: string;
}

/** Actions and instances that are remembered; beyond, the oldest are given up and have no trace. */
const MOST_OPEN = 10_000;
/** The id of the root of a trace. */
export const ROOT_SPAN = "root";

/**
 * Makes a trace of each action once it has ended: a root, a span for each stage that it reached, and one for the call of
 * its driver. An instance is a trace of its own, of one span (`invoke_agent`), to which the roots of its actions link: an
 * agent that runs for a month is not one trace with all that it did.
 */
export function createTraces(
  snapshot: JsonValue,
  { names, sha256 }: { readonly names: Names; readonly sha256: Sha256 },
): View {
  const kept = isObject(snapshot) ? snapshot : {};
  const actions = openFrom<OpenAction>(kept["actions"]);
  const instances = openFrom<OpenInstance>(kept["instances"]);

  function takeAction(record: ActionRecord, fields: PayloadFields | null): readonly SpanDraft[] {
    const known = actions.get(record.action) ?? {
      at: record.at,
      held: null,
      approved: null,
      intent: null,
      infer: null,
      net: null,
      arguments: null,
    };
    const told: OpenAction = {
      ...known,
      infer: known.infer ?? pick(fields?.infer ?? null),
      net: known.net ?? fields?.net ?? null,
      arguments: known.arguments ?? fields?.content?.arguments ?? null,
    };
    switch (record.kind) {
      case "held":
        remember(actions, record.action, { ...told, held: record.at });
        return [];
      case "approved":
        remember(actions, record.action, { ...told, approved: record.at });
        return [];
      case "intent": {
        const { start, seq, at } = record;
        remember(actions, record.action, { ...told, intent: { start, seq, at } });
        return [];
      }
      case "denied":
      case "outcome":
        actions.delete(record.action);
        return actionSpans(record, { open: told, fields, names, root: instances.get(record.instance) ?? null });
    }
  }

  function takeOther(record: LogRecord): readonly SpanDraft[] {
    if (record.kind === "instance-started") {
      const { start, seq, at, agent } = record;
      remember(instances, record.instance, { start, seq, at, agent });
    }
    if (record.kind !== "instance-ended" && record.kind !== "terminal") return [];
    const open = instances.get(record.instance);
    instances.delete(record.instance);
    return open === undefined ? [] : [instanceSpan(record, open)];
  }

  return {
    take({ record, fields }: Seen) {
      const drafts = isAction(record) ? takeAction(record, fields) : takeOther(record);
      return drafts.map((draft): Item => ({ seq: record.seq, value: encodeSpan(draft, sha256) }));
    },
    // Spans that are missing are seen by nobody; the log records of the same delivery tell of gaps.
    gap: () => [],
    snapshot: () => ({
      actions: [...actions].map(([key, open]): JsonValue => [key, { ...open }]),
      instances: [...instances].map(([key, open]): JsonValue => [key, { ...open }]),
    }),
  };
}

function pick(infer: PayloadFields["infer"]): OpenAction["infer"] {
  return infer === null ? null : { provider: infer.provider, model: infer.model };
}

/** What a snapshot of ours remembers. The cursor lies in our own folder, whose owner could as well write what is sent. */
function openFrom<Open>(value: JsonValue | undefined): Map<string, Open> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by `snapshot` above
  return new Map(Array.isArray(value) ? (value as [string, Open][]) : []);
}

function remember<Open>(open: Map<string, Open>, key: string, value: Open): void {
  open.set(key, value);
  for (const oldest of open.keys()) {
    if (open.size <= MOST_OPEN) return;
    open.delete(oldest);
  }
}

/** `invoke_agent` of the semantic conventions for generative AI. */
function instanceSpan(
  record: Extract<LogRecord, { readonly kind: "instance-ended" | "terminal" }>,
  open: OpenInstance,
): SpanDraft {
  return {
    origin: open,
    id: ROOT_SPAN,
    parent: null,
    name: `invoke_agent ${open.agent}`,
    kind: SPAN_KIND.internal,
    from: moment(open.at),
    to: moment(record.at),
    attributes: {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": open.agent,
      "gen_ai.conversation.id": record.instance,
      "aios.instance": record.instance,
      ...(record.kind === "instance-ended" ? { "aios.exit": record.exit } : {}),
    },
    error: record.kind === "terminal" ? record.code : null,
    link: null,
  };
}

interface Ended {
  readonly open: OpenAction;
  readonly fields: PayloadFields | null;
  readonly names: Names;
  readonly root: OpenInstance | null;
}

function actionSpans(
  record: Extract<LogRecord, { readonly kind: "denied" | "outcome" }>,
  { open, fields, names, root }: Ended,
): readonly SpanDraft[] {
  const { intent } = open;
  const origin: TraceOrigin = intent ?? { start: record.start, seq: record.seq };
  const error = errorOf(record);
  const first = moment(open.at);
  const last = lastMoment(record, intent);
  const base = { origin, link: null, error: null } as const;
  const spans: SpanDraft[] = [
    {
      ...base,
      id: ROOT_SPAN,
      parent: null,
      name: `action ${names.subject(record).driver}`,
      kind: SPAN_KIND.internal,
      from: first,
      to: last,
      attributes: {
        ...actionAttributes(record, names),
        ...(record.kind === "denied" ? { "aios.stopped_at": record.stage, ...deciderAttributes(record.by) } : {}),
        "aios.held": open.held !== null,
      },
      error,
      link: root === null ? null : { origin: root, id: ROOT_SPAN },
    },
  ];
  for (const stage of STAGES) {
    const { from, to, timed } = stageTimes(stage, { record, open, first, last });
    const stopped = record.kind === "denied" && record.stage === stage;
    const failed = record.kind === "outcome" && stage === "execute";
    spans.push({
      ...base,
      id: stage,
      parent: ROOT_SPAN,
      name: stage,
      kind: SPAN_KIND.internal,
      from,
      to,
      attributes: { "aios.stage": stage, "aios.stage.timed": timed },
      error: stopped || failed ? error : null,
    });
    if (stage === "execute" && record.kind === "outcome") {
      spans.push({ ...base, ...callSpan(record, { open, fields, names }), parent: stage, from, to, error });
    }
    if (stopped) break;
  }
  return spans;
}

function errorOf(record: Extract<LogRecord, { readonly kind: "denied" | "outcome" }>): string | null {
  return record.kind === "denied" ? record.code : errorOfOutcome(record);
}

function lastMoment(
  record: Extract<LogRecord, { readonly kind: "denied" | "outcome" }>,
  intent: OpenAction["intent"],
): Moment {
  if (record.kind !== "outcome" || intent === null) return moment(record.at);
  const called = { at: intent.at, micros: record.micros };
  return intent.at + record.micros / 1000 > record.at ? called : moment(record.at);
}

function moment(at: number): Moment {
  return { at, micros: 0 };
}

/**
 * When a stage began and ended, as far as records say. Decide, select and validate are over within one turn of the
 * monitor's event loop, before its first record: they have a moment and no length.
 */
function stageTimes(
  stage: Stage,
  {
    record,
    open,
    first,
    last,
  }: { readonly record: LogRecord; readonly open: OpenAction; readonly first: Moment; readonly last: Moment },
): { readonly from: Moment; readonly to: Moment; readonly timed: boolean } {
  const called: Moment = {
    at: open.intent?.at ?? open.at,
    micros: record.kind === "outcome" && open.intent !== null ? record.micros : 0,
  };
  switch (stage) {
    case "decide":
    case "select":
    case "validate":
      return { from: first, to: first, timed: false };
    case "approve": {
      if (open.held === null) return { from: first, to: first, timed: false };
      return { from: moment(open.held), to: moment(open.approved ?? open.intent?.at ?? last.at), timed: true };
    }
    case "execute":
      return { from: moment(called.at), to: called, timed: record.kind === "outcome" };
    case "audit":
      return { from: called, to: last, timed: true };
  }
}
