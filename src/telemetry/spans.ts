import type { JsonObject } from "../kernel/json.ts";
import type { Sha256 } from "../protocol/merkle.ts";
import { spanId, traceId, type TraceOrigin } from "../protocol/trace-context.ts";
import { encodeAttributes, nanos, type Attributes } from "./attributes.ts";

/** Kinds of spans of OTLP. */
export const SPAN_KIND = { internal: 1, client: 3 } as const;

/** A moment: milliseconds since 1970 UTC, and microseconds on top. */
export interface Moment {
  readonly at: number;
  readonly micros: number;
}

/** A span before it is encoded. */
export interface SpanDraft {
  readonly origin: TraceOrigin;
  /** Names it within its trace. */
  readonly id: string;
  /** The one above it in the same trace, or null. */
  readonly parent: string | null;
  readonly name: string;
  readonly kind: (typeof SPAN_KIND)[keyof typeof SPAN_KIND];
  readonly from: Moment;
  readonly to: Moment;
  readonly attributes: Attributes;
  /** What went wrong, as a code; null when nothing did. */
  readonly error: string | null;
  /** A span of another trace that it belongs to: its origin and id. */
  readonly link: { readonly origin: TraceOrigin; readonly id: string } | null;
}

/** OTLP's JSON for a span: ids in hex, moments in nanoseconds as text. A span ends no earlier than it begins. */
export function encodeSpan(draft: SpanDraft, sha256: Sha256): JsonObject {
  const { origin, id, parent, name, kind, from, to, attributes, error, link } = draft;
  const begin = BigInt(nanos(from.at, from.micros));
  const end = BigInt(nanos(to.at, to.micros));
  return {
    traceId: traceId(sha256, origin),
    spanId: spanId(sha256, origin, id),
    ...(parent === null ? {} : { parentSpanId: spanId(sha256, origin, parent) }),
    flags: 1,
    name,
    kind,
    startTimeUnixNano: String(begin),
    endTimeUnixNano: String(end > begin ? end : begin),
    attributes: encodeAttributes(error === null ? attributes : { ...attributes, "error.type": error }),
    ...(link === null
      ? {}
      : { links: [{ traceId: traceId(sha256, link.origin), spanId: spanId(sha256, link.origin, link.id), flags: 1 }] }),
    // Said where it is zero too: receivers were seen that take a status without a code for a fault.
    status: error === null ? { code: 0 } : { code: 2, message: error },
  };
}
