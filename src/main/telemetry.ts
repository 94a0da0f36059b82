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
import type { JsonObject } from "../kernel/json.ts";
import { parseJson } from "../kernel/json.ts";
import { inheritedChannel } from "../platform/channel.ts";
import { openEventFile } from "../platform/event-file.ts";
import { openLogReader } from "../platform/log-files.ts";
import { hardenProcess } from "../platform/process-hardening.ts";
import { openTelemetryStore } from "../platform/telemetry-store.ts";
import { createTimer } from "../platform/timer.ts";
import { postOnce } from "../platform/token-request.ts";
import { createPeer } from "../protocol/rpc.ts";
import {
  MOST_ASKED,
  TELEMETRY_SIDE,
  type DeliveryName,
  type DeliveryState,
  type PayloadFields,
} from "../protocol/telemetry-table.ts";
import { createDelivery, readCursor, type CursorStore, type Delivery, type Sent } from "../telemetry/delivery.ts";
import { createNames } from "../telemetry/names.ts";
import { createOcsf } from "../telemetry/ocsf.ts";
import { asksForFields } from "../telemetry/record-attributes.ts";
import { readRecords, type Found } from "../telemetry/tail.ts";
import type { View } from "../telemetry/view.ts";

const MONITOR = 3;
const STANDING_MS = 250;

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

if (setting.siem.file !== null) {
  const file = openEventFile("/telemetry/ocsf", setting.siem.file);
  start("ocsf-file", "file", {
    view: () => createOcsf({ names, version }),
    async send(values) {
      try {
        file.append(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
        return { kind: "done" };
      } catch (error) {
        return { kind: "later", why: codeOf(error) };
      }
    },
  });
}
if (setting.siem.to !== null) {
  const { to } = setting.siem;
  start("ocsf-http", to, {
    view: () => createOcsf({ names, version }),
    send: (values) => post(to, { type: "application/x-ndjson", text: linesOf(values) }),
  });
}

function linesOf(values: readonly JsonObject[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join("");
}

function start(
  name: DeliveryName,
  destination: string,
  { view, send }: { view(): View; send(values: readonly JsonObject[]): Promise<Sent> },
): void {
  const delivery = createDelivery({
    name,
    view,
    from: begun.from,
    cursors: cursorOf(name, destination),
    read: (from) => (from >= size ? Promise.resolve([]) : readRecords((path) => files.read(path), { from, size })),
    fieldsOf,
    send,
    timer,
    now: () => Date.now(),
    stands: (state) => {
      states.set(name, state);
      tell();
    },
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
      if (read.kind !== "ok" || read.value === null || typeof read.value !== "object" || !("to" in read.value)) {
        return Promise.resolve(null);
      }
      const { to: kept, ...cursor } = read.value;
      return Promise.resolve(kept === to ? readCursor(cursor) : null);
    },
    keep: (cursor) => Promise.resolve(store.keep(`cursor-${name}`, `${JSON.stringify({ to, ...cursor })}\n`)),
  };
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

async function post(to: string, body: { readonly type: string; readonly text: string }): Promise<Sent> {
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
    body,
    {
      resolve: (name) => lookup(name.replace(/^\[(.*)\]$/, "$1"), { all: true, verbatim: true }),
      authorities: null,
    },
  );
  if (answer.kind === "failed") return { kind: "later", why: answer.fault };
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: "done" };
  // A receiver that asks for patience, is broken, wants a login or has moved may take the same tomorrow.
  const never = status === 400 || status === 413 || status === 415 || status === 422;
  return { kind: never ? "refused" : "later", why: `status ${status}` };
}

function tell(): void {
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
