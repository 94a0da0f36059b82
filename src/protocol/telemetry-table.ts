import { boolean, integer, list, nullable, object, oneOf, text, type Decoder } from "./decode.ts";
import { count, empty, moment, words } from "./fields.ts";
import { MAX_FRAME } from "./frame.ts";
import type { AnswerTable, BodyTable, EventTable, Side } from "./side.ts";
import { TELEMETRY_SETTING, type TelemetrySetting } from "./telemetry-setting.ts";

/** Records that are asked about at a time. */
export const MOST_ASKED = 32;
/** Programs of one record that are told of. */
export const MOST_PROGRAMS = 32;
/** Longest argument or result that is handed over, UTF-16 units. */
export const MOST_CONTENT = 8192;
const SHORT = 512;

/** What the monitor tells of one sealed payload: these fields, and no other. */
export interface PayloadFields {
  readonly record: number;
  /** Of a call of a model. */
  readonly infer: {
    readonly provider: string | null;
    readonly model: string | null;
    /** What was spent, in the outcome. */
    readonly spent: { readonly input: number; readonly output: number; readonly cost: number } | null;
  } | null;
  /** Of an exchange with another machine; path, query, headers and bodies are not among it. */
  readonly net: {
    readonly host: string | null;
    readonly port: number | null;
    readonly method: string | null;
    readonly status: number | null;
    readonly sent: number | null;
    readonly received: number | null;
  } | null;
  /** Programs that were started inside, the first of them, without their arguments. */
  readonly programs: readonly { readonly pid: number; readonly parent: number; readonly program: string }[];
  /** With content switched on only, without the values of secrets, cut to length. */
  readonly content: { readonly arguments: string | null; readonly result: string | null } | null;
}

/** Ways in which what is told leaves the process. */
export const DELIVERIES = ["traces", "logs", "metrics", "prometheus", "ocsf-file", "ocsf-http"] as const;
export type DeliveryName = (typeof DELIVERIES)[number];

/** Records that were delivered and that the log does not hold any more. */
export interface Rewound {
  /** Milliseconds since 1970 UTC at which it was found. */
  readonly at: number;
  /** The first of which that is known, and the one after the last. */
  readonly from: number;
  readonly to: number;
  /** Records of the log when it was found. */
  readonly size: number;
}

/** How one of them stands. */
export interface DeliveryState {
  readonly name: DeliveryName;
  /** Number of the first record that it has not delivered. */
  readonly next: number;
  /** Why the last try came to nothing; null when it did not. */
  readonly fault: string | null;
  /** Records, or what was made of them, that its receiver refused for good or that could not be read. */
  readonly lost: number;
  /** The last time that the log had gone back, until an owner signs a setting anew; null when it never had. */
  readonly rewound: Rewound | null;
}

/** How telemetry stands. */
export interface TelemetryStanding {
  readonly on: boolean;
  readonly runs: boolean;
  /** Records of the log. */
  readonly size: number;
  readonly deliveries: readonly DeliveryState[];
  /** The record of a setting that an owner signed and that went with the end of the log, until one signs another; else null. */
  readonly missing: number | null;
}

/** Requests that the telemetry process may send. They ask, and change nothing. */
export interface TelemetryRequests {
  /** Its first word. `from`: the record of the setting, with which a delivery begins that has no cursor. */
  begin: {
    body: Record<string, never>;
    ok: { readonly setting: TelemetrySetting; readonly from: number; readonly size: number; readonly version: string };
  };
  /** Named fields of the payloads of these records, in that order. */
  fields: { body: { readonly records: readonly number[] }; ok: { readonly fields: readonly PayloadFields[] } };
}

/** Events that it hears. */
export interface TelemetryNews {
  /** So many records are in public files now. */
  grown: { readonly size: number };
}

/** Events that it says. */
export interface TelemetryWords {
  standing: { readonly deliveries: readonly DeliveryState[] };
}

const short = text({ max: SHORT });
const number = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const content = text({ max: MOST_CONTENT });

const FIELDS: Decoder<PayloadFields> = object<PayloadFields>({
  record: count,
  infer: nullable(
    object<NonNullable<PayloadFields["infer"]>>({
      provider: nullable(short),
      model: nullable(short),
      spent: nullable(
        object<NonNullable<NonNullable<PayloadFields["infer"]>["spent"]>>({
          input: number,
          output: number,
          cost: number,
        }),
      ),
    }),
  ),
  net: nullable(
    object<NonNullable<PayloadFields["net"]>>({
      host: nullable(short),
      port: nullable(number),
      method: nullable(short),
      status: nullable(number),
      sent: nullable(number),
      received: nullable(number),
    }),
  ),
  programs: list(object<PayloadFields["programs"][number]>({ pid: number, parent: number, program: short }), {
    max: MOST_PROGRAMS,
  }),
  content: nullable(
    object<NonNullable<PayloadFields["content"]>>({ arguments: nullable(content), result: nullable(content) }),
  ),
});

const SERVES: BodyTable<TelemetryRequests> = {
  begin: empty,
  fields: object<TelemetryRequests["fields"]["body"]>({ records: list(count, { max: MOST_ASKED }) }),
};

const ANSWERS: AnswerTable<TelemetryRequests> = {
  begin: object<TelemetryRequests["begin"]["ok"]>({
    setting: TELEMETRY_SETTING,
    from: count,
    size: count,
    version: words,
  }),
  fields: object<TelemetryRequests["fields"]["ok"]>({ fields: list(FIELDS, { max: MOST_ASKED }) }),
};

const NEWS: EventTable<TelemetryNews> = { grown: object<TelemetryNews["grown"]>({ size: count }) };

export const REWOUND: Decoder<Rewound> = object<Rewound>({ at: moment, from: count, to: count, size: count });

/** How the deliveries stand; decoded for the monitor and for whoever asks it. */
const STANDING: Decoder<readonly DeliveryState[]> = list(
  object<DeliveryState>({
    name: oneOf(DELIVERIES),
    next: count,
    fault: nullable(text({ max: 128, pattern: /^[ -~]*$/ })),
    lost: count,
    rewound: nullable(REWOUND),
  }),
  { max: DELIVERIES.length },
);

export const TELEMETRY_STANDING: Decoder<TelemetryStanding> = object<TelemetryStanding>({
  on: boolean(),
  runs: boolean(),
  size: count,
  deliveries: STANDING,
  missing: nullable(count),
});

const WORDS: EventTable<TelemetryWords> = { standing: object<TelemetryWords["standing"]>({ deliveries: STANDING }) };

type None = object;

/** The monitor's end of the channel of telemetry. */
export const MONITOR_TELEMETRY: Side<{
  serves: TelemetryRequests;
  hears: TelemetryWords;
  asks: None;
  says: TelemetryNews;
}> = { serves: SERVES, hears: WORDS, asks: {}, says: NEWS, maxFrame: MAX_FRAME };

/** The other end. */
export const TELEMETRY_SIDE: Side<{
  serves: None;
  hears: TelemetryNews;
  asks: TelemetryRequests;
  says: TelemetryWords;
}> = { serves: {}, hears: NEWS, asks: ANSWERS, says: WORDS, maxFrame: MAX_FRAME };
