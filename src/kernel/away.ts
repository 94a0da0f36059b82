import type { Decoded } from "./decoded.ts";
import type { Grant } from "./grant.ts";
import { decodeGrant, MAX_LEASE_MS } from "./grant-decoder.ts";
import type { JsonValue } from "./json.ts";
import { readDocument, type Place } from "./reading.ts";

/** Longest stretch in which an owner is away, milliseconds: as long as a lease. */
export const MAX_AWAY_MS: number = MAX_LEASE_MS;
/** Leases of one stretch. */
const MAX_LEASES = 16;
const MAX_TIME = 8_640_000_000_000_000;

/** What becomes of an action that a human would be asked about while nobody is there. */
export const AWAY_ANSWERS = ["wait", "deny"] as const;
export type AwayAnswer = (typeof AWAY_ANSWERS)[number];

/** How a stretch ends: somebody is back, or its time is over. */
export const AWAY_ENDS = ["back", "over"] as const;

/** The document that an owner signs before they go away. */
export interface Away {
  /** When it ends by itself, milliseconds since 1970 UTC. */
  readonly until: number;
  readonly asked: AwayAnswer;
  /** Leases that are in force for this stretch only: none outlives it. */
  readonly leases: readonly Grant[];
}

/** Decodes the document: its leases are leases, each with an id of its own, and end with it at the latest. */
export function decodeAway(value: JsonValue): Decoded<Away> {
  return readDocument(value, (place) => {
    const at = place.fields("until", "asked", "leases");
    const until = at("until").whole(1, MAX_TIME);
    const leases = at("leases").list(MAX_LEASES, (each) => readLease(each, until));
    if (new Set(leases.map(({ id }) => id)).size < leases.length) at("leases").fail("two of them have the same id");
    return { until, asked: at("asked").oneOf(AWAY_ANSWERS), leases };
  });
}

function readLease(place: Place, until: number): Grant {
  if (place.value === undefined) return place.fail("missing");
  const decoded = decodeGrant(place.value);
  if (decoded.kind === "refused") return place.fail(decoded.message);
  if (!decoded.value.lease) place.fail("a grant that is no lease: sign it by itself");
  if (!(decoded.value.limits.expires <= until)) place.fail("it outlives the stretch");
  return decoded.value;
}
