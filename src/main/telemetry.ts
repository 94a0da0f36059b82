/**
 * Shows the log to those that an owner signed for. Descriptor 3 is the monitor, which says how far public files go and
 * tells named fields of payloads. It sees the leaves of the log and a folder of its own; it holds no key, no agent has a
 * channel to it, and what receivers answer is parsed here. Nothing waits for it.
 *
 *     telemetry.ts [--metrics]        with a listener for Prometheus as descriptor 4
 */
import { lookup } from "node:dns/promises";
import { createHash } from "node:crypto";
import { isLoopback, parseHttpUrl } from "../kernel/hosts.ts";
import { isObject, parseJson, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { inheritedChannel } from "../platform/channels/channel.ts";
import { openEventFile } from "../platform/log/event-file.ts";
import { openLogReader } from "../platform/log/log-reader.ts";
import { serveMetrics } from "../platform/serving/metrics-server.ts";
import { hardenProcess } from "../platform/sandbox/process-hardening.ts";
import { openTelemetryStore } from "../platform/log/telemetry-store.ts";
import { createTimer } from "../platform/timer.ts";
import { postOnce } from "../platform/network/token-request.ts";
import { createPeer } from "../protocol/rpc.ts";
import {
  MOST_ASKED,
  TELEMETRY_SIDE,
  type DeliveryName,
  type DeliveryState,
  type PayloadFields,
} from "../protocol/telemetry-table.ts";
import { readCursor } from "../telemetry/cursor.ts";
import { createDelivery, type CursorStore, type Delivery, type Sent } from "../telemetry/delivery.ts";
import { createLogs } from "../telemetry/logs.ts";
import { createMeter, type Meter } from "../telemetry/meter.ts";
import { createNames } from "../telemetry/names.ts";
import { createOcsf } from "../telemetry/ocsf.ts";
import { encodeMetrics } from "../telemetry/otlp-metrics.ts";
import { leftOut, otlpRequest } from "../telemetry/otlp.ts";
import { PROMETHEUS_TYPE, prometheusText } from "../telemetry/prometheus.ts";
import { asksForFields } from "../telemetry/record-attributes.ts";
import { readLeaf, readRecords, type Found } from "../telemetry/tail.ts";
import { createTraces } from "../telemetry/traces.ts";
import type { View } from "../telemetry/view.ts";

const MONITOR = 3;
const LISTENER = 4;
const STANDING_MS = 250;
/** How often metrics are sent, milliseconds. */
const METRICS_MS = 10_000;
/** And how soon again when nobody took them. */
const METRICS_AGAIN_MS = 1000;

hardenProcess();

const sha256 = (data: Uint8Array): Uint8Array => createHash("sha256").update(data).digest();
const deliveries: Delivery[] = [];
const states = new Map<DeliveryName, DeliveryState>();
let size = 0;
let telling = false;

const peer = createPeer(inheritedChannel(MONITOR), {
  side: TELEMETRY_SIDE,
  requests: {},
  events: {
    grown: (news) => {
      size = Math.max(size, news.size);
      for (const delivery of deliveries) delivery.wake();
    },
  },
  onFault: ({ message }) => end(`the monitor broke the protocol: ${message}`),
  onError: (_error, name) => end(`${name} failed`),
});
void peer.closed.then(() => process.exit(0));

const store = openTelemetryStore("/telemetry");
const files = openLogReader("/log");
const timer = createTimer();
const begun = await peer.request("begin", {});
const { setting, version } = begun;
size = Math.max(size, begun.size);
const names = createNames(setting.names, { salt: store.salt(), sha256 });
const teller = { version, home: names.home() };

startEvents();
if (setting.otlp !== null) startOtlp(setting.otlp);
if (setting.prometheus !== null || setting.otlp?.signals.includes("metrics") === true) startMeter();

function viewOcsf(): View {
  return createOcsf({ names, version });
}

function startEvents(): void {
  const { file, to } = setting.siem;
  if (file !== null) {
    const events = openEventFile("/telemetry/ocsf", file);
    start("ocsf-file", "file", {
      view: viewOcsf,
      send(values) {
        try {
          events.append(linesOf(values));
          return Promise.resolve({ kind: "done" });
        } catch (error) {
          return Promise.resolve({ kind: "later", why: codeOf(error) });
        }
      },
    });
  }
  if (to !== null) {
    start("ocsf-http", to, { view: viewOcsf, send: (values) => post(to, "application/x-ndjson", linesOf(values)) });
  }
}

function startOtlp({ to, signals }: NonNullable<typeof setting.otlp>): void {
  const at = to.replace(/\/$/, "");
  const send =
    (signal: "traces" | "logs") =>
    (values: readonly JsonObject[]): Promise<Sent> =>
      post(`${at}/v1/${signal}`, "application/json", JSON.stringify(otlpRequest(signal, values, teller)));
  if (signals.includes("traces")) {
    start("traces", at, { view: (kept) => createTraces(kept, { names, sha256 }), send: send("traces") });
  }
  if (signals.includes("logs")) start("logs", at, { view: () => createLogs({ names, sha256 }), send: send("logs") });
}

/** Counts at its own pace; what it has counted is served, and sent from time to time as it is by then. */
function startMeter(): void {
  let meter: Meter | null = null;
  const make = (kept: JsonValue): View => (meter = createMeter(kept, { names }));
  start("metrics", "meter", { view: make, send: () => Promise.resolve({ kind: "done" }) });
  if (setting.prometheus !== null) {
    const { port } = setting.prometheus;
    const listens = process.argv.includes("--metrics");
    if (listens) {
      serveMetrics(LISTENER, { port, type: PROMETHEUS_TYPE, text: () => prometheusText(meter?.metrics() ?? []) });
    }
    const fault = listens ? null : `port ${port} is taken`;
    stands({ name: "prometheus", next: begun.from, fault, lost: 0, rewound: null });
  }
  const { otlp } = setting;
  if (otlp === null || !otlp.signals.includes("metrics")) return;
  const at = `${otlp.to.replace(/\/$/, "")}/v1/metrics`;
  const tick = async (): Promise<void> => {
    const since = meter?.since() ?? null;
    let fine = false;
    if (meter !== null && since !== null) {
      const values = encodeMetrics(meter.metrics(), { since, now: Date.now() });
      const sent = await post(at, "application/json", JSON.stringify(otlpRequest("metrics", values, teller)));
      fine = sent.kind === "done";
      const counted = states.get("metrics");
      if (counted !== undefined) stands({ ...counted, fault: sent.kind === "done" ? null : sent.why });
    }
    timer.after(fine ? METRICS_MS : METRICS_AGAIN_MS, () => void tick());
  };
  timer.after(STANDING_MS, () => void tick());
}

function linesOf(values: readonly JsonObject[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join("");
}

function start(
  name: DeliveryName,
  destination: string,
  { view, send }: { view(kept: JsonValue): View; send(values: readonly JsonObject[]): Promise<Sent> },
): void {
  const delivery = createDelivery({
    name,
    view,
    from: begun.from,
    cursors: cursorOf(name, destination),
    read: (from) => (from >= size ? Promise.resolve([]) : readRecords((path) => files.read(path), { from, size })),
    whole: name === "metrics",
    size: () => size,
    hashOf,
    fieldsOf,
    send,
    timer,
    now: () => Date.now(),
    stands,
  });
  deliveries.push(delivery);
  delivery.wake();
}

/** Another destination of the same name begins anew, where its setting does. */
function cursorOf(name: DeliveryName, destination: string): CursorStore {
  const to = createHash("sha256").update(destination).digest("hex");
  return {
    load: () => {
      const read = parseJson(store.load(`cursor-${name}`) ?? "");
      if (read.kind !== "ok" || !isObject(read.value)) return Promise.resolve(null);
      const { to: kept, ...cursor } = read.value;
      return Promise.resolve(kept === to ? readCursor(cursor) : null);
    },
    keep: (cursor) => Promise.resolve(store.keep(`cursor-${name}`, `${JSON.stringify({ to, ...cursor })}\n`)),
  };
}

async function hashOf(seq: number): Promise<string | null> {
  const leaf = await readLeaf((path) => files.read(path), { seq, size });
  return leaf === null ? null : createHash("sha256").update(leaf).digest("hex");
}

async function fieldsOf(found: readonly Found[]): Promise<ReadonlyMap<number, PayloadFields>> {
  const asked = found.flatMap((each) =>
    each.kind === "record" && asksForFields(each.record, setting.content) ? [each.record.seq] : [],
  );
  const known = new Map<number, PayloadFields>();
  for (let at = 0; at < asked.length; at += MOST_ASKED) {
    const { fields } = await peer.request("fields", { records: asked.slice(at, at + MOST_ASKED) });
    for (const each of fields) known.set(each.record, each);
  }
  return known;
}

async function post(to: string, type: string, text: string): Promise<Sent> {
  const url = parseHttpUrl(to);
  if (url === null) return { kind: "later", why: "no address" };
  const { scheme, host } = url;
  const answer = await postOnce(
    {
      scheme,
      host,
      port: url.port ?? (scheme === "https" ? 443 : 80),
      path: url.path === "" ? "/" : url.path,
      reach: isLoopback(host) ? "loopback" : "public",
    },
    { type, text },
    {
      resolve: (name) => lookup(name.replace(/^\[(.*)\]$/, "$1"), { all: true, verbatim: true }),
      authorities: null,
    },
  );
  if (answer.kind === "failed") return { kind: "later", why: answer.fault };
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: "done", leftOut: leftOut(answer.text) };
  // A receiver that asks for patience, is broken, wants a login or has moved may take the same tomorrow.
  const never = status === 400 || status === 413 || status === 415 || status === 422;
  return { kind: never ? "refused" : "later", why: `status ${status}` };
}

function stands(state: DeliveryState): void {
  states.set(state.name, state);
  // What the page shows is what was counted.
  const page = states.get("prometheus");
  if (state.name === "metrics" && page !== undefined) {
    states.set("prometheus", { ...page, next: state.next, rewound: state.rewound });
  }
  if (telling) return;
  telling = true;
  timer.after(STANDING_MS, () => {
    telling = false;
    peer.event("standing", { deliveries: [...states.values()] });
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "it failed";
}

function end(why: string): never {
  process.stderr.write(`aios telemetry: ${why}\n`);
  process.exit(1);
}
