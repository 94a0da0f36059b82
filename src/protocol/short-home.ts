import type { HomeGrant } from "../kernel/home-grant.ts";
import type { JsonValue } from "../kernel/json.ts";
import { integer, names, object, type Decoder } from "./decode.ts";
import { homePath } from "./fields.ts";
import type { Refusal } from "./refusal.ts";
import { parseSize, quantity } from "./units.ts";

/** Entries of a home for which no number is written: several times what agents were seen to keep. */
const USUAL_ENTRIES = 200_000;

const size = quantity(parseSize, "a size such as 2GiB");
const FULL_HOME: Decoder<HomeGrant> = object<HomeGrant>(
  { bytes: size, entries: integer({ min: 16, max: 1_000_000 }), sealed: names(homePath, { max: 128 }) },
  { defaults: { entries: USUAL_ENTRIES, sealed: [] } },
);

/** Reads a home as people write it: its size alone (`2GiB`), or with entries and sealed paths. */
export function shortHome(value: JsonValue, refusal: Refusal): HomeGrant | Refusal {
  return FULL_HOME(typeof value === "string" ? { bytes: value } : value, refusal);
}
