import type { Verified } from "./powers.ts";
import { makeVisible } from "../showing/visible.ts";

/** Why a log or a proof was refused, in words for a screen, with the record where it begins when one can be named. */
export function showRefusal({ at, why }: Extract<Verified, { kind: "refused" }>): string {
  return makeVisible(at === null ? why : `at record ${at}: ${why}`);
}
