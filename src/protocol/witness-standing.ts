import { integer, list, nullable, object, oneOf, text, type Decoder } from "./decode.ts";
import { count, moment } from "./fields.ts";
import type { WitnessSet } from "./witness-set.ts";

/**
 * Why a witness did not cosign. `rolled-back`: it has seen more records of this log than there are. `forked`: it has seen
 * others in their place. The rest says nothing of the log: no answer, a refusal, an answer that is not its cosignature, one
 * that contradicts the one before.
 */
export const WITNESS_TROUBLES = ["silent", "refused", "unsigned", "unsteady", "rolled-back", "forked"] as const;
export type WitnessTroubleCode = (typeof WITNESS_TROUBLES)[number];

/** What came of asking a witness when it was no cosignature. */
export interface WitnessTrouble {
  readonly code: WitnessTroubleCode;
  /** Records of the log that it was asked about. */
  readonly size: number;
  /** Records that it has seen, where it said so. */
  readonly seen: number | null;
  /** Status of its answer (docs/formats/witness.md), where there was one. */
  readonly status: number | null;
}

/** One witness of a home's log. */
export interface WitnessView {
  readonly name: string;
  readonly at: string;
  /** Records that it has cosigned; null when none that the home knows of. */
  readonly size: number | null;
  /** The last time that it was asked; `at` in milliseconds since 1970 UTC. Null when it cosigned, or was not asked yet. */
  readonly trouble: (WitnessTrouble & { readonly at: number }) | null;
}

/** The witnesses of a home's log, as an owner signed them, and how they stand. */
export interface WitnessesView extends Pick<WitnessSet, "quorum" | "before"> {
  /** Records of the log. */
  readonly size: number;
  readonly witnesses: readonly WitnessView[];
}

const TROUBLE = object<NonNullable<WitnessView["trouble"]>>({
  code: oneOf(WITNESS_TROUBLES),
  size: count,
  seen: nullable(count),
  status: nullable(integer({ min: 0, max: 999 })),
  at: moment,
});

export const WITNESSES_VIEW: Decoder<WitnessesView> = object<WitnessesView>({
  quorum: count,
  before: oneOf(["nothing", "reserved"]),
  size: count,
  witnesses: list(
    object<WitnessView>({
      name: text({ max: 400 }),
      at: text({ max: 256 }),
      size: nullable(count),
      trouble: nullable(TROUBLE),
    }),
    { max: 16 },
  ),
});

/** What says that the log is not the one that others have seen. */
export const GRAVE = ["rolled-back", "forked"] as const;

/** Whether that says that the log is not the one that others have seen. */
export function isGrave(code: WitnessTroubleCode): code is (typeof GRAVE)[number] {
  return GRAVE.some((grave) => grave === code);
}
