import { encodeUtf8, toHex } from "./bytes.ts";
import type { Sha256 } from "./merkle.ts";

/** Which record a trace is named after: the intent of an action, or the record by which an instance started. */
export interface TraceOrigin {
  /** Start id of the monitor that wrote it. */
  readonly start: string;
  readonly seq: number;
}

const TRACE_BYTES = 16;
const SPAN_BYTES = 8;

/**
 * The trace of an action or an instance: 32 hex digits that follow from its record, so that the monitor can tell them to
 * a server before anything is exported, and an export that is made again has the same.
 */
export function traceId(sha256: Sha256, origin: TraceOrigin): string {
  return derive(sha256, origin, "trace").slice(0, TRACE_BYTES * 2);
}

/** A span of that trace by its name: 16 hex digits. */
export function spanId(sha256: Sha256, origin: TraceOrigin, name: string): string {
  return derive(sha256, origin, `span ${name}`).slice(0, SPAN_BYTES * 2);
}

/** The span that stands for the call of a driver: what servers and providers are told is above theirs. */
export const CALL_SPAN = "call";

/** The header of W3C Trace Context, level 1, that names that span as the parent; sampled. */
export function traceParent(sha256: Sha256, origin: TraceOrigin): string {
  return `00-${traceId(sha256, origin)}-${spanId(sha256, origin, CALL_SPAN)}-01`;
}

function derive(sha256: Sha256, { start, seq }: TraceOrigin, what: string): string {
  return toHex(sha256(encodeUtf8(`aios telemetry v1\n${start}\n${seq}\n${what}`)));
}
