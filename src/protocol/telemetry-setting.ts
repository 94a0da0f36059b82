import { isLoopback, parseHttpUrl } from "../kernel/hosts.ts";
import type { JsonValue } from "../kernel/json.ts";
import {
  decode,
  integer,
  names,
  nullable,
  object,
  oneOf,
  refine,
  text,
  type DecodeResult,
  type Decoder,
} from "./decode.ts";

/** What OTLP carries. */
export const SIGNALS = ["traces", "metrics", "logs"] as const;
export type Signal = (typeof SIGNALS)[number];

const MEBIBYTE = 1024 * 1024;
/** Drivers and providers that a setting may name. */
const MOST_CONTEXTS = 64;

/** What of the log is shown to whom, as an owner signs it (docs/telemetry.md). Absence means that it goes nowhere. */
export interface TelemetrySetting {
  /** An OpenTelemetry receiver: the address before `/v1/traces`, `/v1/metrics` and `/v1/logs`. */
  readonly otlp: { readonly to: string; readonly signals: readonly Signal[] } | null;
  /** A port of 127.0.0.1 at which Prometheus finds `/metrics`. */
  readonly prometheus: { readonly port: number } | null;
  readonly siem: {
    /** OCSF events in files of the home's folder `telemetry`: bytes of one, and how many are kept besides it. */
    readonly file: { readonly bytes: number; readonly keep: number } | null;
    /** Where they are posted, as lines of JSON. */
    readonly to: string | null;
  };
  /** Whether names of resources, which may be paths and addresses, are shown as they are or as salted digests. */
  readonly names: "hashed" | "shown";
  /** Whether arguments and results go along, without the values of secrets. */
  readonly content: "none" | "scrubbed";
  /** Who is told our trace context with each call: `driver:NAME` and `provider:NAME`. */
  readonly context: readonly string[];
}

/** A home that has set none. */
export const NO_TELEMETRY: TelemetrySetting = Object.freeze({
  otlp: null,
  prometheus: null,
  siem: { file: null, to: null },
  names: "hashed",
  content: "none",
  context: [],
});

/** Whether a setting asks for anything. */
export function isTelemetryOn({ otlp, prometheus, siem }: TelemetrySetting): boolean {
  return otlp !== null || prometheus !== null || siem.file !== null || siem.to !== null;
}

/** http to this machine or https to another, with no query: the one destination that the owner signed for, and no other. */
const address: Decoder<string> = (value, refusal) => {
  if (typeof value !== "string" || value.length > 256) return refusal.misspelt("an address of a receiver", value);
  const url = parseHttpUrl(value);
  return url === null || /[?#]/.test(url.path) ? refusal.misspelt("an address of a receiver", value) : value;
};

const SETTING: Decoder<TelemetrySetting> = refine(
  object<TelemetrySetting>({
    otlp: nullable(
      object<NonNullable<TelemetrySetting["otlp"]>>({ to: address, signals: names(oneOf(SIGNALS), { max: 3 }) }),
    ),
    prometheus: nullable(
      object<NonNullable<TelemetrySetting["prometheus"]>>({ port: integer({ min: 1024, max: 65_535 }) }),
    ),
    siem: object<TelemetrySetting["siem"]>({
      file: nullable(
        object<NonNullable<TelemetrySetting["siem"]["file"]>>({
          bytes: integer({ min: 64 * 1024, max: 512 * MEBIBYTE }),
          keep: integer({ min: 1, max: 1000 }),
        }),
      ),
      to: nullable(address),
    }),
    names: oneOf(["hashed", "shown"]),
    content: oneOf(["none", "scrubbed"]),
    context: names(
      text({ max: 64, pattern: /^(?:driver|provider):[a-z][a-z0-9-]{0,30}$/, is: "driver:NAME or provider:NAME" }),
      { max: MOST_CONTEXTS },
    ),
  }),
  ({ otlp, context }) => {
    if (otlp?.signals.length === 0) return "names a receiver and no signal for it";
    const traces = otlp?.signals.includes("traces") === true;
    return traces || context.length === 0 ? null : "tells trace context to others and sends no traces";
  },
);

/** Reads a setting of telemetry. */
export function decodeTelemetry(value: JsonValue): DecodeResult<TelemetrySetting> {
  return decode(SETTING, value);
}

/**
 * Why a setting that decodes could never deliver, or null. Logs may hold such ones from before, so that reading one is no place for
 * this: nobody certifies a name or an address of this machine whom telemetry would believe.
 */
export function refuseTelemetry({ otlp, siem }: TelemetrySetting): string | null {
  for (const [where, to] of [
    ["/otlp/to", otlp?.to],
    ["/siem/to", siem.to],
  ] as const) {
    const url = parseHttpUrl(to ?? "");
    if (url?.scheme === "https" && isLoopback(url.host))
      return `${where} is https to this machine, which no certificate is for that would be believed: say http`;
  }
  return null;
}

/** The decoder itself, for what a setting is a part of. */
export { SETTING as TELEMETRY_SETTING };
