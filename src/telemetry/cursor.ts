import type { JsonValue } from "../kernel/json.ts";
import { decode, json, list, nullable, object, text, type Decoder } from "../protocol/decode.ts";
import { count } from "../protocol/fields.ts";
import { REWOUND, type Rewound } from "../protocol/telemetry-table.ts";
import type { Mark } from "./marks.ts";

/** Where a delivery stands, over restarts. */
export interface Cursor {
  /** Number of the first record that it has not delivered. */
  readonly next: number;
  readonly lost: number;
  /** What its view remembers. */
  readonly view: JsonValue;
  /** By which it knows the log again, in order; the last one is of `next`. */
  readonly marks: readonly Mark[];
  /** The last time that the log had gone back; null when it never had. */
  readonly rewound: Rewound | null;
}

/** Marks are kept twice as far apart with every step back: no log has room for more. */
const MOST_MARKS = 64;

const CURSOR: Decoder<Cursor> = object<Cursor>({
  next: count,
  lost: count,
  view: json(),
  marks: list(object<Mark>({ next: count, hash: nullable(text({ max: 64, pattern: /^[0-9a-f]*$/ })) }), {
    max: MOST_MARKS,
  }),
  rewound: nullable(REWOUND),
});

/** Reads a cursor, or null: one that is damaged is none, and the delivery begins where its setting does. */
export function readCursor(value: JsonValue): Cursor | null {
  const read = decode(CURSOR, value);
  if (read.kind === "refused") return null;
  const { next, marks } = read.value;
  const inOrder = marks.every((mark, at) => mark.next > (marks[at - 1]?.next ?? 0));
  return inOrder && (marks.at(-1)?.next ?? next) === next ? read.value : null;
}
